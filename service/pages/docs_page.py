"""The page /docs, from the OpenAPI document and templates/docs.html."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from service.pages.pages import render_page
from service.problems.catalog import CATALOG
from service.rendering.documents import Document

_METHODS: Final = ("get", "post", "put", "delete")


def docs_page(document: Mapping[str, Any]) -> Document:
    """Render the page from a result of `describe`."""
    operations = list(_operations(document))
    everywhere = _common([operation["responses"] for operation in operations])
    return render_page(
        "docs.html",
        document=document,
        operations=operations,
        everywhere=everywhere,
        problems=CATALOG.values(),
    )


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            operation = item[method]
            yield operation | {
                "path": path,
                "method": method,
                "is_open": "security" in document and operation.get("security") == [],
                "parameters": [*item.get("parameters", ()), *operation.get("parameters", ())],
            }


def _common(responses: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the responses common to all routes."""
    first = responses[0].items()
    return dict(pair for pair in first if all(pair in others.items() for others in responses))

"""The OpenAPI document as a page for people, made once at the start; it needs no script."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from service.pages import Document, page, prose, table
from service.problem_catalog import CATALOG

_METHODS: Final = ("get", "post", "put", "delete")
_Schema = Mapping[str, Any]
_Answers = Mapping[str, Any]


def docs_page(document: Mapping[str, Any]) -> Document:
    """The page.

    Args:
        document: what `describe` says.
    """
    info = document["info"]
    everywhere = _everywhere(document)
    version = f"Version {escape(info['version'])} of the interface."
    parts = [
        f"<h1>{escape(info['title'])}</h1>",
        f"<p>{prose(info['summary'])}</p>",
        f'<p class="quiet">{version} For programs: <a href="/openapi.json">openapi.json</a>.</p>',
        _keys(document),
        _first_steps(document),
        _contents(document),
        "<h2>Each route</h2>",
        *(_operation(document, everywhere, *entry) for entry in _operations(document)),
        "<h2>Answers of every route</h2>",
        _answers(document, everywhere),
        '<h2 id="shapes">Shapes</h2>',
        *(_shape(*entry) for entry in sorted(document["components"]["schemas"].items())),
        _problems(),
    ]
    return page(f"{info['title']} - API", "<main>" + "\n".join(parts) + "</main>")


def _keys(document: Mapping[str, Any]) -> str:
    if not document.get("security"):
        return ""
    how = prose("Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.")
    return f"<p>{how}</p>"


def _first_steps(document: Mapping[str, Any]) -> str:
    body = json.dumps(document["components"]["schemas"]["UploadBody"]["examples"][0], indent=1)
    key = " -H 'X-API-Key: KEY'" if document.get("security") else ""
    command = (
        f"curl{key} -H 'Content-Type: application/json' \\\n  -d '{body}' \\\n"
        "  http://localhost:8000/v1/images/upload"
    )
    return f"<h2>First steps</h2><pre>{escape(command)}</pre>"


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item


def _contents(document: Mapping[str, Any]) -> str:
    rows = []
    for path, method, item in _operations(document):
        target = f"#{escape(item[method]['operationId'])}"
        link = f'{_method(method)}<a href="{target}"><code>{escape(path)}</code></a>'
        rows.append((link, prose(item[method]["summary"])))
    return "<h2>Routes</h2>" + table(("Route", "What for"), rows)


def _everywhere(document: Mapping[str, Any]) -> _Answers:
    """The answers that all routes have in common."""
    each = [item[method]["responses"] for _, method, item in _operations(document)]
    return {
        status: answer
        for status, answer in each[0].items()
        if all(answers.get(status) == answer for answers in each)
    }


def _operation(
    document: Mapping[str, Any],
    everywhere: _Answers,
    path: str,
    method: str,
    item: Mapping[str, Any],
) -> str:
    operation = item[method]
    parts = [
        f"<h3>{_method(method)}<code>{escape(path)}</code></h3>",
        f"<p>{prose(operation['summary'])}</p>",
    ]
    if "description" in operation:
        parts.append(f"<p>{prose(operation['description'])}</p>")
    if document.get("security") and operation.get("security") == []:
        parts.append('<p class="quiet">No key is asked for.</p>')
    parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
    if parameters:
        parts += ["<h4>Parameters</h4>", _parameters(parameters)]
    if "requestBody" in operation:
        parts += ["<h4>Body</h4>", _content(operation["requestBody"]["content"])]
    own = {
        status: answer
        for status, answer in operation["responses"].items()
        if status not in everywhere
    }
    parts += ["<h4>Answers</h4>", _answers(document, own)]
    identity = escape(operation["operationId"])
    return f'<section class="operation" id="{identity}">' + "".join(parts) + "</section>"


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    return table(
        ("Name", "In", "Type", "Meaning"),
        [
            (
                f"<code>{escape(parameter['name'])}</code>",
                escape(parameter["in"]),
                _type(parameter["schema"]),
                prose(parameter.get("description", "")),
            )
            for parameter in parameters
        ],
    )


def _answers(document: Mapping[str, Any], answers: _Answers) -> str:
    rows = []
    for status, given in sorted(answers.items()):
        answer = given
        if "$ref" in given:
            answer = document["components"]["responses"][_last(given["$ref"])]
        rows.append(
            (
                escape(status),
                prose(answer["description"]),
                _content(answer.get("content", {})),
                ", ".join(f"<code>{escape(name)}</code>" for name in answer.get("headers", ())),
            )
        )
    return table(("Status", "Meaning", "Shape", "Header fields"), rows)


def _content(content: Mapping[str, Any]) -> str:
    return "<br>".join(
        f'{_type(form.get("schema", {}))} <span class="quiet">{escape(media_type)}</span>'
        for media_type, form in content.items()
    )


def _shape(name: str, schema: _Schema) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"<code>{escape(field)}</code>",
            _type(of) + ("" if field in required else ' <span class="quiet">may be missing</span>'),
            prose(of.get("description", "")),
        )
        for field, of in schema.get("properties", {}).items()
    ]
    fields = table(("Field", "Type", "Meaning"), rows) if rows else f"<p>{_type(schema)}</p>"
    examples = "".join(
        f"<pre>{escape(json.dumps(example, indent=2))}</pre>"
        for example in schema.get("examples", ())
    )
    return (
        f'<section class="operation" id="shape-{escape(name)}"><h3>{escape(name)}</h3>'
        f"<p>{prose(schema.get('description', ''))}</p>{fields}{examples}</section>"
    )


def _type(schema: _Schema) -> str:
    """A schema in a few words, with a link where it has a name."""
    if "$ref" in schema:
        name = escape(_last(schema["$ref"]))
        return f'<a href="#shape-{name}">{name}</a>'
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(_type(choice) for choice in choices)
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    kinds = schema.get("type", "anything")
    shown = kinds if isinstance(kinds, str) else " or ".join(kinds)
    return escape(shown) + _limits(schema)


def _limits(schema: _Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f", {least} to {most}"
    if "format" in schema:
        return f" ({escape(schema['format'])})"
    return ""


def _problems() -> str:
    rows = [
        (
            f'<a href="/problems/{escape(entry.code)}"><code>{escape(entry.code)}</code></a>',
            str(entry.status.value),
            prose(entry.when),
            prose(entry.remedy),
        )
        for entry in CATALOG.values()
    ]
    head = ("Code", "Status", "When", "What to do")
    return '<h2 id="problems">Problems</h2>' + table(head, rows)


def _method(method: str) -> str:
    return f'<span class="method {escape(method)}">{escape(method)}</span> '


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]

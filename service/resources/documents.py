"""The routes, described for people and for programs."""

from collections.abc import Callable
from functools import cached_property

import falcon

from service.rendering.documents import Document


class DocumentResource:
    """GET of /docs, its stylesheet or /openapi.json.

    Args:
        make: the document; called when it is first asked for, so that no start waits for it.
    """

    def __init__(self, make: Callable[[], Document]) -> None:
        self._make = make

    @cached_property
    def _document(self) -> Document:
        return self._make()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give it."""
        self._document.send(req, resp)

    on_head = on_get

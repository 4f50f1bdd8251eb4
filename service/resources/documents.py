"""The API's documentation, for people and for programs."""

from collections.abc import Callable
from functools import cached_property

import falcon

from service.rendering.documents import Document


class DocumentResource:
    """GET of /docs, its stylesheet or /openapi.json.

    Args:
        make: makes the document; called at the first request, so that it does not delay the start.
    """

    def __init__(self, make: Callable[[], Document]) -> None:
        self._make = make

    @cached_property
    def _document(self) -> Document:
        return self._make()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send the document."""
        self._document.send(req, resp)

    on_head = on_get

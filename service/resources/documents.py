"""The API's documentation, for people and for programs."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import falcon

from service.rendering.documents import Document


@dataclass(frozen=True)
class DocumentResource:
    """GET of /docs, its stylesheet or /openapi.json.

    `make` is called at the first request, so that it does not delay the start.
    """

    make: Callable[[], Document]

    @cached_property
    def _document(self) -> Document:
        return self.make()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send the document."""
        self._document.send(req, resp)

"""The routes, described for programs."""

from functools import cached_property

import falcon

from service.models import render
from service.openapi import Description


class DescriptionResource:
    """GET /openapi.json.

    Args:
        description: what is given.
    """

    def __init__(self, description: Description) -> None:
        self._description = description

    @cached_property
    def _body(self) -> bytes:
        return render(self._description.document)

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Give the document."""
        resp.data = self._body

    on_head = on_get

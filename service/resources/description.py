"""The routes, described for programs."""

import falcon

from service.models import render
from service.openapi import describe
from service.settings import Settings


class DescriptionResource:
    """GET /openapi.json.

    Args:
        settings: what the document depends on.
    """

    def __init__(self, settings: Settings) -> None:
        self._body = render(describe(settings))

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Give the document."""
        resp.data = self._body

    on_head = on_get

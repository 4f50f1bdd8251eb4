"""The routes, described for people."""

import falcon

from service.docs_page import docs_page
from service.openapi import describe
from service.pages import stylesheet
from service.settings import Settings


class DocsResource:
    """GET /docs.

    Args:
        settings: what the page depends on.
    """

    def __init__(self, settings: Settings) -> None:
        self._page = docs_page(describe(settings))

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give the page."""
        self._page.send(req, resp)

    on_head = on_get


class StylesheetResource:
    """GET /docs/style.css."""

    def __init__(self) -> None:
        self._stylesheet = stylesheet()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give the stylesheet."""
        self._stylesheet.send(req, resp)

    on_head = on_get

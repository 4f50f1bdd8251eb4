"""The routes, described for people."""

from functools import cached_property

import falcon

from service.docs_page import docs_page
from service.openapi import Description
from service.pages import Document, stylesheet


class DocsResource:
    """GET /docs.

    Args:
        description: what the page says.
    """

    def __init__(self, description: Description) -> None:
        self._description = description

    @cached_property
    def _page(self) -> Document:
        return docs_page(self._description.document)

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

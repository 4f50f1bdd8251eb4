"""The root: the page for people, the list of routes for programs."""

from dataclasses import dataclass

import falcon

from service.openapi import summaries
from service.rendering.documents import Document
from service.rendering.models import Index
from service.rendering.rendered import render
from service.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class IndexResource:
    """GET /: the page for browsers, JSON for other clients.

    Attributes:
        sandbox_url: URL of the sandbox on this machine, if there is one.
    """

    page: Document
    settings: Settings
    sandbox_url: str | None

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send the page, or list the routes."""
        resp.append_header("Vary", "Accept")
        if req.client_prefers((falcon.MEDIA_JSON, falcon.MEDIA_HTML)) == falcon.MEDIA_HTML:
            self.page.send(req, resp)
        else:
            resp.data = render(self._index())

    def _index(self) -> Index:
        index = Index(
            service="imgup",
            imgur="sandbox" if self.settings.sandbox_applies else "imgur",
            maxUrlsPerJob=self.settings.max_urls_per_job,
            routes=summaries(),
        )
        if self.sandbox_url is not None:
            index["sandboxUrl"] = self.sandbox_url
        return index

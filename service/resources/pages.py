"""Pages for people, and the API's description: files, documents, problems, and the root."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import falcon

from service.openapi.routes import summaries
from service.pages.page_files import PageFiles
from service.pages.pages import problem_page
from service.problems.catalog import CATALOG
from service.problems.problems import Problem
from service.rendering.models import Index
from service.rendering.rendered import Document, render
from service.settings.settings import Settings

_LONGEST_ACCEPT: Final = 2048
"""Browsers send a few hundred characters. The time to parse it grows with the square of that."""


@dataclass(frozen=True, slots=True)
class IndexResource:
    """GET /: the page for browsers, JSON for other clients."""

    page: Document
    settings: Settings
    sandbox_url: str | None  # of the sandbox on this machine, if there is one

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if _wants_html(req, resp):
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


@dataclass(frozen=True, slots=True)
class DocumentResource:
    """GET of /docs, its stylesheet or /openapi.json.

    `document` makes it at the first request, so that it does not delay the start, and keeps it.
    """

    document: Callable[[], Document]

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.document().send(req, resp)


@dataclass(frozen=True, slots=True)
class PageFileResource:
    """GET /page/{version}/{name}."""

    files: PageFiles

    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str, name: str) -> None:
        file = self.files.find(version, name)
        if file is None:
            raise Problem("not-found", "The page has no such file; load the page at / anew.")
        file.send(req, resp)


class ProblemResource:
    """GET /problems/{code}: HTML for browsers, JSON for other clients."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, code: str) -> None:
        if code not in CATALOG:
            raise Problem("not-found", "This service has no problem of this name.")
        explanation = problem_page if _wants_html(req, resp) else _problem_json
        explanation(code).send(req, resp)


@cache
def _problem_json(code: str) -> Document:
    return Document(render(CATALOG[code]), falcon.MEDIA_JSON)


def _wants_html(req: falcon.Request, resp: falcon.Response) -> bool:
    resp.append_header("Vary", "Accept")
    if len(req.accept) > _LONGEST_ACCEPT:
        return False
    return req.client_prefers((falcon.MEDIA_JSON, falcon.MEDIA_HTML)) == falcon.MEDIA_HTML

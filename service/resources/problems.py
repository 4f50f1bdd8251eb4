"""The target of a problem's `type`."""

from functools import cache
from http import HTTPStatus

import falcon

from service.pages.pages import render_page
from service.problems.catalog import CATALOG
from service.problems.problems import Problem
from service.rendering.documents import Document
from service.rendering.rendered import render


class ProblemResource:
    """GET /problems/{code}: HTML for browsers, JSON for other clients."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, code: str) -> None:
        """Send the explanation of a code."""
        if code not in CATALOG:
            raise Problem("not-found", "This service has no problem of this name.")
        resp.append_header("Vary", "Accept")
        prefers_html = req.client_prefers((falcon.MEDIA_JSON, falcon.MEDIA_HTML))
        form = _page if prefers_html == falcon.MEDIA_HTML else _answer
        form(code).send(req, resp)


@cache
def _answer(code: str) -> Document:
    return Document(render(CATALOG[code]), falcon.MEDIA_JSON)


@cache
def _page(code: str) -> Document:
    problem = CATALOG[code]
    return render_page("problem.html", problem=problem, phrase=HTTPStatus(problem["status"]).phrase)

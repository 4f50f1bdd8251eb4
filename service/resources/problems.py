"""What a problem's `type` leads to."""

from http import HTTPStatus

import falcon

from service.models import ProblemExplanation, render
from service.pages import Document, page, prose
from service.problem_catalog import CATALOG, Explanation
from service.problems import Problem


class ProblemResource:
    """GET /problems/{code}: HTML for a browser, JSON for everybody else."""

    def __init__(self) -> None:
        self._pages = {code: _page(entry) for code, entry in CATALOG.items()}
        self._answers = {
            code: Document(render(_answer(entry)), falcon.MEDIA_JSON)
            for code, entry in CATALOG.items()
        }

    def on_get(self, req: falcon.Request, resp: falcon.Response, code: str) -> None:
        """Explain a code."""
        if code not in CATALOG:
            raise Problem(
                HTTPStatus.NOT_FOUND, "not-found", "This service has no problem of this name."
            )
        resp.append_header("Vary", "Accept")
        prefers_html = req.client_prefers((falcon.MEDIA_JSON, falcon.MEDIA_HTML))
        forms = self._pages if prefers_html == falcon.MEDIA_HTML else self._answers
        forms[code].send(req, resp)

    on_head = on_get


def _answer(entry: Explanation) -> ProblemExplanation:
    return {
        "type": f"/problems/{entry.code}",
        "code": entry.code,
        "status": entry.status.value,
        "when": entry.when,
        "remedy": entry.remedy,
    }


def _page(entry: Explanation) -> Document:
    status = f"{entry.status.value} {entry.status.phrase}"
    return page(
        f"{entry.code} - imgup",
        f"<h1>{prose(entry.code)}</h1>"
        f'<p class="quiet">{prose(status)}</p>'
        f"<h2>When</h2><p>{prose(entry.when)}</p>"
        f"<h2>What to do</h2><p>{prose(entry.remedy)}</p>"
        '<p><a href="/docs#problems">All problems</a></p>',
    )

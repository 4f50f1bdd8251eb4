"""Jobs: sending one, and seeing how it stands."""

import uuid
from http import HTTPStatus

import falcon
import structlog

from service.api_keys import owner_of
from service.job_views import JobViews, tag_of
from service.large_answers import LargeAnswers
from service.models import UploadAccepted, render
from service.paging import read_page
from service.problems import Problem, refused
from service.rendered import identify, is_known
from service.upload_request import read_upload_request
from workers import Board, Submission


class UploadsResource:
    """POST /v1/images/upload.

    Args:
        board: where jobs go.
        max_body_bytes: longest body that is read.
        max_urls: most entries in one job.
    """

    def __init__(self, board: Board, *, max_body_bytes: int, max_urls: int) -> None:
        self._board = board
        self._max_body_bytes = max_body_bytes
        self._max_urls = max_urls
        self._log = structlog.get_logger("http")

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take a job whole, or nothing of it, and answer at once."""
        request = read_upload_request(
            req, max_body_bytes=self._max_body_bytes, max_urls=self._max_urls
        )
        job_id, owner = str(uuid.uuid4()), owner_of(req)
        refusal = self._board.submit(Submission(job_id, request.urls, owner))
        if refusal is not None:
            raise refused(refusal)
        self._log.info(
            "job accepted",
            job_id=job_id,
            urls=len(request.urls),
            duplicates=request.duplicates,
            client=req.remote_addr,
            owner=owner or None,
        )
        accepted: UploadAccepted = {"jobId": job_id}
        resp.status = HTTPStatus.ACCEPTED
        resp.location = f"/v1/images/upload/{job_id}"
        resp.data = render(accepted)


class UploadResource:
    """GET /v1/images/upload/{job_id}.

    Args:
        board: where jobs are.
        sandbox: whether links are the sandbox's.
    """

    def __init__(self, board: Board, *, sandbox: bool) -> None:
        self._views = JobViews(board, sandbox=sandbox)
        self._answers = LargeAnswers()

    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Show the job as it stands; one that belongs to another key is as good as none."""
        page, owner = read_page(req), owner_of(req)
        known_as = _canonical(job_id)
        version = None if known_as is None else self._views.version(known_as, owner)
        if known_as is None or version is None:
            raise _not_found()
        if is_known(req, resp, tag_of(version)):
            return
        rendered = self._views.show(known_as, owner, version, page)
        if rendered is None:
            raise _not_found()
        identify(resp, rendered.tag)
        self._answers.send(req, resp, rendered.pieces)

    on_head = on_get


def _not_found() -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        "job-not-found",
        "There is no job with this id. Jobs may be gone after a restart, or forgotten some time "
        "after their end.",
    )


def _canonical(job_id: str) -> str | None:
    # Capitals mean the same (RFC 9562, section 4); what is no UUID is not worth asking the board.
    try:
        return str(uuid.UUID(job_id))
    except ValueError:
        return None

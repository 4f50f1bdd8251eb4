"""The retry of a job's failed URLs."""

import uuid
from http import HTTPStatus

import falcon
import structlog

from service.middleware.api_keys import owner_of
from service.middleware.request_ids import origin_of
from service.problems.problems import refused
from service.rendering.models import RetryAccepted
from service.rendering.rendered import render
from service.requests.job_ids import canonical, job_not_found
from workers import Backend, Refusal


class RetryResource:
    """POST /v1/images/upload/{job_id}/retry.

    Args:
        backend: has the jobs.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._log = structlog.get_logger("http")

    def on_post(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Make a new job of the failed URLs; a repeated request returns the same job."""
        known_id, owner = canonical(job_id), owner_of(req)
        retry = self._backend.mailbox.retry(known_id, owner, str(uuid.uuid4()), origin_of(req))
        if retry is None:
            raise job_not_found()
        if isinstance(retry, Refusal):
            raise refused(retry)
        if retry.is_first:
            self._log.info(
                "job accepted",
                job_id=retry.job_id,
                retry_of=known_id,
                urls=retry.urls,
                client=req.remote_addr,
                owner=owner or None,
            )
        resp.status = HTTPStatus.ACCEPTED
        resp.location = f"/v1/images/upload/{retry.job_id}"
        resp.data = render(RetryAccepted(jobId=retry.job_id, retryOf=known_id))

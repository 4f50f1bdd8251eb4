"""The retry of a job's failed URLs."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus

import falcon

from service.middleware.access_log import log_change
from service.middleware.api_keys import owner_of
from service.middleware.request_ids import origin_of
from service.problems.problems import refused
from service.rendering.models import RetryAccepted
from service.rendering.rendered import render
from service.requests.job_ids import canonical, job_not_found
from workers import Backend, Refusal


@dataclass(frozen=True, slots=True)
class RetryResource:
    """POST /v1/images/upload/{job_id}/retry."""

    backend: Backend

    def on_post(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Make a new job of the failed URLs; a repeated request returns the same job."""
        known_id, owner = canonical(job_id), owner_of(req)
        retry = self.backend.mailbox.retry(known_id, owner, str(uuid.uuid4()), origin_of(req))
        if retry is None:
            raise job_not_found()
        if isinstance(retry, Refusal):
            raise refused(retry)
        if retry.is_first:
            log_change(req, "job accepted", job_id=retry.job_id, retry_of=known_id, urls=retry.urls)
        resp.status = HTTPStatus.ACCEPTED
        resp.location = f"/v1/images/upload/{retry.job_id}"
        resp.data = render(RetryAccepted(jobId=retry.job_id, retryOf=known_id))

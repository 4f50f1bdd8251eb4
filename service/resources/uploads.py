"""Jobs: submission, state and cancellation."""

import uuid
from http import HTTPStatus

import falcon
import structlog

from service.http.large_responses import LargeResponses
from service.middleware.api_keys import owner_of, tenant_of
from service.middleware.request_ids import origin_of
from service.problems.problems import Problem, refused
from service.rendering.models import CancellationAccepted, UploadAccepted
from service.rendering.rendered import identify, is_known, render
from service.requests.idempotency import read_key, request_key
from service.requests.job_ids import canonical, job_not_found
from service.requests.paging import FIRST_PAGE, read_page
from service.requests.upload_request import read_upload_request
from service.views.job_views import JobViews, tag_of
from service.views.timeline_view import wants_timelines
from workers import Backend, Refusal, Submission

_LARGE_JOB_BYTES = 256 * 1024  # of URLs, and of the images in them
_LONGEST_RETRY_SECONDS = 30
_URLS_A_RETRY_SECOND = 500
"""Larger jobs take longer. Few machines upload more per second, so a client that waits so long
misses nothing."""


class UploadsResource:
    """POST /v1/images/upload.

    Args:
        backend: takes the jobs.
        max_body_bytes: maximum size of a body.
        max_urls: maximum number of URLs of a job.
        max_image_bytes: that a data URL may hold.
        webhooks: whether webhooks are enabled.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        max_body_bytes: int,
        max_urls: int,
        max_image_bytes: int,
        webhooks: bool = False,
    ) -> None:
        self._backend = backend
        self._webhooks = webhooks
        self._max_body_bytes = max_body_bytes
        self._max_urls = max_urls
        self._max_image_bytes = max_image_bytes
        self._log = structlog.get_logger("http")

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take a whole job, or refuse it; respond before it is processed."""
        key, owner = read_key(req), owner_of(req)
        request = read_upload_request(
            req,
            max_body_bytes=self._max_body_bytes,
            max_urls=self._max_urls,
            max_image_bytes=self._max_image_bytes,
        )
        if request.options.callback_url is not None and not self._webhooks:
            raise _webhooks_not_configured()
        submission = Submission(
            str(uuid.uuid4()),
            request.urls,
            owner,
            request.options,
            request=None if key is None else request_key(key, request),
            origin=origin_of(req),
            client=tenant_of(req),
            data=request.data,
        )
        answer = self._refusal_of_large(submission) or self._backend.mailbox.put(submission)
        if isinstance(answer, Refusal):
            raise refused(answer)
        job_id = submission.job_id if answer is None else answer.job_id
        if answer is None:
            self._log.info(
                "job accepted",
                job_id=job_id,
                urls=len(request.urls),
                duplicates=request.duplicates,
                client=req.remote_addr,
                owner=owner or None,
            )
        resp.status = HTTPStatus.ACCEPTED
        resp.location = f"/v1/images/upload/{job_id}"
        if answer is not None:
            resp.set_header("Idempotency-Replayed", "true")
        resp.data = render(UploadAccepted(jobId=job_id))

    def _refusal_of_large(self, submission: Submission) -> Refusal | None:
        """Why a large job would not be taken. To send it for that would hold up all threads of
        both processes. A request that may have made a job before is answered with that job.
        """
        urls = submission.urls
        text_bytes = sum(map(len, urls)) + sum(map(len, submission.data.values()))
        if text_bytes < _LARGE_JOB_BYTES or submission.request is not None:
            return None
        return self._backend.mailbox.refusal(submission.tenant, len(urls), text_bytes)


class UploadResource:
    """GET and DELETE /v1/images/upload/{job_id}.

    Args:
        backend: has the jobs.
        views: renders jobs.
        answers: sends large responses.
    """

    def __init__(self, backend: Backend, views: JobViews, answers: LargeResponses) -> None:
        self._backend = backend
        self._log = structlog.get_logger("http")
        self._views = views
        self._answers = answers

    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Send the job's state; a job of another owner does not exist."""
        with_timelines = wants_timelines(req)
        # Timelines on pages only: those of a large job take about 30 MB.
        page = read_page(req) or (FIRST_PAGE if with_timelines else None)
        owner = owner_of(req)
        known_id = canonical(job_id)
        job = self._views.summary(known_id, owner)
        if job is None:
            raise job_not_found()
        if job.pending:
            resp.set_header("Retry-After", str(_ask_again_seconds(job.pending)))
        if is_known(req, resp, tag_of(job.latest)):
            return
        self._answers.check(req, self._views.least_bytes(job, owner, page), tenant_of(req))
        rendered = self._views.show(
            known_id, owner, job.latest, page, with_timelines=with_timelines
        )
        if rendered is None:
            raise job_not_found()
        identify(resp, rendered.tag)
        self._answers.send(req, resp, rendered.pieces, tenant_of(req))

    on_head = on_get

    def on_delete(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Cancel the job: waiting URLs fail at once, leased ones still end."""
        known_id, owner = canonical(job_id), owner_of(req)
        cancellation = self._backend.mailbox.cancel(known_id, owner)
        if cancellation is None:
            raise job_not_found()
        if isinstance(cancellation, Refusal):
            raise refused(cancellation)
        if cancellation.is_first:
            self._log.info(
                "job cancelled",
                job_id=known_id,
                urls=cancellation.urls,
                client=req.remote_addr,
                owner=owner or None,
            )
        resp.status = HTTPStatus.ACCEPTED
        resp.location = f"/v1/images/upload/{known_id}"
        resp.data = render(CancellationAccepted(jobId=known_id, cancelled=cancellation.urls))


def _ask_again_seconds(pending: int) -> int:
    return min(_LONGEST_RETRY_SECONDS, 1 + pending // _URLS_A_RETRY_SECOND)


def _webhooks_not_configured() -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "webhooks-not-configured",
        "This service has no secret to sign webhooks with, so it tells no `callbackUrl`. Leave it "
        "out, or have the operator set WEBHOOK_SECRET.",
    )

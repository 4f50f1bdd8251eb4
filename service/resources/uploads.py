"""Jobs: submission, state, cancellation, retry, and the forecast of their end."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus

import falcon

from service.events.server_sent import is_complete
from service.http.large_responses import LargeResponses
from service.middleware.access_log import log_change
from service.middleware.api_keys import owner_of, tenant_of
from service.middleware.request_ids import origin_of
from service.problems.problems import Problem, refused
from service.rendering.forecast_models import JobForecast
from service.rendering.models import CancellationAccepted, RetryAccepted, UploadAccepted
from service.rendering.rendered import identify, is_known, render
from service.requests.headers import read_key, request_key
from service.requests.job_ids import canonical, job_not_found, look_at
from service.requests.paging import FIRST_PAGE, read_page, wants_timelines
from service.requests.upload_request import read_upload_request
from service.settings.settings import Settings
from service.views.forecast import Forecasts
from service.views.job_entry import counts_of
from service.views.job_views import JobViews, tag_of
from workers import Backend, Refusal, Submission

_LARGE_JOB_BYTES = 256 * 1024  # of URLs, and of the images in them
_LONGEST_RETRY_SECONDS = 30
_URLS_A_RETRY_SECOND = 500
"""Larger jobs take longer. Few machines upload more per second, so a client that waits so long
misses nothing."""


@dataclass(frozen=True, slots=True)
class UploadsResource:
    """POST /v1/images/upload."""

    backend: Backend
    settings: Settings

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take a whole job, or refuse it; respond before it is processed."""
        key, owner = read_key(req), owner_of(req)
        request = read_upload_request(req, self.settings)
        if request.options.callback_url is not None and not self.settings.webhook_secret:
            raise Problem(
                "webhooks-not-configured",
                "This service has no secret to sign webhooks with, so it calls no `callbackUrl`. "
                "Leave it out, or have the operator set WEBHOOK_SECRET.",
            )
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
        result = self._refusal_of_large(submission) or self.backend.mailbox.put(submission)
        if isinstance(result, Refusal):
            raise refused(result)
        job_id = submission.job_id if result is None else result.job_id
        if result is None:
            log_change(
                req,
                "job accepted",
                job_id=job_id,
                urls=len(request.urls),
                duplicates=request.duplicates,
            )
        resp.status = HTTPStatus.ACCEPTED
        resp.location = f"/v1/images/upload/{job_id}"
        if result is not None:
            resp.set_header("Idempotency-Replayed", "true")
        resp.data = render(UploadAccepted(jobId=job_id))

    def _refusal_of_large(self, submission: Submission) -> Refusal | None:
        """Return why a large job would be refused: to send it only for that would block all threads
        of both processes. A repeated request gets its earlier job instead.
        """
        urls = submission.urls
        text_bytes = sum(map(len, urls)) + sum(map(len, submission.data.values()))
        if text_bytes < _LARGE_JOB_BYTES or submission.request is not None:
            return None
        return self.backend.mailbox.refusal(submission.tenant, len(urls), text_bytes)


@dataclass(frozen=True, slots=True)
class UploadResource:
    """GET and DELETE /v1/images/upload/{job_id}."""

    backend: Backend
    views: JobViews
    responses: LargeResponses

    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Send the job's state; a job of another owner does not exist."""
        with_timelines = wants_timelines(req)
        # Timelines on pages only: those of a large job take about 30 MB.
        page = read_page(req) or (FIRST_PAGE if with_timelines else None)
        owner = owner_of(req)
        known_id = canonical(job_id)
        job = self.views.summary(known_id, owner)
        if job is None:
            raise job_not_found()
        if job.pending:
            seconds = min(_LONGEST_RETRY_SECONDS, 1 + job.pending // _URLS_A_RETRY_SECOND)
            resp.set_header("Retry-After", str(seconds))
        if is_known(req, resp, tag_of(job.latest)):
            return
        self.responses.check(req, self.views.least_bytes(job, owner, page), tenant_of(req))
        rendered = self.views.show(known_id, owner, job.latest, page, with_timelines=with_timelines)
        if rendered is None:
            raise job_not_found()
        identify(resp, rendered.tag)
        self.responses.send(req, resp, rendered.pieces, tenant_of(req))

    def on_delete(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Cancel the job: waiting URLs fail at once, leased ones still end."""
        known_id = canonical(job_id)
        cancellation = self.backend.mailbox.cancel(known_id, owner_of(req))
        if cancellation is None:
            raise job_not_found()
        if isinstance(cancellation, Refusal):
            raise refused(cancellation)
        if cancellation.is_first:
            log_change(req, "job cancelled", job_id=known_id, urls=cancellation.urls)
        resp.status = HTTPStatus.ACCEPTED
        resp.location = f"/v1/images/upload/{known_id}"
        resp.data = render(CancellationAccepted(jobId=known_id, cancelled=cancellation.urls))


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


@dataclass(frozen=True, slots=True)
class ForecastResource:
    """GET /v1/images/upload/{job_id}/forecast."""

    backend: Backend
    forecasts: Forecasts
    sandbox: bool

    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Send the forecast; a job of another owner does not exist."""
        known_id = canonical(job_id)
        # Before the status: a job without a forecast is complete by then.
        forecast = self.forecasts.of(known_id)
        job = look_at(self.backend, known_id, owner_of(req))
        shown = JobForecast(
            id=job.job_id,
            status=job.status.value,
            counts=counts_of(job),
            forecast=None if is_complete(job) else forecast,
        )
        if self.sandbox:
            shown["sandbox"] = True
        resp.data = render(shown)

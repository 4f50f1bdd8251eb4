"""The list of an owner's jobs."""

from http import HTTPStatus

import falcon

from service.middleware.api_keys import owner_of
from service.problems.problems import Problem
from service.rendering.models import JobEntry, JobList
from service.rendering.rendered import counts_of, iso_time, render
from service.requests.paging import DEFAULT_JOBS, LAST_CURSOR, MAX_JOBS, read_number
from workers import Backend, JobOverview, JobStatus


class JobsResource:
    """GET /v1/jobs.

    Args:
        backend: has the jobs.
        sandbox: whether links are the sandbox's.
    """

    def __init__(self, backend: Backend, *, sandbox: bool) -> None:
        self._backend = backend
        self._sandbox = sandbox

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List jobs, newest first."""
        status, limit, before = _read_query(req)
        listing = self._backend.job_table.listing(owner_of(req), status, before, limit)
        shown: JobList = {
            "jobs": [_entry(job) for job in listing.jobs],
            "next": listing.following,
        }
        if self._sandbox:
            shown["sandbox"] = True
        resp.data = render(shown)

    on_head = on_get


def _entry(job: JobOverview) -> JobEntry:
    entry: JobEntry = {
        "id": job.job_id,
        "created": iso_time(job.created),
        "finished": None if job.finished is None else iso_time(job.finished),
        "status": job.status.value,
        "counts": counts_of(job),
    }
    if job.cancelled is not None:
        entry["cancelled"] = True
    if job.retry_of is not None:
        entry["retryOf"] = job.retry_of
    if job.retried_as is not None:
        entry["retriedAs"] = job.retried_as
    return entry


def _read_query(req: falcon.Request) -> tuple[JobStatus | None, int, int | None]:
    params = req.params
    status = params.get("status")
    limit = read_number(params.get("limit", str(DEFAULT_JOBS)), 1, MAX_JOBS)
    before = read_number(params["cursor"], 1, LAST_CURSOR) if "cursor" in params else None
    wrong = []
    if status is not None and status not in list(JobStatus):
        wrong.append(f"`status` must be one of {', '.join(JobStatus)}.")
    if limit is None:
        wrong.append(f"`limit` must be one whole number from 1 to {MAX_JOBS}.")
    if "cursor" in params and before is None:
        wrong.append("`cursor` must be what `next` says on the page before.")
    if wrong or limit is None:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid-page", " ".join(wrong))
    return None if status is None else JobStatus(str(status)), limit, before

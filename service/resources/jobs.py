"""The lists of an owner's jobs and images."""

from dataclasses import dataclass

import falcon

from service.http.large_responses import LargeResponses
from service.middleware.api_keys import owner_of, tenant_of
from service.problems.problems import Problem
from service.rendering.models import JobList
from service.rendering.rendered import identify, is_known, render
from service.requests.paging import DEFAULT_JOBS, LAST_CURSOR, MAX_JOBS, read_number, read_page
from service.views.job_entry import job_entry
from service.views.link_views import LinkViews
from workers import Backend, JobStatus


@dataclass(frozen=True, slots=True)
class JobsResource:
    """GET /v1/jobs."""

    backend: Backend
    sandbox: bool

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List jobs, newest first."""
        status, limit, before = _read_query(req)
        listing = self.backend.job_table.listing(owner_of(req), status, before, limit)
        shown = JobList(jobs=[job_entry(job) for job in listing.jobs], next=listing.following)
        if self.sandbox:
            shown["sandbox"] = True
        resp.data = render(shown)


def _read_query(req: falcon.Request) -> tuple[JobStatus | None, int, int | None]:
    status = req.params.get("status")
    errors: list[str] = []
    if status is not None and status not in list(JobStatus):
        errors.append(f"`status` must be one of {', '.join(JobStatus)}.")
    limit = read_number(req, errors, "limit", 1, MAX_JOBS)
    before = read_number(req, errors, "cursor", 1, LAST_CURSOR)
    if errors:
        raise Problem("invalid-page", " ".join(errors))
    return None if status is None else JobStatus(str(status)), limit or DEFAULT_JOBS, before


@dataclass(frozen=True, slots=True)
class ImagesResource:
    """GET /v1/images."""

    views: LinkViews
    responses: LargeResponses

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """List the owner's links, in order of completion."""
        page, owner = read_page(req), owner_of(req)
        shown = self.views.show(owner) if page is None else self.views.show_page(owner, page)
        if is_known(req, resp, shown.tag):
            return
        identify(resp, shown.tag)
        self.responses.send(req, resp, shown.pieces, tenant_of(req))

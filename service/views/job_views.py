"""Responses that show jobs, cached for polling clients.

A polled job has a view here, which applies the changes since its version.
"""

from service.rendering.rendered import Rendered
from service.requests.paging import Page
from service.views.job_view import JobView
from service.views.view_cache import ViewCache
from workers import ChangesWanted, JobChanges, WebJobTable

_RESULT_BYTES = 60  # of JSON besides the URL


class JobViews:
    """Responses that show jobs. Thread-safe.

    The job table is called each time, and checks the owner. `max_bytes` is the memory limit of the
    cached views; 100,000 URLs take about 80 MB.
    """

    def __init__(self, job_table: WebJobTable, *, sandbox: bool, max_bytes: int) -> None:
        self._job_table = job_table
        self._views: ViewCache[tuple[str, str], JobView] = ViewCache(
            lambda: JobView(sandbox=sandbox), max_bytes
        )

    def summary(self, job_id: str, owner: str) -> JobChanges | None:
        """Return a job without its URLs, or None if this owner has no such job."""
        changes = self._job_table.changes(ChangesWanted(job_id, owner=owner, limit=0))
        if changes is None:
            self._views.forget((owner, job_id))
        return changes

    def least_bytes(self, job: JobChanges, owner: str, page: Page | None) -> int:
        """Return the minimum size in bytes of a response for a result of `summary`, or 0 if it is
        rendered already. Does not render or block.
        """
        shown = job.total
        if page is not None:
            shown = max(0, min(page.end, job.total) - page.cursor)
        else:
            view = self._views.peek((owner, job.job_id))
            if view is not None and view.is_rendered_at(job.latest):
                return 0
        return shown * _RESULT_BYTES + job.text_bytes * shown // max(1, job.total)

    def show(
        self,
        job_id: str,
        owner: str,
        version: int,
        page: Page | None = None,
        *,
        with_timelines: bool = False,
    ) -> Rendered | None:
        """Return the job, or a page of its results, at a version or later; None if it is gone.

        Calling `summary` first, for the version, keeps requests from waiting here for one that
        waits for a backend that does not respond.
        """
        key = (owner, job_id)
        with self._views.view(key) as view:
            if not view.is_whole_at(version) and not self._follow(view, job_id, owner):
                self._views.forget(key)
                return None
            pieces = (
                view.whole() if page is None else view.page(page, with_timelines=with_timelines)
            )
            return Rendered(tag_of(view.version), pieces)

    def _follow(self, view: JobView, job_id: str, owner: str) -> bool:
        while True:
            changes = self._job_table.changes(
                ChangesWanted(job_id, view.version, owner, known=view.known)
            )
            if changes is None:
                return False
            view.apply(changes)
            if changes.is_current:
                return True


def tag_of(version: int) -> str:
    """Return the ETag of a job's responses."""
    return f"{version:x}"

"""Jobs as JSON, cached for polling clients: a polled job has a view here, which applies the changes
since its version and renders a URL's part again only when the URL changes.
"""

from collections.abc import Iterator
from itertools import accumulate, compress

from service.rendering.rendered import Rendered, render
from service.requests.paging import Page
from service.views.job_entry import details_of, job_entry
from service.views.result_json import NULL, UNTROUBLED, render_results, render_timeline, why
from service.views.view_cache import ViewCache
from workers import TIMELINE_BYTES, ChangesWanted, ImageState, JobChanges, WebJobTable

# Each translates a column of states to ones and zeros.
_MASKS = {state: bytes(byte == state for byte in range(256)) for state in sorted(ImageState)}
_VIEW_BYTES = 1500  # an empty one
_PENDING = b'"state":"pending","link":null,'
_URL_BYTES = 175  # of memory besides the text itself: places in lists, and objects
_HEAD = ("id", "created", "finished", "status")  # the other members come behind the lists
_PIECE_BYTES = 128 * 1024  # as much as the server sends at once


class JobView:
    """One job as JSON, in pieces. Not thread-safe."""

    def __init__(self, *, sandbox: bool) -> None:
        self._sandbox = sandbox
        self._begin()

    def _begin(self) -> None:
        self._last: JobChanges | None = None
        self._states = bytearray()
        self._urls: list[bytes] = []
        self._links: list[bytes] = []
        self._results: list[bytes] = []
        self._timelines = bytearray()
        self._earlier: dict[int, bytes] = {}
        self._text_bytes = 0
        self._whole: tuple[bytes, ...] | None = None

    @property
    def version(self) -> int:
        """The job's version; 0 at first."""
        return 0 if self._last is None else self._last.version

    @property
    def known(self) -> int:
        """The number of known URLs."""
        return len(self._urls)

    def is_whole_at(self, version: int) -> bool:
        """Return whether it shows the whole job at this version."""
        return self._last is not None and self._last.is_current and self.version == version

    def is_rendered_at(self, version: int) -> bool:
        """Return whether the whole job is rendered at this version; without the view's lock, this
        may change at any moment.
        """
        return self._whole is not None and self.is_whole_at(version)

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        whole = sum(map(len, self._whole or ()))
        return _VIEW_BYTES + self._text_bytes + whole + _URL_BYTES * len(self._urls)

    def apply(self, changes: JobChanges) -> None:
        if changes.is_first:
            self._begin()
        if changes.urls or changes.version != self.version:
            self._whole = None
        self._last = changes
        self._append(changes.urls)
        # Local variables, as attribute access is slower for each of 100,000 URLs.
        urls, links, results = self._urls, self._links, self._results
        states, added = self._states, 0
        for index, link in changes.links.items():
            text = render(link)
            added += len(text) - len(links[index])
            links[index] = text
        for index, state, result in render_results(changes, urls, links):
            added += len(result) - len(results[index])
            results[index], states[index] = result, state
        self._text_bytes += added
        self._keep_timelines(changes)

    def whole(self) -> tuple[bytes, ...]:
        """Return the whole job, a `JobAnswer`, in pieces.

        The pieces stay the same objects while the job does not change.
        """
        if self._whole is None:
            self._whole = (
                self._head(),
                b',"uploaded":{"pending":[',
                *self._listed(self._urls, ImageState.PENDING),
                b'],"complete":[',
                *self._listed(self._links, ImageState.COMPLETE),
                b'],"failed":[',
                *self._listed(self._urls, ImageState.FAILED),
                b']},"results":[',
                *_joined(self._told(self._results)),
                b"]",
                self._tail(),
            )
        return self._whole

    def page(self, page: Page, *, with_timelines: bool = False) -> tuple[bytes, ...]:
        """Return the job with a page of its results, a `JobPage`, in pieces."""
        results = self._told(self._results[page.cursor : page.end])
        if with_timelines:
            results = [
                result[:-1] + b',"timeline":' + self._timeline(index) + b"}"
                for index, result in enumerate(results, page.cursor)
            ]
        return self._page(page, results)

    def snapshot(self, page: Page, more: bytes) -> tuple[bytes, ...]:
        """Return such a page as an event, with `more` members. Results have reasons of their own
        only: no later event takes back that of `waiting`, as only URLs that change are sent.
        """
        return self._page(page, self._results[page.cursor : page.end], more)

    def _page(self, page: Page, results: list[bytes], more: bytes = b"") -> tuple[bytes, ...]:
        following = render(page.next_of(self._job.total))
        return (
            self._head(),
            b',"results":[',
            *_joined(results),
            b'],"next":%b' % following,
            self._tail(more),
        )

    def fit(self, page: Page, max_bytes: int) -> Page:
        """Return the part of a page whose results fit a number of bytes; one result at least."""
        ends = accumulate(map(len, self._results[page.cursor : page.end]))
        return Page(page.cursor, max(1, sum(end <= max_bytes for end in ends)))

    def _told(self, results: list[bytes]) -> list[bytes]:
        """Results, of which those that just wait say why, if all do for one reason."""
        if self._job.held is None:
            return results
        # No text of a client's holds this: in JSON its quotes would be escaped.
        untroubled, held = _PENDING + UNTROUBLED, _PENDING + why(*self._job.held)
        return [result.replace(untroubled, held, 1) for result in results]

    def _head(self) -> bytes:
        entry: dict[str, object] = {**job_entry(self._job)}
        return render({name: entry[name] for name in _HEAD})[:-1]

    def _tail(self, more: bytes = b"") -> bytes:
        members: dict[str, object] = {**job_entry(self._job), **details_of(self._job)}
        if self._sandbox:
            members["sandbox"] = True
        rest = {name: value for name, value in members.items() if name not in _HEAD}
        return b"," + render(rest)[1:-1] + more + b"}"

    def _listed(self, texts: list[bytes], state: ImageState) -> Iterator[bytes]:
        return _joined(list(compress(texts, self._states.translate(_MASKS[state]))))

    @property
    def _job(self) -> JobChanges:
        if self._last is None:
            raise LookupError("Nothing is known of the job yet.")
        return self._last

    def _append(self, urls: tuple[str, ...]) -> None:
        texts = [render(url) for url in urls]
        self._urls += texts
        self._states += bytes(len(texts))
        self._links += [NULL] * len(texts)
        self._results += [b""] * len(texts)
        self._timelines += bytes(TIMELINE_BYTES * len(texts))
        self._text_bytes += sum(map(len, texts))

    def _keep_timelines(self, changes: JobChanges) -> None:
        rows, indexes = changes.timelines, changes.indexes
        self._earlier.update(changes.earlier)
        if isinstance(indexes, range):
            start = indexes.start * TIMELINE_BYTES
            self._timelines[start : start + len(rows)] = rows
            return
        for place, index in enumerate(indexes):
            row = rows[place * TIMELINE_BYTES : (place + 1) * TIMELINE_BYTES]
            self._timelines[index * TIMELINE_BYTES : (index + 1) * TIMELINE_BYTES] = row

    def _timeline(self, index: int) -> bytes:
        start = index * TIMELINE_BYTES
        last = self._timelines[start : start + TIMELINE_BYTES]
        return render_timeline(self._job.created, self._earlier.get(index, b"") + last)


def _joined(texts: list[bytes]) -> Iterator[bytes]:
    """Join texts by commas, in pieces of about `_PIECE_BYTES`: a join of megabytes would hold the
    interpreter's lock for milliseconds, and short requests need that lock several times.
    """
    count = len(texts)
    at_once = max(1, _PIECE_BYTES * count // max(1, sum(map(len, texts)) + count))
    for start in range(0, count, at_once):
        piece = b",".join(texts[start : start + at_once])
        yield b"," + piece if start else piece


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

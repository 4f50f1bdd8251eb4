"""Server-sent events of a job (WHATWG HTML, section 9.2), as bytes.

The id of an event is the job's version after it; a client sends it back as Last-Event-ID to resume.
Data is JSON without line breaks, so each event has one data line.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.rendering.forecast_models import Forecast
from service.rendering.rendered import render
from service.requests.paging import Page
from service.views.job_entry import details_of, job_entry
from service.views.job_views import JobView, tag_of
from service.views.result_json import NULL, render_results
from workers import CHANGES_A_CALL, Backend, ChangesWanted, JobChanges, JobStatus

MEDIA_TYPE: Final = "text/event-stream"
HEARTBEAT: Final = b": heartbeat\n\n"

_ENDED = ".end"
_IN_EVENTS = ("id", "finished", "status", "counts", "cancelled", "album", "waiting")
_ID = re.compile(r"([0-9a-f]{1,16})(\.end)?", re.ASCII)
_MAX_CHANGES_RESUMED = 3 * CHANGES_A_CALL
"""A client that missed more gets a new snapshot, which is shorter."""

_MAX_SNAPSHOT_BYTES = 4 * 1024**2
_MAX_VIEW_BYTES = 2 * _MAX_SNAPSHOT_BYTES  # with what it takes besides the text of results
_MAX_CHANGES_BYTES = 1024**2
_ENTRIES_A_CALL = 250
"""So the events of a call are less than the 16 MiB that the server queues for one client without
blocking, however long the URLs are: one of them takes 32 KiB at most."""


def retry_after(seconds: float) -> bytes:
    """Return an event that sets the clients' reconnection time."""
    return b"retry: %d\n\n" % (seconds * 1000)


def read_id(event_id: str | None) -> tuple[int, bool]:
    """Parse a Last-Event-ID: the version, or 0; and whether it is that of an `end`."""
    match = _ID.fullmatch(event_id or "")
    return (int(match[1], 16), match[2] is not None) if match else (0, False)


def is_complete(changes: JobChanges) -> bool:
    return changes.status is JobStatus.COMPLETE


def is_end(changes: JobChanges) -> bool:
    """Return whether no further changes follow."""
    return is_complete(changes) and changes.version == changes.latest


@dataclass(frozen=True, slots=True)
class JobEvents:
    backend: Backend
    job_id: str
    owner: str
    sandbox: bool

    def since(
        self, version: int, most_results: int, forecast: Forecast | None
    ) -> tuple[bytes, JobChanges] | None:
        """Return the changes since a version; a snapshot if there are too many, or the version is
        unknown. Of long changes it returns the first ones only, up to the version of the last.

        Args:
            version: known to the client; 0 for a new one.
            most_results: maximum number in a snapshot.
            forecast: to include.

        Returns:
            The events, empty without changes, and the backend's last response; None if the job is
            gone.
        """
        if not version:
            return self.snapshot(most_results, forecast)
        events, added, known = b"", forecast, version
        while True:
            wanted = ChangesWanted(
                self.job_id, known, self.owner, limit=_ENTRIES_A_CALL, name_urls=True
            )
            changes = self.backend.job_table.changes(wanted)
            if changes is None:
                return None
            is_too_much = changes.latest - version > _MAX_CHANGES_RESUMED
            if changes.is_first or is_too_much:
                return self.snapshot(most_results, forecast)
            if changes.indexes:
                events += change(changes, added)
                added = None
            if changes.is_current or len(events) > _MAX_CHANGES_BYTES:
                return events, changes
            known = changes.version

    def snapshot(
        self, most_results: int, forecast: Forecast | None
    ) -> tuple[bytes, JobChanges] | None:
        """Return a snapshot with as many of the first results as fit; see `since`."""
        view = JobView(sandbox=self.sandbox)
        while True:
            limit = min(_ENTRIES_A_CALL, most_results - view.known)
            wanted = ChangesWanted(
                self.job_id, view.version, self.owner, known=view.known, limit=limit
            )
            changes = self.backend.job_table.changes(wanted)
            if changes is None:
                return None
            view.apply(changes)
            if view.known >= min(most_results, changes.total) or view.size > _MAX_VIEW_BYTES:
                break
        more = b""
        if forecast is not None and not is_complete(changes):
            more = b',"forecast":%b' % render(forecast)
        page = view.fit(Page(0, most_results), _MAX_SNAPSHOT_BYTES)
        return _event("snapshot", view.version, *view.snapshot(page, more)), changes


def change(changes: JobChanges, forecast: Forecast | None) -> bytes:
    """Return an event with changes, of which there may be none, and the forecast."""
    head = render(_head(changes, None if is_complete(changes) else forecast))[:-1]
    results = b",".join(_indexed(changes))
    return _event("change", changes.version, head + b',"results":[%b]}' % results)


def end(changes: JobChanges) -> bytes:
    """Return the last event of a complete job.

    Its id has a suffix: a browser that reconnects with it gets no further events, and one that
    missed it gets it.
    """
    return _event("end", changes.version, render(_head(changes, None)), suffix=_ENDED)


def _indexed(changes: JobChanges) -> Iterator[bytes]:
    urls = dict(zip(changes.indexes, map(render, changes.named), strict=True))
    links = dict.fromkeys(changes.indexes, NULL)
    links |= {index: render(link) for index, link in changes.links.items()}
    for index, _, result in render_results(changes, urls, links):
        yield b'{"index":%d,%b' % (index, result[1:])


def _head(changes: JobChanges, forecast: Forecast | None) -> dict[str, object]:
    known: dict[str, object] = {**job_entry(changes), **details_of(changes)}
    head = {name: known[name] for name in _IN_EVENTS if name in known}
    return head if forecast is None else head | {"forecast": forecast}


def _event(name: str, version: int, *data: bytes, suffix: str = "") -> bytes:
    # One after the other, as a join of megabytes would hold the interpreter's lock all the while.
    event = io.BytesIO()
    event.write(f"event: {name}\nid: {tag_of(version)}{suffix}\ndata: ".encode())
    for part in (*data, b"\n\n"):
        event.write(part)
    return event.getvalue()

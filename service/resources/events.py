"""A job's changes as server-sent events."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import falcon

from service.events.broadcaster import RECONNECT_SECONDS, Broadcaster, EventStream
from service.events.job_publisher import MAX_RESULTS
from service.events.server_sent import (
    MEDIA_TYPE,
    JobEvents,
    end,
    is_complete,
    is_end,
    read_id,
    retry_after,
)
from service.http.suspended import suspended_request_of
from service.middleware.api_keys import owner_of, tenant_of
from service.problems.problems import Problem
from service.requests.job_ids import canonical, job_not_found, look_at
from service.requests.paging import MAX_ENTRIES, read_page
from service.views.forecast import Forecasts
from workers import Backend

_FULL_RETRY_SECONDS = 10
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class EventsResource:
    """GET /v1/images/upload/{job_id}/events; the broadcaster continues begun responses."""

    backend: Backend
    broadcaster: Broadcaster
    forecasts: Forecasts
    sandbox: bool

    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Send the job's state, or the changes that the client missed, then further changes."""
        most_results, owner, tenant = _read_limit(req), owner_of(req), tenant_of(req)
        known_id = canonical(job_id)
        summary = look_at(self.backend, known_id, owner)
        events = JobEvents(self.backend, known_id, owner, sandbox=self.sandbox)
        since, knows_end = read_id(req.get_header("Last-Event-ID"))
        if knows_end and is_complete(summary) and summary.latest == since:
            # Without this a browser reconnects after the end.
            resp.status = HTTPStatus.NO_CONTENT
            return
        if not is_complete(summary) and self.broadcaster.is_full(tenant):
            raise Problem(
                "too-many-watchers",
                "You follow as many jobs as this service has places left for others. Ask for the "
                "status from time to time, or come again later.",
                retry_after=_FULL_RETRY_SECONDS,
            )
        forecast = None if is_complete(summary) else self.forecasts.of(known_id)
        update = events.since(since, most_results, forecast)
        if update is None:
            raise job_not_found()
        data, last = update
        resp.content_type = MEDIA_TYPE
        # Otherwise nginx and similar proxies buffer the events.
        resp.set_header("X-Accel-Buffering", "no")
        channel = suspended_request_of(req.env)
        # With another server the response ends here, and the client polls by reconnecting.
        if not is_end(last) and channel is not None and req.method == "GET":
            stream = EventStream(
                channel, self.broadcaster, known_id, owner, last.version, most_results, tenant
            )
            channel.stream(stream, stream.begin)
        resp.stream = _pieces(data, end(last) if is_end(last) else b"")


def _pieces(*events: bytes) -> Iterator[bytes]:
    # Not a list: waitress would derive a Content-Length from its only piece.
    yield retry_after(RECONNECT_SECONDS)
    for event in events:
        # Waitress copies each piece several times, and holds the interpreter's lock meanwhile.
        for start in range(0, len(event), _PIECE_BYTES):
            yield event[start : start + _PIECE_BYTES]


def _read_limit(req: falcon.Request) -> int:
    page = read_page(req)
    if page is None:
        return MAX_RESULTS
    if page.cursor:
        raise Problem(
            "invalid-page",
            f"A snapshot begins with the first result: send `limit` (1 to {MAX_ENTRIES}) alone, "
            "and read other pages of the job from its own path.",
        )
    return page.limit

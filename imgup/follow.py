"""Follows a job to its end: by events if the service sends them, by polling otherwise."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from time import monotonic
from typing import IO, cast

from imgup.answers import json_of, read, retry_after_of
from imgup.connection import Connection
from imgup.errors import (
    NotFoundError,
    NotImgupError,
    ProblemError,
    RateLimitedError,
    ServiceFaultError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)
from imgup.event_stream import HEARTBEAT, Event, read_events
from imgup.models import JobChange, JobStatus, Progress

_SILENCE_SECONDS = 45.0  # some heartbeats: a proxy that buffers them all is detected
_VAIN_STREAMS = 3  # in a row without an event, before polling
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_PAUSE_GROWTH = 1.5
_PATIENCE_SECONDS = 30.0  # a restart with a journal takes less

_PASSING = (
    UnreachableError,
    UnavailableError,
    RateLimitedError,
    ServiceFaultError,
    NotImgupError,  # some proxies answer 404 or 200 in place of a service that restarts
)

_EVENT_STREAM = "text/event-stream"


def follow(connection: Connection, path: str) -> Iterator[Progress]:
    """Yield the progress of the job at a path until it is complete; see `Client.wait`.

    Raises:
        NotFoundError: there is no such job, or no longer.
        ProblemError: the service refused otherwise.
        UnreachableError: no response from the service for half a minute.
        NotImgupError: a response is not one of this service.
    """
    follower = _Follower(connection, path)
    yield from follower.follow_events()
    if not follower.is_done:
        yield from follower.poll()


class _Follower:
    def __init__(self, connection: Connection, path: str) -> None:
        self._connection = connection
        self._path = path
        self._last: Progress | None = None
        self._last_id = ""
        self._tag: str | None = None

    @property
    def is_done(self) -> bool:
        return self._last is not None and self._last.is_complete

    def follow_events(self) -> Iterator[Progress]:
        """Yield progress to the job's end, or until the events end early."""
        vain = 0
        while vain < _VAIN_STREAMS:
            before = self._last
            try:
                yield from self._one_stream()
            except (NotFoundError, UnauthorizedError):
                raise
            except (ProblemError, NotImgupError):
                return  # the service sends no events for this job
            except UnreachableError:
                if self._last is None:
                    return
            if self.is_done:
                return
            vain = vain + 1 if self._last is before else 0
            self._connection.sleep(_FIRST_PAUSE_SECONDS * 2**vain)

    def _one_stream(self) -> Iterator[Progress]:
        headers = {"Accept": _EVENT_STREAM}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        with self._connection.stream(
            self._path + "/events", headers=headers, silence_seconds=_SILENCE_SECONDS
        ) as answer:
            kind = answer.headers.get("Content-Type", "")
            if answer.status_code != HTTPStatus.OK or not kind.startswith(_EVENT_STREAM):
                raise NotImgupError(f"{self._path} has no stream of events.")
            for event in read_events(cast("IO[bytes]", answer.raw)):
                yield from self._take(event)
                if event.name == "end":
                    return

    def _take(self, event: Event) -> Iterator[Progress]:
        if event is not HEARTBEAT:
            self._last_id = event.last_id or self._last_id
            match event.name:
                case "snapshot":
                    self._last = _progress_of(_json(event))
                case "change" if self._last is not None:
                    self._last = _changed(self._last, _json(event))
        if self._last is not None:
            yield self._last if event.name != "heartbeat" else replace(self._last, changed=())

    def poll(self) -> Iterator[Progress]:
        """Yield progress to the job's end."""
        pause = _FIRST_PAUSE_SECONDS
        answered = monotonic()
        while True:
            try:
                self._last, wanted = self._ask()
            except _PASSING as error:
                if self._last is None or monotonic() - answered > _PATIENCE_SECONDS:
                    raise
                wanted = error.retry_after if isinstance(error, ProblemError) else None
            else:
                answered = monotonic()
                yield self._last
                if self._last.is_complete:
                    return
            self._connection.sleep(pause if wanted is None else max(wanted, _FIRST_PAUSE_SECONDS))
            pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)

    def _ask(self) -> tuple[Progress, float | None]:
        # One result: the counts suffice, and a large job's response is long.
        headers = {} if self._tag is None else {"If-None-Match": self._tag}
        answer = self._connection.call("GET", self._path, params={"limit": 1}, headers=headers)
        wanted = retry_after_of(answer.headers)
        if self._last is not None and answer.status_code == HTTPStatus.NOT_MODIFIED:
            return self._last, wanted
        self._tag = answer.headers.get("ETag")
        return replace(_progress_of(json_of(answer)), changed=()), wanted


def _progress_of(body: object) -> Progress:
    job = read(JobStatus, body)
    return Progress(job.id, job.status, job.counts, job.results, job.forecast, job.sandbox)


def _changed(last: Progress, body: object) -> Progress:
    change = read(JobChange, body)
    return replace(
        last,
        status=change.status or last.status,
        counts=change.counts or last.counts,
        changed=change.results,
        forecast=change.forecast or last.forecast,
    )


def _json(event: Event) -> object:
    try:
        return cast("object", json.loads(event.data))
    except (ValueError, RecursionError):
        raise NotImgupError(f"The event {event.name!r} of the service holds no JSON.") from None

"""Sends changes to all subscribers of jobs: one thread for all, one call per job and round.

Requests of subscribers are suspended (`service.http.suspended`), so that they hold no threads. The
backend is called once per job, whatever the number of subscribers, and changes are rendered once.
"""

import threading
import time
from dataclasses import KW_ONLY, dataclass, field
from itertools import chain
from typing import Final

import structlog

from service.events.job_publisher import JobPublisher, Subscriber
from service.events.server_sent import JobEvents, retry_after
from service.http.connection_limits import ConnectionLimits
from service.http.suspended import SuspendableChannel
from service.views.forecast import Forecasts
from workers import Backend, Shares, share_left

_CONNECTIONS_EACH: Final = 2
"""Half of all connections, by default 500, may subscribe: the rest is for other requests."""

RECONNECT_SECONDS: Final = 3.0

_TURN_SECONDS = 0.25
"""At most four events per second and job, as many as a person can distinguish."""

_LEAST_REST_SECONDS = 0.05  # between long rounds, for other requests
_RETURN_SECONDS = 5.0  # until clients reconnect to the next service

_Key = tuple[str, str]


@dataclass(slots=True, eq=False)
class Broadcaster:
    """All jobs with subscribers. Thread-safe. Its thread starts with the first subscriber."""

    backend: Backend
    forecasts: Forecasts
    _: KW_ONLY
    sandbox: bool
    max_subscribers: int = field(
        default_factory=lambda: ConnectionLimits().room // _CONNECTIONS_EACH
    )
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _newcomers: dict[_Key, list[Subscriber]] = field(default_factory=dict, init=False)
    _held: Shares = field(default_factory=Shares, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def is_full(self, tenant: str) -> bool:
        """Return whether a tenant has reached its share of subscribers."""
        with self._changed:
            held = self._held.of(tenant)
            return not share_left(self.max_subscribers, self._held.total, held)

    def join(self, job_id: str, owner: str, subscriber: Subscriber) -> None:
        """Add a subscriber, which may have left already, to an owner's job.

        It ends at once if the system has no thread for the first one.
        """
        with self._changed:
            is_running = self._thread is not None or self._start()
            if is_running:
                self._newcomers.setdefault((owner, job_id), []).append(subscriber)
                self._held.add(subscriber.tenant, 1)
                self._changed.notify()
        if not is_running:
            subscriber.finish()

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name="broadcaster", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the next subscriber tries it again
            return False
        self._thread = thread
        return True

    # --- its thread -------------------------------------------------------------------------

    def _run(self) -> None:
        publishers: dict[_Key, JobPublisher] = {}
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(publishers or self._newcomers))
                newcomers, self._newcomers = self._newcomers, {}
            began = time.monotonic()
            for owner, job_id in newcomers.keys() - publishers.keys():
                events = JobEvents(self.backend, job_id, owner, sandbox=self.sandbox)
                publishers[owner, job_id] = JobPublisher(events, self.forecasts, began)
            for key, publisher in list(publishers.items()):
                self._turn(publisher, newcomers.get(key, []))
                if not publisher.subscribers:
                    del publishers[key]
            with self._changed:
                current = (one.subscribers for one in publishers.values())
                self._held = Shares()
                for subscriber in chain(*current, *self._newcomers.values()):
                    self._held.add(subscriber.tenant, 1)
            time.sleep(max(_LEAST_REST_SECONDS, began + _TURN_SECONDS - time.monotonic()))

    def _turn(self, publisher: JobPublisher, newcomers: list[Subscriber]) -> None:
        try:
            publisher.turn(newcomers, time.monotonic())
        except Exception:  # noqa: BLE001 - an error of one job must not affect the others
            structlog.get_logger("http").exception("events of a job failed; its streams end")
            for subscriber in (*publisher.subscribers, *newcomers):
                subscriber.finish()


@dataclass(eq=False, slots=True)
class EventStream:
    """A client that is subscribed to an owner's job; a `SuspensionListener` and a `Subscriber`."""

    channel: SuspendableChannel
    broadcaster: Broadcaster
    job_id: str
    owner: str
    version: int
    most_results: int
    tenant: str
    _has_left: bool = field(default=False, init=False)
    _is_draining: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Subscribe, now that the response has begun."""
        self.broadcaster.join(self.job_id, self.owner, self)

    # --- SuspensionListener -------------------------------------------------------------------

    def left(self) -> None:
        self._has_left = True

    def drain(self) -> None:
        self._is_draining = True

    # --- Subscriber ---------------------------------------------------------------------------

    def is_over(self) -> bool:
        if self._is_draining and not self._has_left:
            self.send(retry_after(_RETURN_SECONDS))
            self.finish()
        return self._has_left

    def send(self, events: bytes) -> bool:
        self._has_left = self._has_left or not self.channel.send_piece(events)
        return not self._has_left

    def finish(self) -> None:
        if not self._has_left:
            self._has_left = True
            self.channel.end_stream()

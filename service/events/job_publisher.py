"""One job that is followed: what its followers are told, turn by turn."""

from typing import Final, Protocol

from service.backend.circuit_breaker import BackendSilentError
from service.events.server_sent import HEARTBEAT, JobEvents, end, forecast_event, is_end
from service.rendering.outlook_models import Forecast
from service.requests.paging import DEFAULT_ENTRIES
from service.views.forecast import Forecasts
from workers import BackendBusyError, BackendLostError, JobChanges

MAX_RESULTS: Final = DEFAULT_ENTRIES
"""In a snapshot, unless the client asks for fewer or more: as on a page of the status."""

HEARTBEAT_SECONDS: Final = 15.0
"""Proxies cut connections that are silent for long, many after 60 s."""

_FORECAST_SECONDS = 2.0


class Subscriber(Protocol):
    """Somebody who follows a job. Called by one thread, and must not wait."""

    @property
    def version(self) -> int:
        """How far it had come when it began."""
        ...

    @property
    def most_results(self) -> int:
        """In a snapshot for it."""
        ...

    def is_over(self, now: float) -> bool:
        """Whether it has left, or leaves now; asked in each turn, at a monotonic time."""
        ...

    def tell(self, events: bytes) -> bool:
        """Take some events; False: it has left."""
        ...

    def finish(self) -> None:
        """There are no more events."""
        ...


class JobPublisher:
    """Asks the board once a turn, for all who have come to the same version. For one thread.

    Args:
        job_id: the job.
        events: its events.
        forecasts: make its forecast.
        now: monotonic seconds.
    """

    def __init__(self, job_id: str, events: JobEvents, forecasts: Forecasts, now: float) -> None:
        self._job_id = job_id
        self._events = events
        self._forecasts = forecasts
        self._version = 0
        self._subscribers: list[Subscriber] = []  # who have come to that version, or beyond
        self._newcomers: list[Subscriber] = []
        self._forecast: Forecast | None = None
        self._forecast_due = now + _FORECAST_SECONDS
        self._heartbeat_due = now + HEARTBEAT_SECONDS

    @property
    def subscribers(self) -> list[Subscriber]:
        """Who follow the job still."""
        return [*self._subscribers, *self._newcomers]

    def turn(self, newcomers: list[Subscriber], now: float) -> None:
        """Tell everybody what is new.

        Args:
            newcomers: followers that have come since the last turn.
            now: monotonic seconds.
        """
        self._subscribers = [one for one in self._subscribers if not one.is_over(now)]
        waiting = [one for one in (*self._newcomers, *newcomers) if not one.is_over(now)]
        self._newcomers = []
        try:
            if self._subscribers:
                self._version = self._notify_subscribers(now)
            while waiting:
                self._bring_in(waiting)
        except (BackendSilentError, BackendBusyError, BackendLostError):
            # Nobody knows at the moment; if the board is lost, the server drains soon.
            self._newcomers = waiting
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + HEARTBEAT_SECONDS
            self._subscribers = [one for one in self._subscribers if one.tell(HEARTBEAT)]

    def _bring_in(self, waiting: list[Subscriber]) -> None:
        # Those who are at one version together; they come as far as the others, or a bit further:
        # then they are told something twice, and nobody misses a thing.
        version = waiting[0].version
        group = [one for one in waiting if one.version == version]
        if not self._subscribers or version != self._version:
            told = self._events.since(version, _max_results(group), None)
            if not self._subscribers and told is not None:
                self._version = told[1].version
            group = self._take(group, told, b"")
        self._subscribers += group
        waiting[:] = [one for one in waiting if one.version != version]

    def _notify_subscribers(self, now: float) -> int:
        forecast = self._new_forecast(now)
        told = self._events.since(self._version, _max_results(self._subscribers), forecast)
        alone = b""
        if told is not None and not told[0] and forecast is not None:
            alone = forecast_event(told[1], forecast)
        if told is not None and (told[0] or alone):
            self._heartbeat_due = now + HEARTBEAT_SECONDS
        self._subscribers = self._take(self._subscribers, told, alone)
        return self._version if told is None else told[1].version

    def _take(
        self, group: list[Subscriber], told: tuple[bytes, JobChanges] | None, alone: bytes
    ) -> list[Subscriber]:
        """Tell a group; returns who of it stay."""
        events, last = told if told is not None else (b"", None)
        is_over = last is None or is_end(last)
        events += alone if not is_over else b""
        if is_over and last is not None:
            events += end(last)
        if events:
            group = [one for one in group if one.tell(events)]
        if not is_over:
            return group
        for one in group:
            one.finish()
        return []

    def _new_forecast(self, now: float) -> Forecast | None:
        """The job's forecast, if it says something else than the last one that was told."""
        if now < self._forecast_due:
            return None
        self._forecast_due = now + _FORECAST_SECONDS
        before, self._forecast = self._forecast, self._forecasts.of(self._job_id)
        return None if _gist(before) == _gist(self._forecast) else self._forecast


def _max_results(group: list[Subscriber]) -> int:
    return max(one.most_results for one in group)


def _gist(forecast: Forecast | None) -> object:
    if forecast is None:
        return None
    block = forecast.get("blocked")
    return forecast["ahead"], forecast["pauseSeconds"] > 0, block and block["probes"]

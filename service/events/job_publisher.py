"""Publishes the changes of one job to its subscribers, in rounds."""

from typing import Final, Protocol

from service.backend.circuit_breaker import BackendSilentError
from service.events.server_sent import HEARTBEAT, JobEvents, change, end, is_end
from service.rendering.forecast_models import Forecast
from service.requests.paging import DEFAULT_ENTRIES
from service.views.forecast import Forecasts
from workers import BackendLostError, JobChanges

MAX_RESULTS: Final = DEFAULT_ENTRIES
"""Default number of results in a snapshot, as on a page of the status."""

HEARTBEAT_SECONDS: Final = 15.0
"""Interval of comments: proxies close silent connections, many after 60 s."""

_FORECAST_SECONDS = 2.0


class Subscriber(Protocol):
    """A subscriber of a job. Called by one thread, and must not block."""

    version: int
    """The job's version that it knew at last, before it came to where the others are."""

    @property
    def most_results(self) -> int:
        """Maximum number of results in a snapshot."""
        ...

    @property
    def tenant(self) -> str:
        """Uses its share of subscribers."""
        ...

    def is_over(self) -> bool:
        """Return whether it has ended; called in each round."""
        ...

    def send(self, events: bytes) -> bool:
        """Send events; return False if it has ended."""
        ...

    def finish(self) -> None:
        """There are no more events."""
        ...


class JobPublisher:
    """Calls the backend once per round for all subscribers at the same version. Not thread-safe."""

    def __init__(self, events: JobEvents, forecasts: Forecasts, now: float) -> None:
        self._events = events
        self._forecasts = forecasts
        self._version = 0
        self._subscribers: list[Subscriber] = []  # at that version or a later one
        self._newcomers: list[Subscriber] = []
        self._forecast: Forecast | None = None
        self._forecast_due = now + _FORECAST_SECONDS
        self._heartbeat_due = now + HEARTBEAT_SECONDS

    @property
    def subscribers(self) -> list[Subscriber]:
        """The current subscribers."""
        return [*self._subscribers, *self._newcomers]

    def turn(self, newcomers: list[Subscriber], now: float) -> None:
        """Send changes to all subscribers, and to those added since the last round."""
        self._subscribers = [one for one in self._subscribers if not one.is_over()]
        waiting = [one for one in (*self._newcomers, *newcomers) if not one.is_over()]
        self._newcomers = []
        try:
            if self._subscribers:
                self._version = self._notify_subscribers(now)
            while waiting:
                self._bring_in(waiting)
        except (BackendSilentError, BackendLostError):
            pass  # unknown at the moment; if the backend is lost, the server drains soon
        finally:
            self._newcomers += waiting
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + HEARTBEAT_SECONDS
            self._subscribers = [one for one in self._subscribers if one.send(HEARTBEAT)]

    def _bring_in(self, waiting: list[Subscriber]) -> None:
        # Subscribers by version; a group may get further than the others, so that some get a change
        # twice, and none misses one.
        version = waiting[0].version
        group = [one for one in waiting if one.version == version]
        others = [one for one in waiting if one.version != version]
        if not self._subscribers or version != self._version:
            update = self._events.since(version, _max_results(group), None)
            if not self._subscribers and update is not None:
                self._version = update[1].version
            group = self._take(group, update, None)
            if update is not None and update[1].version < self._version:
                # Of long changes it was the first part; the next round continues.
                for one in group:
                    one.version = update[1].version
                self._newcomers += group
                group = []
        self._subscribers += group
        waiting[:] = others

    def _notify_subscribers(self, now: float) -> int:
        forecast = self._new_forecast(now)
        update = self._events.since(self._version, _max_results(self._subscribers), forecast)
        if update is not None and (update[0] or forecast is not None):
            self._heartbeat_due = now + HEARTBEAT_SECONDS
        self._subscribers = self._take(self._subscribers, update, forecast)
        return self._version if update is None else update[1].version

    def _take(
        self,
        group: list[Subscriber],
        update: tuple[bytes, JobChanges] | None,
        forecast: Forecast | None,
    ) -> list[Subscriber]:
        """Send events to a group; return those that have not ended."""
        events, last = update if update is not None else (b"", None)
        if last is not None and is_end(last):
            events, last = events + end(last), None
        elif last is not None and not events and forecast is not None:
            events = change(last, forecast)
        if events:
            group = [one for one in group if one.send(events)]
        if last is not None:
            return group
        for one in group:
            one.finish()
        return []

    def _new_forecast(self, now: float) -> Forecast | None:
        """Return the job's forecast, if it differs from the last one sent."""
        if now < self._forecast_due:
            return None
        self._forecast_due = now + _FORECAST_SECONDS
        before, self._forecast = self._forecast, self._forecasts.of(self._events.job_id)
        return None if _gist(before) == _gist(self._forecast) else self._forecast


def _max_results(group: list[Subscriber]) -> int:
    return max(one.most_results for one in group)


def _gist(forecast: Forecast | None) -> object:
    if forecast is None:
        return None
    block = forecast.get("blocked")
    return forecast["ahead"], forecast["pauseSeconds"] > 0, block and block["probes"]

"""Publishes the changes of one job to its subscribers, in rounds."""

from contextlib import suppress
from itertools import groupby
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
    """The job's version that it knows."""

    @property
    def most_results(self) -> int:
        """Maximum number of results in a snapshot."""

    @property
    def tenant(self) -> str:
        """Uses its share of subscribers."""

    def is_over(self) -> bool:
        """Return whether it has ended; called in each round."""

    def send(self, events: bytes) -> bool:
        """Send events; return False if it has ended."""

    def finish(self) -> None:
        """There are no more events."""


class JobPublisher:
    """Calls the backend once per round for all subscribers at the same version. Not thread-safe."""

    def __init__(self, events: JobEvents, forecasts: Forecasts, now: float) -> None:
        self._events = events
        self._forecasts = forecasts
        self.subscribers: list[Subscriber] = []
        self._forecast: Forecast | None = None
        self._forecast_due = now + _FORECAST_SECONDS
        self._heartbeat_due = now + HEARTBEAT_SECONDS

    def turn(self, newcomers: list[Subscriber], now: float) -> None:
        """Send changes to all subscribers, and to those added since the last round."""
        self.subscribers = [one for one in (*self.subscribers, *newcomers) if not one.is_over()]
        # Unknown at the moment; if the backend is lost, the server drains soon.
        with suppress(BackendSilentError, BackendLostError):
            self._notify_all(now)
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + HEARTBEAT_SECONDS
            self.subscribers = [one for one in self.subscribers if one.send(HEARTBEAT)]

    def _notify_all(self, now: float) -> None:
        forecast, is_quiet = self._new_forecast(now), False
        remaining: list[Subscriber] = []
        current: list[Subscriber] = []  # those of them that know all changes
        for _, members in groupby(sorted(self.subscribers, key=_version_of), _version_of):
            group = list(members)
            events, last = self._update(group, forecast)
            is_quiet |= not events
            group = [one for one in group if not events or one.send(events)]
            for one in group:
                if last is None:
                    one.finish()
                else:
                    one.version = last.version
            if last is not None:
                remaining += group
                current += group if last.version == last.latest else ()
        # Now one group, of which some get a change twice, and none misses one.
        version = min(map(_version_of, current), default=0)
        for one in current:
            one.version = version
        self.subscribers = remaining
        if not is_quiet:
            self._heartbeat_due = now + HEARTBEAT_SECONDS

    def _update(
        self, group: list[Subscriber], forecast: Forecast | None
    ) -> tuple[bytes, JobChanges | None]:
        """Return the events for subscribers at one version, and the job after them; None if there
        will be no more.
        """
        most_results = max(one.most_results for one in group)
        update = self._events.since(group[0].version, most_results, forecast)
        if update is None:
            return b"", None
        events, last = update
        if is_end(last):
            return events + end(last), None
        if not events and forecast is not None:
            events = change(last, forecast)
        return events, last

    def _new_forecast(self, now: float) -> Forecast | None:
        """Return the job's forecast, if it differs from the last one sent."""
        if now < self._forecast_due:
            return None
        self._forecast_due = now + _FORECAST_SECONDS
        before, self._forecast = self._forecast, self._forecasts.of(self._events.job_id)
        return None if _gist(before) == _gist(self._forecast) else self._forecast


def _version_of(subscriber: Subscriber) -> int:
    return subscriber.version


def _gist(forecast: Forecast | None) -> object:
    if forecast is None:
        return None
    block = forecast.get("blocked")
    return forecast["ahead"], forecast["pauseSeconds"] > 0, block and block["probes"]

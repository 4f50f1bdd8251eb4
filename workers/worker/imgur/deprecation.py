"""Logs deprecations of API calls that Imgur announces in response headers.

``Deprecation`` (RFC 9745): from then on the call should not be used any more. ``Sunset``
(RFC 8594): from then on it may be gone.
"""

import threading
from collections.abc import Callable, Collection, Mapping

import structlog

from workers.worker.imgur.response import shown

_HEADERS = ("Deprecation", "Sunset")
_QUIET_SECONDS = 24 * 3600.0
_MAX_KEPT = 100  # limits memory and log for a server that varies the value


class DeprecationLog:
    """Logs each announcement once a day; a worker's lanes share one. Thread-safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._logged_at: dict[tuple[str, str, str], float] = {}
        self._log = structlog.get_logger("imgur")

    def read(self, call: str, headers: Mapping[str, str], secrets: Collection[str]) -> None:
        """Check the headers of a response.

        Args:
            call: method and path, without secrets.
            headers: of the response.
            secrets: removed from the log line, if Imgur quotes them.
        """
        for header in _HEADERS:
            value = headers.get(header)
            if value is None:
                continue
            text = shown(value, secrets)
            if self._is_due((call, header, text)):
                self._log.warning(
                    "Imgur announces the end of an API call", call=call, header=header, value=text
                )

    def _is_due(self, announcement: tuple[str, str, str]) -> bool:
        with self._lock:
            now = self._clock()
            self._logged_at = {
                key: at for key, at in self._logged_at.items() if now - at < _QUIET_SECONDS
            }
            if announcement in self._logged_at or len(self._logged_at) >= _MAX_KEPT:
                return False
            self._logged_at[announcement] = now
            return True

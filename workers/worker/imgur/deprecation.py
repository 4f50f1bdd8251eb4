"""What Imgur announces about the end of its API's calls, in the headers of its answers.

``Deprecation`` (RFC 9745): from then on the call should not be used any more. ``Sunset``
(RFC 8594): from then on it may be gone.
"""

import threading
from collections.abc import Callable, Collection, Mapping

import structlog

from workers.worker.imgur.refusal import shown

_HEADERS = ("Deprecation", "Sunset")
_QUIET_SECONDS = 24 * 3600.0
_MAX_KEPT = 100  # a server that makes up a value for each answer fills neither memory nor log


class DeprecationLog:
    """Logs each announcement once a day; a worker's lanes share one. Safe for threads.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._logged_at: dict[tuple[str, str, str], float] = {}
        self._log = structlog.get_logger("imgur")

    def read(self, call: str, headers: Mapping[str, str], secrets: Collection[str]) -> None:
        """Look through the headers of an answer.

        Args:
            call: method and path, without anything secret.
            headers: of the answer.
            secrets: never to be seen in the log, whatever Imgur quotes.
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

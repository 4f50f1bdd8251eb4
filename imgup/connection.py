"""Requests to one service, and their retries."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from operator import attrgetter
from typing import Any, Final

import requests
from urllib3.exceptions import HTTPError, LocationParseError

from imgup.answers import failure_of, refusal_of
from imgup.errors import BrokenOffError, NotImgupError, ProblemError
from imgup.service_url import check_service_url, is_loopback
from imgup.version import VERSION

LONGEST_WAIT_SECONDS: Final = 60.0
"""Maximum Retry-After that is waited for; a longer one is an error, and the caller decides."""

_BROKEN_WAIT_SECONDS = 0.5  # at first; doubled each time
_LATER = (
    HTTPStatus.CONFLICT,  # a request with the same key is in progress
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Delay:
    """The wait before a request is sent again."""

    seconds: float
    why: str  # one sentence


class Connection:
    """Requests to one service. Not thread-safe.

    Has the arguments of `Client`, and raises the same errors.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        timeout: float,
        retries: int,
        on_delay: Callable[[Delay], None],
    ) -> None:
        # Anything else has no place in a header, and must not end up in an error's text.
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key):
            raise ValueError("The API key must be of visible ASCII characters.")
        self.url = check_service_url(url)
        self.sleep: Callable[[float], None] = time.sleep
        self.sandbox = False  # True once a response has shown that images go there
        self._timeout = timeout
        self._retries = retries
        self._on_delay = on_delay
        self.session = requests.Session()
        # No proxy for this machine itself, whatever the environment says.
        self.session.trust_env = not is_loopback(self.url)
        # Whose certificates count there, too.
        bundles = map(os.environ.get, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
        self.session.verify = next(filter(None, bundles), True)
        # Always set: requests would look into .netrc otherwise.
        self.session.auth = lambda request: request
        self.session.headers["User-Agent"] = f"imgup/{VERSION}"
        if api_key is not None:
            self.session.headers["Authorization"] = f"Bearer {api_key}"

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | None] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool = False,
        accepts: Callable[[requests.Response], bool] = attrgetter("ok"),
    ) -> requests.Response:
        """Send a request, again if need be, and read the response.

        Args:
            method: of HTTP.
            path: relative to the service's address.
            params: the query; None values are left out.
            json: the body.
            headers: besides the usual ones.
            is_repeatable: a repetition has no further effect; always true of GET.
            accepts: tells which responses are returned, not raised.

        Raises:
            ProblemError: the service refused.
            UnreachableError: no response.
            NotImgupError: the response is not one of this service.
        """
        repeatable = is_repeatable or method == "GET"
        attempts = 0
        while True:
            try:
                answer = self._send(method, path, params=params, json=json, headers=headers)
                if accepts(answer):
                    return answer
                raise refusal_of(answer)
            except (BrokenOffError, ProblemError) as error:
                seconds = _wait_before_retry(error, attempts, is_repeatable=repeatable)
                if seconds is None or attempts >= self._retries:
                    raise
                delay = Delay(seconds, str(error))
            attempts += 1
            self._on_delay(delay)
            self.sleep(delay.seconds)

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str], silence_seconds: float
    ) -> Iterator[requests.Response]:
        """Send a GET, once, and return a response whose body is read as it arrives.

        Args:
            path: relative to the service's address.
            headers: besides the usual ones.
            silence_seconds: maximum time without any data.

        Raises:
            ProblemError: the service refused.
            UnreachableError: no response, or a truncated one.
            NotImgupError: the response is not one of this service.
        """
        timeout = (self._timeout, silence_seconds)
        with self._send("GET", path, headers=headers, timeout=timeout, stream=True) as answer:
            if not answer.ok:
                raise refusal_of(answer)
            answer.raw.decode_content = True
            try:
                yield answer
            except (HTTPError, OSError) as error:
                raise BrokenOffError(f"The response of {self.url} was cut short.") from error

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - of requests
        url = self.url + path
        options = {"timeout": self._timeout, "allow_redirects": False} | options
        try:
            answer = self.session.request(method, url, **options)
        except (OSError, LocationParseError) as error:  # requests lets some through
            raise failure_of(error, self.url) from error
        self.sandbox = self.sandbox or "X-Sandbox" in answer.headers
        if answer.is_redirect:
            raise NotImgupError(
                f"{self.url} redirects to {answer.headers['Location']:.80}; name the service's own "
                "address."
            )
        return answer


def _wait_before_retry(
    error: BrokenOffError | ProblemError, attempts: int, *, is_repeatable: bool
) -> float | None:
    if isinstance(error, BrokenOffError):
        return _BROKEN_WAIT_SECONDS * 2**attempts if is_repeatable else None
    wait = error.retry_after
    if error.status not in _LATER or wait is None or wait > LONGEST_WAIT_SECONDS:
        return None
    # A refusal of the service itself has kept nothing of the request; one of a gateway may have.
    return wait if is_repeatable or "code" in error.raw else None

"""Requests to one service, and which of them are sent again."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import requests
from requests.auth import AuthBase

from imgup.answers import (
    failure_of,
    is_no_refusal,
    json_of,
    kept_nothing,
    redirect_of,
    refusal_of,
)
from imgup.errors import BrokenOffError, ProblemError
from imgup.service_url import is_loopback

LONGEST_WAIT_SECONDS: Final = 60.0
"""A service that asks to wait longer is not waited for; whoever called decides."""

_BROKEN_WAIT_SECONDS = 0.5  # at first; twice as long each time
_LATER = (
    HTTPStatus.CONFLICT,  # of two requests that are the same, the other one is under way
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Delay:
    """A request that will be sent once more.

    Attributes:
        seconds: when.
        why: one sentence.
    """

    seconds: float
    why: str


class Connection:
    """Requests to one service. For one thread at a time.

    Args:
        url: the service's address, checked.
        api_key: sent with each request, if there is one.
        timeout: seconds to wait for a connection, and for each part of an answer.
        retries: how often a request is sent again.
        user_agent: how the client calls itself.
        on_delay: told before each such wait.
        sleep: waits.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None,
        timeout: float,
        retries: int,
        user_agent: str,
        on_delay: Callable[[Delay], None] = lambda _delay: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self.sleep = sleep
        self.sandbox = False
        """Whether an answer so far said that images go to the sandbox."""
        self._timeout = timeout
        self._retries = retries
        self._on_delay = on_delay
        self.session = requests.Session()
        # No proxy leads to one's own machine, whatever the environment says.
        self.session.trust_env = not is_loopback(url)
        # Always set: requests would look into .netrc otherwise.
        self.session.auth = _Key(api_key)
        self.session.headers["User-Agent"] = user_agent

    def close(self) -> None:
        """Close what is open to the service."""
        self.session.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
        accepted: Callable[[int], bool] = is_no_refusal,
    ) -> requests.Response:
        """Send a request and read its answer.

        Args:
            method: of HTTP.
            path: behind the service's address.
            params: the query.
            json: the body.
            headers: besides the usual ones.
            is_repeatable: whether sending it twice does no more than once; usually that of a GET
                is.
            accepted: whether an answer of this status is no refusal.

        Raises:
            ProblemError: the service refused.
            UnreachableError: there was no answer.
            NotImgupError: the answer is not one of this service.
        """
        repeatable = method == "GET" if is_repeatable is None else is_repeatable
        attempts = 0
        while True:
            try:
                answer = self._send(
                    requests.Request(
                        method, self.url + path, params=params, json=json, headers=headers
                    )
                )
                if accepted(answer.status_code):
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

    def read(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        accepted: Callable[[int], bool] = is_no_refusal,
    ) -> object:
        """The JSON of the answer to a `call`."""
        return json_of(self.call(method, path, params=params, accepted=accepted))

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str], silence_seconds: float
    ) -> Iterator[requests.Response]:
        """An answer whose body is read while it comes, by `chunks_of`; never asked for twice.

        Args:
            path: behind the service's address.
            headers: besides the usual ones.
            silence_seconds: how long nothing at all may come.

        Raises:
            ProblemError: the service refused.
            UnreachableError: there was no answer.
            NotImgupError: the answer is not one of this service.
        """
        request = requests.Request("GET", self.url + path, headers=headers)
        with self._send(request, is_stream=True, read_seconds=silence_seconds) as answer:
            if not is_no_refusal(answer.status_code):
                raise refusal_of(answer)
            yield answer

    def _send(
        self,
        request: requests.Request,
        *,
        is_stream: bool = False,
        read_seconds: float | None = None,
    ) -> requests.Response:
        try:
            prepared = self.session.prepare_request(request)
            settings = self.session.merge_environment_settings(
                prepared.url or "", {}, is_stream, None, None
            )
            answer = self.session.send(
                prepared,
                timeout=(self._timeout, read_seconds or self._timeout),
                allow_redirects=False,
                **settings,
            )
        except requests.RequestException as error:
            raise failure_of(error, self.url) from error
        self.sandbox = self.sandbox or "X-Sandbox" in answer.headers
        if answer.is_redirect:
            raise redirect_of(answer, self.url)
        return answer


class _Key(AuthBase):
    def __init__(self, key: str | None) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key is not None:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def _wait_before_retry(
    error: BrokenOffError | ProblemError, attempts: int, *, is_repeatable: bool
) -> float | None:
    if isinstance(error, BrokenOffError):
        return _BROKEN_WAIT_SECONDS * 2**attempts if is_repeatable else None
    wait = error.retry_after
    if error.status not in _LATER or wait is None or wait > LONGEST_WAIT_SECONDS:
        return None
    return wait if is_repeatable or kept_nothing(error) else None

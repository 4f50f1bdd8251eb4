"""Calls of the API with credentials: a stale access token is refreshed, limits are read."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from workers.contract.errors import ImgurError
from workers.contract.quota import Quota
from workers.worker.imgur.auth import Authorizer, Credential
from workers.worker.imgur.deprecation import DeprecationLog
from workers.worker.imgur.exchange import timed_out
from workers.worker.imgur.rate_limit import read_quota
from workers.worker.imgur.refusal import read_refusal
from workers.worker.imgur.response import ApiResponse

_Result = TypeVar("_Result")

Explain = Callable[[ApiResponse, str, Collection[str], float], ImgurError]
"""Returns the error of a refusal, given the response, the settings of the credentials, the secrets,
and the time in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class ApiCall(Generic[_Result]):
    """One call of the API.

    Attributes:
        name: of the endpoint, for the log.
        send: sends it, given the headers of the credentials and the seconds left.
        read: reads the result from a response; None if it is a refusal.
        explain: explains the refusal.
        secrets: parts of the call that are never shown.
    """

    name: str
    send: Callable[[Mapping[str, str], float], ApiResponse]
    read: Callable[[ApiResponse], _Result | None]
    explain: Explain
    secrets: tuple[str, ...] = ()


class AuthorizedCalls:
    """Makes calls, one at a time.

    Args:
        authorizer: has the credentials.
        on_quota: called with the limits of each response.
        deprecations: log that all lanes share.
        seconds: for one call, with the refresh of a token.
    """

    def __init__(
        self,
        authorizer: Authorizer,
        on_quota: Callable[[Quota], None],
        deprecations: DeprecationLog,
        seconds: float,
    ) -> None:
        self._authorizer = authorizer
        self._on_quota = on_quota
        self._deprecations = deprecations
        self._seconds = seconds

    def deadline(self) -> float:
        """Return the deadline of a call that begins now, on the monotonic clock."""
        return time.monotonic() + self._seconds

    def make(self, call: ApiCall[_Result], deadline: float | None = None) -> _Result:
        """Make a call; return its result.

        Args:
            call: to make.
            deadline: on the monotonic clock; None for a call by itself.

        Raises:
            RateLimitedError: Imgur takes no more calls for a while.
            ImgurError: Imgur refused, or could not be reached.
        """
        deadline = self.deadline() if deadline is None else deadline
        credential = self._authorizer.credential(deadline)
        answer = self._send(call, credential, deadline)
        result = call.read(answer)
        if (
            result is None
            and credential.generation is not None
            and read_refusal(answer).is_stale_token
        ):
            # The token went stale before its time, or on the way.
            credential = self._authorizer.credential(deadline, refused=credential)
            answer = self._send(call, credential, deadline)
            result = call.read(answer)
        if result is None:
            secrets = self._authorizer.secrets(credential.secret, *call.secrets)
            raise call.explain(answer, self._authorizer.settings, secrets, time.time())
        return result

    def _send(self, call: ApiCall[_Result], credential: Credential, deadline: float) -> ApiResponse:
        left = deadline - time.monotonic()
        if left <= 0:
            raise timed_out()
        answer = call.send({"Authorization": credential.header}, left)
        self._on_quota(read_quota(answer.headers, time.time()))
        secrets = self._authorizer.secrets(credential.secret, *call.secrets)
        self._deprecations.read(call.name, answer.headers, secrets)
        return answer

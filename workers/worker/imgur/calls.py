"""Calls of the API with credentials: a stale access token is refreshed, limits are read."""

import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import TypeVar

from workers.contract.messages import Done
from workers.contract.quota import Quota
from workers.worker.imgur.auth import Authorizer, Credential
from workers.worker.imgur.errors import explain
from workers.worker.imgur.exchange import Exchange
from workers.worker.imgur.multipart import Form
from workers.worker.imgur.rate_limit import pause_after_upload
from workers.worker.imgur.response import ApiResponse

_Result = TypeVar("_Result")

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class AuthorizedCalls:
    """Makes calls, one at a time.

    Args:
        exchange: sends them.
        authorizer: has the credentials.
        on_quota: called with the limits of each response.
        seconds: for one call, with the refresh of a token.
    """

    def __init__(
        self,
        exchange: Exchange,
        authorizer: Authorizer,
        on_quota: Callable[[Quota], None],
        seconds: float,
    ) -> None:
        self._exchange = exchange
        self._authorizer = authorizer
        self._on_quota = on_quota
        self._seconds = seconds

    def deadline(self) -> float:
        """Return the deadline of a call that begins now, on the monotonic clock."""
        return time.monotonic() + self._seconds

    def make(
        self,
        endpoint: str,
        read: Callable[[ApiResponse], _Result | None],
        *,
        action: str = "",
        is_creation: bool = False,
        make_form: Callable[[], Form] | None = None,
        secrets: Collection[str] = (),
        deadline: float | None = None,
        **names: str,
    ) -> _Result:
        """Make a call; return its result.

        Args:
            endpoint: see `Exchange.send`, as for secrets and names.
            read: reads the result from a response; None if it is a refusal.
            action: see `explain`, as for is_creation.
            is_creation: see action.
            make_form: makes the form to send; None for a call without one.
            secrets: see endpoint.
            deadline: on the monotonic clock; None for a call by itself.
            **names: see endpoint.

        Raises:
            RateLimitedError: Imgur takes no more calls for a while.
            ImgurError: Imgur refused, or could not be reached.
        """
        deadline = self.deadline() if deadline is None else deadline

        def send(credential: Credential) -> ApiResponse:
            answer = self._exchange.send(
                endpoint,
                deadline,
                None if make_form is None else make_form(),
                authorization=credential.header,
                secrets=secrets,
                **names,
            )
            self._on_quota(answer.quota)
            return answer

        credential = self._authorizer.credential(deadline)
        answer = send(credential)
        result = read(answer)
        has_token = credential.generation is not None
        if result is None and has_token and answer.refusal.is_stale_token:
            # The token went stale before its time, or on the way.
            answer = send(self._authorizer.credential(deadline, refused=credential))
            result = read(answer)
        if result is None:
            raise explain(answer, self._authorizer.settings, action, is_creation=is_creation)
        return result


def read_done(answer: ApiResponse) -> Done | None:
    """Return the outcome of a change; None unless the response has ``success``."""
    if not answer.is_success or answer.document.get("success") is not True:
        return None
    return Done(pause_seconds=pause_after_upload(answer.quota))


def read_deletion(answer: ApiResponse) -> Done | None:
    """Return the outcome of a deletion; None unless the image or album is gone.

    404 counts as deleted: the response to an earlier attempt may have been lost.
    """
    if answer.status in _GONE:
        return Done(pause_seconds=pause_after_upload(answer.quota))
    return read_done(answer)

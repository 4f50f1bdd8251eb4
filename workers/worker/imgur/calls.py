"""Calls of the API with credentials: a client ID, or an access token that all workers share."""

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from workers.contract.errors import ImgurError, Reason, RefusalScope
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.outcomes import Done
from workers.contract.quota import Quota
from workers.contract.tokens import TokenAnswer, Tokens
from workers.worker.imgur.errors import explain
from workers.worker.imgur.exchange import Exchange
from workers.worker.imgur.multipart import Form, encoded_form
from workers.worker.imgur.rate_limit import pause_after_upload
from workers.worker.imgur.response import ApiResponse

_Result = TypeVar("_Result")

_REFRESH_SECONDS = 20.0  # of the call, so that it ends before the permit expires
_LIFE_SECONDS = 3600.0  # of a token without a lifetime
_LONGEST_LIFE_SECONDS = 30 * 24 * 3600.0  # a longer lifetime is ignored

_TOKEN = re.compile(r"[!-~]{1,4096}")  # fits a header
_SECONDS = re.compile(r"\s*[0-9]+(?:\.[0-9]+)?\s*")

_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


@dataclass(frozen=True, slots=True)
class _Credential:
    """The value of Authorization, and the generation of its access token; None without one."""

    header: str = field(repr=False)
    generation: int | None = None


@dataclass(slots=True, eq=False)
class AuthorizedCalls:
    """Makes calls, one at a time; a stale access token is refreshed with a permit."""

    access: ImgurAccess  # account, application, and the time for a call
    tokens: Tokens  # store that all workers share
    exchange: Exchange
    on_quota: Callable[[Quota], None]  # called with the limits of each response
    _kept: _Credential = field(init=False)
    _kept_until: float = float("inf")
    _settings: str = "IMGUR_CLIENT_ID"

    def __post_init__(self) -> None:
        self._kept = _Credential(f"Client-ID {self.access.client_id}")
        if self.access.refresh_token is not None:
            self._kept_until = 0.0
            self._settings = "IMGUR_CLIENT_ID, IMGUR_CLIENT_SECRET and IMGUR_REFRESH_TOKEN"

    def deadline(self) -> float:
        """Return the deadline of a call that begins now, on the monotonic clock."""
        return time.monotonic() + self.access.upload_seconds

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
            endpoint: see `Exchange.send`.
            read: reads the result from a response; None if it is a refusal.
            action: for the sentence about a refusal; see `explain`.
            is_creation: whether a refusal may be about all calls; see `explain`.
            make_form: makes the form to send; None for a call without one.
            secrets: see `Exchange.send`.
            deadline: on the monotonic clock; None for a call by itself.
            **names: of the endpoint; see `Exchange.send`.

        Raises:
            RateLimitedError: Imgur takes no more calls for a while.
            ImgurError: Imgur refused, or could not be reached.
        """
        deadline = self.deadline() if deadline is None else deadline

        def send(credential: _Credential) -> ApiResponse:
            answer = self.exchange.send(
                endpoint,
                deadline,
                None if make_form is None else make_form(),
                authorization=credential.header,
                secrets=secrets,
                **names,
            )
            self.on_quota(answer.quota)
            return answer

        credential = self._credential(deadline)
        answer = send(credential)
        result = read(answer)
        has_token = credential.generation is not None
        if result is None and has_token and answer.refusal.is_stale_token:
            # The token went stale before its time, or on the way.
            answer = send(self._credential(deadline, refused=credential))
            result = read(answer)
        if result is None:
            raise explain(answer, self._settings, action, is_creation=is_creation)
        return result

    def _credential(self, deadline: float, refused: _Credential | None = None) -> _Credential:
        """Return the credentials for the next call.

        Args:
            deadline: monotonic seconds, for a refresh too.
            refused: credentials that Imgur has just refused, if any.

        Raises:
            ImgurError: no access token is available.
        """
        now = time.monotonic()
        if refused is None and now < self._kept_until:
            return self._kept
        stale = None if refused is None else refused.generation
        # Half of the time for another worker's refresh, as the upload needs some too.
        answer = self.tokens.token(stale, max(0.0, deadline - now) / 2)
        if answer.permit is not None:
            answer = self._refresh(answer, answer.permit, deadline)
        if answer.access_token is None:
            raise ImgurError(
                answer.reason if answer.is_transient else Reason.IMGUR_CREDENTIALS,
                answer.error or "There is no access token.",
                transient=answer.is_transient,
                retry_after=answer.retry_after,
            ).about(answer.scope if answer.is_transient else RefusalScope.ALL)
        self._kept = _Credential(f"Bearer {answer.access_token}", answer.generation)
        self._kept_until = now + answer.fresh_seconds
        return self._kept

    def _refresh(self, answer: TokenAnswer, permit: int, deadline: float) -> TokenAnswer:
        refresh_token = answer.refresh_token or self.access.refresh_token or ""
        try:
            access_token, life, rotated = self._fetch(refresh_token, deadline)
        except ImgurError as error:
            failure = TokenAnswer(
                error=error.message,
                is_transient=error.transient,
                reason=error.reason,
                scope=error.scope,
            )
            self.tokens.refresh_failed(permit, failure)
            if answer.access_token is not None:
                return answer
            error.maybe_stored = False  # about the token call: the image has not been sent
            raise
        self.tokens.refreshed(permit, access_token, life, rotated)
        return TokenAnswer(access_token, permit)

    def _fetch(self, refresh_token: str, deadline: float) -> tuple[str, float, str | None]:
        """Return the new access token, its lifetime in seconds, and a new refresh token if any."""
        form = {
            "refresh_token": refresh_token,
            "client_id": self.access.client_id,
            "client_secret": self.access.client_secret or "",
            "grant_type": "refresh_token",
        }
        answer = self.exchange.send(
            "POST /oauth2/token",
            min(deadline, time.monotonic() + _REFRESH_SECONDS),
            encoded_form(list(form.items())),
            secrets=(refresh_token,),
        )
        document = answer.document
        access_token = _text(document.get("access_token"))
        if access_token is None or not answer.is_success:
            raise self._refusal(answer)
        return access_token, _life(document.get("expires_in")), _text(document.get("refresh_token"))

    def _refusal(self, answer: ApiResponse) -> ImgurError:
        if answer.refusal.is_success:
            message = (
                f"Imgur answered the refresh of the access token without a token.{answer.quote}"
            )
            return ImgurError(Reason.IMGUR_BAD_ANSWER, message, transient=True)
        error = explain(answer, self._settings)
        is_about_the_image = error.reason is Reason.IMGUR_REFUSED
        if (error.transient or error.reason is Reason.IMGUR_BAD_ANSWER) and not is_about_the_image:
            return error
        message = (
            f"Imgur refused to refresh the access token (status {answer.refusal.status}); "
            f"check {self._settings}.{answer.quote}"
        )
        return ImgurError(Reason.IMGUR_CREDENTIALS, message).about(
            RefusalScope.ALL, answer.sentence
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def _life(value: object) -> float:
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = float(value)
    # bool is an int in Python, but not a duration.
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return min(value, _LONGEST_LIFE_SECONDS)
    return _LIFE_SECONDS


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

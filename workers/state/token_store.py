"""The access token that all workers share.

Imgur's access tokens come from a refresh token (RFC 6749, 6) and go stale. One store, in the
Manager process, hands the current token to all workers and lets one of them at a time fetch the
next: it gives that worker a permit, and whoever else asks waits for the outcome.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from workers.contract.tokens import TokenAnswer

PERMIT_SECONDS = 30.0
"""How long one worker may take for a refresh; after that it counts as dead."""

_RENEW_SECONDS = 300.0  # a token is renewed this long before its end, while it still serves
_RENEW_SHARE = 0.1  # at most this share of its life, for short-lived ones
_TRANSIENT_SECONDS = 5.0  # between refreshes that may succeed next time
_PERMANENT_SECONDS = 300.0  # between refreshes that fail until someone mends the account
_MAX_REFUSED = 3  # tokens that may be refused before their time…
_REFUSED_SECONDS = 60.0  # …in this time, until no more are fetched


class TokenStore:
    """The access token of all workers. A plain class: a Manager owns it here.

    Permits and tokens share their numbers: the token of generation 7 was fetched with permit 7. A
    late word on a permit counts only if no younger one has brought a token meanwhile.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._access_token: str | None = None
        self._generation = 0
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._refresh_token: str | None = None
        self._last_permit = 0
        self._open_permit: int | None = None
        self._permit_until = 0.0
        self._error = ""
        self._is_transient = True
        self._error_until: float | None = None
        self._refused: deque[float] = deque(maxlen=_MAX_REFUSED)

    def token(self, stale_generation: int | None, wait_seconds: float) -> TokenAnswer:
        """Hand out the current token, or a permit to fetch one, or wait for another's fetching.

        Args:
            stale_generation: of the token that Imgur has just refused to the asker, if it has.
            wait_seconds: for another worker's refresh, at most.
        """
        with self._changed:
            now = self._clock()
            deadline = now + wait_seconds
            if stale_generation == self._generation and self._access_token is not None:
                self._drop_refused(now)
            while True:
                answer = self._answer(now)
                if answer is not None:
                    return answer
                if now >= deadline:
                    message = "Another worker is still fetching an access token from Imgur."
                    return TokenAnswer(trouble=message, is_transient=True, retry_after=1.0)
                self._changed.wait(min(deadline, self._permit_until) - now)
                now = self._clock()

    def refreshed(
        self,
        permit: int,
        access_token: str,
        expires_in_seconds: float,
        refresh_token: str | None,
    ) -> None:
        """Take the new token that a permit's holder has fetched.

        Args:
            permit: the holder's.
            access_token: new.
            expires_in_seconds: its life from now.
            refresh_token: the one to use next time; None if Imgur named none.
        """
        with self._changed:
            if not self._generation < permit <= self._last_permit:
                return
            now = self._clock()
            self._generation = permit
            self._access_token = access_token
            self._expires_at = now + expires_in_seconds
            margin = min(_RENEW_SECONDS, expires_in_seconds * _RENEW_SHARE)
            self._renew_at = self._expires_at - margin
            self._refresh_token = refresh_token or self._refresh_token
            # A younger permit still out is of no more use: Imgur may have replaced the refresh
            # token that its holder works with.
            self._open_permit = None
            self._error_until = None
            self._changed.notify_all()

    def refresh_failed(self, permit: int, message: str, transient: bool) -> None:  # noqa: FBT001 - crosses a process boundary by position
        """Note that a permit's holder got no token; others are told the same for a while.

        Args:
            permit: the holder's.
            message: why, a sentence for a person.
            transient: whether another attempt may succeed soon.
        """
        with self._changed:
            if permit != self._open_permit:
                return
            self._open_permit = None
            until = self._clock() + (_TRANSIENT_SECONDS if transient else _PERMANENT_SECONDS)
            self._remember(message, until, transient=transient)
            self._changed.notify_all()

    def _answer(self, now: float) -> TokenAnswer | None:
        usable = self._access_token if now < self._expires_at else None
        if usable is not None and now < self._renew_at:
            return TokenAnswer(usable, self._generation, self._renew_at - now)
        has_error = self._error_until is not None and now < self._error_until
        is_fetching = self._open_permit is not None and now < self._permit_until
        if not has_error and not is_fetching:
            return self._grant(usable, now)
        if usable is not None:  # due for renewal, but good until then
            return TokenAnswer(usable, self._generation)
        if self._error_until is not None and has_error:
            left = self._error_until - now
            return TokenAnswer(
                trouble=self._error, is_transient=self._is_transient, retry_after=left
            )
        return None

    def _grant(self, usable: str | None, now: float) -> TokenAnswer:
        self._last_permit += 1
        self._open_permit = self._last_permit
        self._permit_until = now + PERMIT_SECONDS
        return TokenAnswer(
            usable,
            self._generation,
            permit=self._open_permit,
            refresh_token=self._refresh_token,
        )

    def _drop_refused(self, now: float) -> None:
        self._access_token = None
        self._refused.append(now)
        until = self._refused[0] + _REFUSED_SECONDS
        if len(self._refused) == _MAX_REFUSED and now < until:
            # Else each URL would fetch one more token, for nothing.
            message = "Imgur refuses access tokens that it has just given out; check the account."
            self._remember(message, until, transient=False)

    def _remember(self, message: str, until: float, *, transient: bool) -> None:
        self._error = message
        self._is_transient = transient
        self._error_until = until

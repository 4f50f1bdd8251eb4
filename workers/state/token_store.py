"""The access token that all workers share.

Imgur's access tokens are issued for a refresh token (RFC 6749, section 6) and expire. One store, in
the Manager process, gives the current token to all workers and lets one of them at a time fetch the
next: that worker gets a permit, and the others wait for the result.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from workers.contract.errors import Reason, RefusalScope
from workers.contract.tokens import TokenAnswer

PERMIT_SECONDS = 30.0
"""Time limit of a refresh; after that the worker counts as dead."""

_RENEW_SECONDS = 300.0  # a token is renewed this long before it expires
_RENEW_SHARE = 0.1  # maximum share of its lifetime, for short-lived tokens
_TRANSIENT_SECONDS = 5.0  # between refreshes after a transient error
_PERMANENT_SECONDS = 300.0  # between refreshes that fail until the account is repaired
_MAX_REFUSED = 3  # maximum number of tokens refused before they expire…
_REFUSED_SECONDS = 60.0  # …in this time; then no more are fetched


class TokenStore:
    """The access token of all workers: a plain class, owned by a Manager or a state actor.

    Permits and tokens share their numbers: the token of generation 7 was fetched with permit 7. A
    late report on a permit counts only if no later permit has yielded a token meanwhile. The clock
    is in monotonic seconds.
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
        self._error = TokenAnswer()
        self._error_until = 0.0
        self._refused: deque[float] = deque(maxlen=_MAX_REFUSED)

    def token(self, stale_generation: int | None, wait_seconds: float) -> TokenAnswer:
        """Return the current token or a permit to fetch one, or wait so long for another worker's
        fetch. `stale_generation` is that of a token that Imgur has just refused.
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
                    return TokenAnswer(
                        error=message,
                        is_transient=True,
                        reason=Reason.IMGUR_TIMEOUT,
                        scope=RefusalScope.MAYBE_ALL,
                        retry_after=1.0,
                    )
                self._changed.wait(min(deadline, self._permit_until) - now)
                now = self._clock()

    def refreshed(
        self, permit: int, access_token: str, expires_in_seconds: float, refresh_token: str | None
    ) -> None:
        """Store the new token of a permit's holder, with its lifetime from now; the refresh token
        is None if unchanged.
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
            # A later open permit is void: Imgur may have replaced the refresh token that its holder
            # uses.
            self._open_permit = None
            self._error_until = 0.0
            self._changed.notify_all()

    def refresh_failed(self, permit: int, failure: TokenAnswer) -> None:
        """Record a failed refresh; other workers get the same error for a while."""
        with self._changed:
            if permit != self._open_permit:
                return
            self._open_permit = None
            seconds = _TRANSIENT_SECONDS if failure.is_transient else _PERMANENT_SECONDS
            self._error, self._error_until = failure, self._clock() + seconds
            self._changed.notify_all()

    def _answer(self, now: float) -> TokenAnswer | None:
        usable = self._access_token if now < self._expires_at else None
        if usable is not None and now < self._renew_at:
            return TokenAnswer(usable, self._generation, self._renew_at - now)
        has_error = now < self._error_until
        is_fetching = self._open_permit is not None and now < self._permit_until
        if not has_error and not is_fetching:
            return self._grant(usable, now)
        if usable is not None:  # being renewed, but still valid
            return TokenAnswer(usable, self._generation)
        return replace(self._error, retry_after=self._error_until - now) if has_error else None

    def _grant(self, usable: str | None, now: float) -> TokenAnswer:
        self._last_permit += 1
        self._open_permit = self._last_permit
        self._permit_until = now + PERMIT_SECONDS
        return TokenAnswer(
            usable, self._generation, permit=self._open_permit, refresh_token=self._refresh_token
        )

    def _drop_refused(self, now: float) -> None:
        self._access_token = None
        self._refused.append(now)
        until = self._refused[0] + _REFUSED_SECONDS
        if len(self._refused) == _MAX_REFUSED and now < until:
            # Otherwise each URL would fetch another token in vain.
            message = "Imgur refuses access tokens that it has just given out; check the account."
            self._error, self._error_until = TokenAnswer(error=message), until

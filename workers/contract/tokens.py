"""Messages and protocol of the token store, which shares an access token between workers."""

from dataclasses import dataclass, field
from typing import Protocol

from workers.contract.errors import Reason, RefusalScope


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """The store's response: a token, a permit to fetch one, or an error.

    Attributes:
        access_token: the token, unless there is a permit.
        generation: number of the token, for the report that it is refused.
        fresh_seconds: how long the token may be cached.
        permit: set if the caller shall fetch a new token and report the result.
        refresh_token: for the fetch, if Imgur has replaced that of the settings.
        error: a sentence, if there is no token.
        is_transient: whether another attempt may succeed; if so, reason and scope are of the error.
        retry_after: seconds until the next attempt.
    """

    access_token: str | None = field(default=None, repr=False)
    generation: int = 0
    fresh_seconds: float = 0.0
    permit: int | None = None
    refresh_token: str | None = field(default=None, repr=False)
    error: str | None = None
    is_transient: bool = False
    reason: Reason = Reason.IMGUR_ERROR
    scope: RefusalScope = RefusalScope.IMAGE
    retry_after: float = 0.0


class Tokens(Protocol):
    """`workers.state.token_store.TokenStore`, or its proxy in a worker."""

    def token(self, stale_generation: int | None, wait_seconds: float) -> TokenAnswer: ...
    def refreshed(
        self, permit: int, access_token: str, expires_in_seconds: float, refresh_token: str | None
    ) -> None: ...
    def refresh_failed(self, permit: int, failure: TokenAnswer) -> None: ...

"""The access token that all workers share: what they ask of its store, and what it answers."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """The store's answer: a token, or a permit to fetch one, or why there is none.

    Attributes:
        access_token: to be used, unless there is a permit.
        generation: names this token when it is refused.
        fresh_seconds: how long the token may be used without asking again.
        permit: set when the asker shall fetch a new token and report how that went.
        refresh_token: the one to fetch it with, if Imgur has given out another than the settings'.
        trouble: why there is no token, a sentence.
        is_transient: whether there may be one later.
        retry_after: seconds until then.
    """

    access_token: str | None = field(default=None, repr=False)
    generation: int = 0
    fresh_seconds: float = 0.0
    permit: int | None = None
    refresh_token: str | None = field(default=None, repr=False)
    trouble: str | None = None
    is_transient: bool = False
    retry_after: float = 0.0


class Tokens(Protocol):
    """`workers.state.token_store.TokenStore`, or its proxy in a worker."""

    def token(self, stale_generation: int | None, wait_seconds: float) -> TokenAnswer: ...

    def refreshed(
        self,
        permit: int,
        access_token: str,
        expires_in_seconds: float,
        refresh_token: str | None,
    ) -> None: ...

    def refresh_failed(self, permit: int, message: str, transient: bool) -> None: ...  # noqa: FBT001 - as above

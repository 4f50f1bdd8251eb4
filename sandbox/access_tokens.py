"""Access tokens that carry their own end, so that they outlive a restart of the sandbox."""

import re
import secrets
from collections.abc import Callable
from enum import Enum, auto

REFRESH_PREFIX = "sandbox-"
"""What a refresh token must begin with to be taken."""

_ACCESS = re.compile(r"sandbox-access-([0-9]{1,12})-[0-9a-f]{16}")


class Validity(Enum):
    """What an access token is worth now."""

    VALID = auto()
    EXPIRED = auto()
    UNKNOWN = auto()


class AccessTokens:
    """Issues and checks access tokens. They protect nothing here and are not signed.

    Args:
        seconds: how long a token is valid.
        clock: seconds since the epoch.
    """

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self._clock = clock

    def issue(self) -> str:
        return f"sandbox-access-{int(self._clock()) + self.seconds}-{secrets.token_hex(8)}"

    def check(self, token: str) -> Validity:
        match = _ACCESS.fullmatch(token)
        if match is None:
            return Validity.UNKNOWN
        return Validity.VALID if self._clock() < int(match[1]) else Validity.EXPIRED

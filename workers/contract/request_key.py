"""How a client names a request that it may send again, and how the second one is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Of a submission that came with an Idempotency-Key.

    Attributes:
        key: the client's own; unique among the requests of one owner.
        digest: of what was asked for: the same key must not be used for something else.
    """

    key: str
    digest: str

"""The idempotency key of a submission."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Key and digest of a submission with an Idempotency-Key header.

    Attributes:
        key: chosen by the client, unique per owner.
        digest: of URLs and options; the same key with another digest is refused.
    """

    key: str
    digest: str

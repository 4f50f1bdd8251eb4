"""How webhooks are delivered: secrets and times, as values."""

from dataclasses import dataclass, field
from typing import Final

DELIVERY_SECONDS: Final = 15.0
"""Time limit of an attempt, from name lookup to the response's head; Standard Webhooks recommends
15 to 30 s."""

RETRY_SECONDS = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Waits between attempts: the example of Standard Webhooks, three days in total."""


@dataclass(frozen=True, slots=True)
class WebhookPolicy:
    """Delivery of webhooks.

    Attributes:
        secrets: each makes a signature; empty disables webhooks.
        seconds: for one attempt.
        connect_seconds: for name lookup and connection.
        retry_seconds: waits between attempts; there is one more attempt than waits.
    """

    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    seconds: float = DELIVERY_SECONDS
    connect_seconds: float = 10.0
    retry_seconds: tuple[float, ...] = RETRY_SECONDS

"""Refuses clients beyond RATE_LIMIT, if it is set, and reports the limit to all.

The header fields are those of draft-ietf-httpapi-ratelimit-headers (from -08 on).
"""

from dataclasses import dataclass
from typing import Final

import falcon

from service.http.client_address import client_group
from service.middleware.api_keys import HEALTH_PATHS, ApiKeys
from service.middleware.rate_limit import Admission, RateLimiter, whole_seconds
from service.problems.problems import Problem

_POLICY: Final = '"default"'
_PAGE_FILES: Final = "/page/"
"""The prefix of the page's files. A browser requests all of them at once, some 25, which many a
limit does not allow, and then keeps them for ever."""


@dataclass(frozen=True, slots=True)
class ThrottleMiddleware:
    """Counts by API key, or by address without a valid key.

    It runs before the check of keys: a client that guesses keys is counted by address, and does not
    use up the limits of keys behind the same address.
    """

    limiter: RateLimiter
    api_keys: ApiKeys | None

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse with 429, before the body is read; health checks and page files do not count."""
        if req.path in HEALTH_PATHS or req.path.startswith(_PAGE_FILES):
            return
        admission = self.limiter.take(self._client(req))
        resp.set_headers(self._headers(admission))
        if not admission.is_granted:
            raise self._too_many(admission)

    def _client(self, req: falcon.Request) -> str:
        name = self.api_keys.name_for(req) if self.api_keys is not None else None
        return f"address {client_group(req.remote_addr)}" if name is None else f"key {name}"

    def _headers(self, admission: Admission) -> dict[str, str]:
        limit, seconds = self.limiter.limit, whole_seconds(admission.full_seconds)
        return {
            "RateLimit-Policy": f"{_POLICY};q={limit.requests};w={limit.seconds}",
            "RateLimit": f"{_POLICY};r={admission.remaining};t={seconds}",
        }

    def _too_many(self, admission: Admission) -> Problem:
        seconds = max(1, whole_seconds(admission.retry_seconds))
        return Problem(
            "rate-limited",
            f"This client sends faster than the limit of {self.limiter.limit} allows. Nothing of "
            f"this request was kept; send it again in {seconds} s.",
            retry_after=seconds,
        )

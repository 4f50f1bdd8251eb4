"""Refuses clients beyond RATE_LIMIT, if it is set, and reports the limit to all.

The header fields are those of draft-ietf-httpapi-ratelimit-headers (from -08 on).
"""

from http import HTTPStatus
from typing import Final

import falcon

from service.http.client_address import client_group
from service.middleware.api_keys import HEALTH_PATHS, ApiKeys
from service.middleware.rate_limit import Admission, RateLimiter, whole_seconds
from service.problems.problems import Problem

_POLICY: Final = '"default"'


def is_limited(path: str) -> bool:
    """Return whether a path counts: all but health checks."""
    return path not in HEALTH_PATHS


class ThrottleMiddleware:
    """Counts by API key, or by address without a valid key.

    It runs before the check of keys: a client that guesses keys is counted by address, and does not
    use up the limits of keys behind the same address.

    Args:
        limiter: the buckets.
        api_keys: the keys; None without authentication.
    """

    def __init__(self, limiter: RateLimiter, api_keys: ApiKeys | None) -> None:
        self._limiter = limiter
        self._api_keys = api_keys
        limit = limiter.limit
        self._policy = f"{_POLICY};q={limit.requests};w={limit.seconds}"

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Refuse with 429, before the body is read."""
        if not is_limited(req.path):
            return
        admission = self._limiter.take(self._client(req))
        resp.set_headers(self._headers(admission))
        if not admission.is_granted:
            raise self._too_many(admission)

    def _client(self, req: falcon.Request) -> str:
        name = self._api_keys.name_for(req) if self._api_keys is not None else None
        return f"address {client_group(req.remote_addr)}" if name is None else f"key {name}"

    def _headers(self, admission: Admission) -> dict[str, str]:
        left, seconds = admission.remaining, whole_seconds(admission.full_seconds)
        return {"RateLimit-Policy": self._policy, "RateLimit": f"{_POLICY};r={left};t={seconds}"}

    def _too_many(self, admission: Admission) -> Problem:
        seconds = max(1, whole_seconds(admission.retry_seconds))
        return Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "rate-limited",
            f"This client has sent more than {self._limiter.limit} requests. Nothing of this one "
            f"was kept; send it again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )

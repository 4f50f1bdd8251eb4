"""Lets in who holds a key, when keys are set."""

import hashlib
import hmac
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import falcon
from pydantic import SecretStr

from service.problems import Problem

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""Asked by container runtimes and load balancers, which hold no key."""

_REALM = 'Bearer realm="imgup"'


class ApiKeyMiddleware:
    """Refuses requests without one of the keys, as ``Authorization: Bearer`` or ``X-API-Key``.

    Args:
        keys: any of them opens every path.
    """

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        # Digests are of one length, so that comparing takes the same time for every key.
        self._digests = [_digest(key.get_secret_value()) for key in keys]

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Refuse with 401, before anything of the body is read."""
        if req.path in OPEN_PATHS:
            return
        given = _given_key(req)
        if given is None:
            raise _unauthorized("This service needs a key", _REALM)
        digest = _digest(given)
        # A sum, so that each comparison is made whatever the others say.
        if not sum(hmac.compare_digest(digest, known) for known in self._digests):
            # The challenge names the error (RFC 6750, section 3.1).
            raise _unauthorized("This key is not valid here", f'{_REALM}, error="invalid_token"')


def _given_key(req: falcon.Request) -> str | None:
    scheme, _, credentials = (req.auth or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return req.get_header("X-API-Key") or None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _unauthorized(what: str, challenge: str) -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        f"{what}; send one as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.",
        headers={"WWW-Authenticate": challenge},
    )

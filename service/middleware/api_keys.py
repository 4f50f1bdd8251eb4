"""Authenticates requests by API key, if keys are set."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import falcon
from pydantic import SecretStr

from service.http.client_address import client_group
from service.problems.problems import Problem
from service.settings.secret_values import ApiKey

LIVENESS_PATHS: Final = frozenset({"/healthz", "/healthz/"})
HEALTH_PATHS: Final = LIVENESS_PATHS | {"/readyz", "/readyz/"}
"""Paths for container runtimes and load balancers, which have no key. The web server compares paths
as sent, the application without the slash at the end."""

_EXPLANATIONS: Final = frozenset({"/", "/docs", "/docs/style.css", "/openapi.json"})
_EXPLANATION_PREFIXES: Final = ("/problems/", "/page/")

NOBODY: Final = ""
"""The owner of all jobs without keys; no key has this name."""

REALM: Final = 'Bearer realm="imgup"'
"""The challenge to a request without a key (RFC 6750, section 3)."""

WORKERS_PATH: Final = "/v1/workers"
OPENING_PATH: Final = "/v1/limits/open"
_ADMIN_PATHS: Final = frozenset({WORKERS_PATH, OPENING_PATH})
"""The paths for which the admin key is valid."""

_SEND: Final = "send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"


class ApiKeys:
    def __init__(self, keys: Iterable[ApiKey]) -> None:
        # Digests have equal length, so a comparison takes the same time for every key.
        self._known = [(_digest(key.secret.get_secret_value()), key.name) for key in keys]

    def name_for(self, req: falcon.Request) -> str | None:
        """Return the name of a request's key; None without a valid key."""
        given = given_key(req)
        if given is None:
            return None
        digest = _digest(given)
        # A list, so that all comparisons are made.
        names = [name for known, name in self._known if hmac.compare_digest(digest, known)]
        return names[0] if names else None


class AdminKey:
    """Authorizes changes of the running service by admin key; without one it allows none."""

    def __init__(self, secret: SecretStr | None) -> None:
        self._keys = None if secret is None else ApiKeys([ApiKey("admin", secret)])

    def opens(self, req: falcon.Request) -> bool:
        """Return whether a request has the key, and its path needs it."""
        if self._keys is None or req.path not in _ADMIN_PATHS:
            return False
        return self._keys.name_for(req) is not None

    def require(self, req: falcon.Request) -> None:
        """Check the admin key.

        Raises:
            Problem: 401 or 403.
        """
        if self._keys is None:
            raise Problem(
                "admin-key-not-set",
                "Nobody may change this service while it runs, as it has no admin key. Set "
                "ADMIN_KEY, or ADMIN_KEY_FILE, and start it again.",
            )
        if self.opens(req):
            return
        if owner_of(req) != NOBODY:
            raise Problem(
                "admin-key-needed",
                f"An API key does not open this. It needs the admin key; {_SEND}.",
                # RFC 6750, section 3.1.
                headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'},
            )
        raise _unauthorized(req, "This needs the admin key", "This key is not the admin key")


@dataclass(frozen=True, slots=True)
class ApiKeyMiddleware:
    """Refuses requests without a key, in ``Authorization: Bearer`` or ``X-API-Key``.

    The name of the key is the owner of jobs and images.
    """

    keys: ApiKeys
    admin_key: AdminKey

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Refuse with 401, before the body is read."""
        if is_open(req.path) or self.admin_key.opens(req) or _is_preflight(req):
            return
        name = self.keys.name_for(req)
        if name is None:
            raise _unauthorized(req, "This service needs a key", "This key is not valid here")
        req.context.owner = name


def is_open(path: str) -> bool:
    """Return whether a path needs no key. Docs and the page need none: a browser cannot send one,
    and they are the same for all clients.
    """
    if path in HEALTH_PATHS or path in _EXPLANATIONS:
        return True
    return path.startswith(_EXPLANATION_PREFIXES)


def _is_preflight(req: falcon.Request) -> bool:
    """Return whether a request is a CORS preflight: it has no key (Fetch, section 4.8), and gets
    only the methods.
    """
    asked = req.get_header("Access-Control-Request-Method")
    return req.method == "OPTIONS" and asked is not None


def owner_of(req: falcon.Request) -> str:
    """Return the owner of a request's jobs and images."""
    owner: str = getattr(req.context, "owner", NOBODY)
    return owner


def tenant_of(req: falcon.Request) -> str:
    """Return the tenant of a request: the key's name, or the client's address."""
    return owner_of(req) or client_group(req.remote_addr)


def given_key(req: falcon.Request) -> str | None:
    """Return a request's key, valid or not."""
    scheme, _, credentials = (req.auth or "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return req.get_header("X-API-Key") or None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _unauthorized(req: falcon.Request, no_key: str, wrong_key: str) -> Problem:
    is_missing = given_key(req) is None
    # The challenge names the error (RFC 6750, section 3.1).
    challenge = REALM if is_missing else f'{REALM}, error="invalid_token"'
    detail = f"{no_key if is_missing else wrong_key}; {_SEND}."
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": challenge})

"""The key that opens what changes the running service, ADMIN_KEY."""

from http import HTTPStatus
from typing import Final

import falcon
from pydantic import SecretStr

from service.api_keys import NOBODY, REALM, ApiKey, ApiKeys, given_key, owner_of
from service.problems import Problem

WORKERS_PATH: Final = "/v1/workers"
"""What the key opens, and all that it does; an API key lets its holder look."""

_SEND: Final = "send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'"


class AdminKey:
    """Who may change the service while it runs.

    Args:
        secret: the key; None if nobody may.
    """

    def __init__(self, secret: SecretStr | None) -> None:
        self._keys = None if secret is None else ApiKeys([ApiKey("admin", secret)])

    def opens(self, req: falcon.Request) -> bool:
        """Whether a request shows the key, and is about what it opens."""
        if self._keys is None or req.path != WORKERS_PATH:
            return False
        return self._keys.name_for(req) is not None

    def require(self, req: falcon.Request) -> None:
        """Let nobody else go on.

        Raises:
            Problem: 401 or 403.
        """
        if self._keys is None:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "admin-key-not-set",
                "Nobody may change this service while it runs, as it has no admin key. Set "
                "ADMIN_KEY, or ADMIN_KEY_FILE, and start it again.",
            )
        if self.opens(req):
            return
        if owner_of(req) != NOBODY:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "admin-key-needed",
                f"An API key does not open this. It needs the admin key; {_SEND}.",
                # RFC 6750, section 3.1.
                headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'},
            )
        is_shown = given_key(req) is not None
        what = "This key is not the admin key" if is_shown else "This needs the admin key"
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            f"{what}; {_SEND}.",
            headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"' if is_shown else REALM},
        )

"""The types of settings that are keys and other secrets; see `values`."""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretBytes, SecretStr

from service.settings.values import entries, matched

# Needs no quoting in a header or form: printable ASCII without space and comma.
_CREDENTIAL = re.compile(r"[!-+\--~]+", re.ASCII)
_KEY_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_WEBHOOK_PREFIX = "whsec_"
_MIN_SECRET_BYTES, _MAX_SECRET_BYTES = 24, 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key and its name. The name owns the jobs that are sent with the key."""

    name: str
    secret: SecretStr

    @classmethod
    def parse(cls, entry: str) -> "ApiKey":
        """Parse ``name:key``, or a key alone. Its name is then made from its digest: it is the
        same after every start, and does not reveal the key.

        Raises:
            ValueError: invalid name, or no key.
        """
        name, colon, key = entry.partition(":")
        if not colon:
            return cls(f"key-{hashlib.sha256(entry.encode()).hexdigest()[:12]}", SecretStr(entry))
        if not key or not _KEY_NAME.fullmatch(name):
            raise ValueError("not name:key")
        return cls(name, SecretStr(key))


def _read_credential(value: str) -> str:
    return matched(value, _CREDENTIAL)


def _read_api_keys(value: str) -> tuple[ApiKey, ...]:
    texts = dict.fromkeys(entries(value))
    if not texts:
        raise ValueError("only separators")  # must not mean: open to everybody
    keys = tuple(ApiKey.parse(_read_credential(entry)) for entry in texts)
    # With two names for one key, or two keys of one name, the owner of jobs is ambiguous.
    for parts in ({key.name for key in keys}, {key.secret.get_secret_value() for key in keys}):
        if len(parts) < len(keys):
            raise ValueError("a name or a key twice")
    return keys


def _read_webhook_secrets(value: str) -> tuple[SecretBytes, ...]:
    secrets = tuple(_webhook_secret(entry) for entry in dict.fromkeys(entries(value)))
    if not secrets:
        raise ValueError("only separators")
    return secrets


def _webhook_secret(text: str) -> SecretBytes:
    # Standard Webhooks 1.0.0, "Signature scheme".
    encoded = text.removeprefix(_WEBHOOK_PREFIX)
    secret = base64.b64decode(encoded, validate=True)
    if encoded == text or not _MIN_SECRET_BYTES <= len(secret) <= _MAX_SECRET_BYTES:
        raise ValueError("not a webhook secret")
    return SecretBytes(secret)


Credential = Annotated[SecretStr | None, BeforeValidator(_read_credential), Field(repr=False)]
ApiKeyList = Annotated[tuple[ApiKey, ...], BeforeValidator(_read_api_keys), Field(repr=False)]
WebhookSecrets = Annotated[
    tuple[SecretBytes, ...], BeforeValidator(_read_webhook_secrets), Field(repr=False)
]

"""The types of settings, each parsed from the text of one environment variable.

A parser raises ValueError for invalid text; the description of the setting says what is expected.
One that is not part of the settings' representation (``repr=False``) is a secret.
"""

import ipaddress
import os
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, ByteSize, Field, SecretStr, TypeAdapter

from workers import ALBUM_PATTERN, IMAGE_TYPES, ImgurLimits

_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
LAST_PORT: Final = 65_535
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}
_PERIODS: Final = {"second": 1, "minute": 60, "hour": 3600}
_RATE = re.compile(r"\s*([1-9]\d{0,6})\s*/\s*(second|minute|hour)\s*", re.ASCII | re.IGNORECASE)
_MAX_REQUESTS: Final = 1_000_000
_MAX_WAITS = 20
_LONGEST_WAIT = 7 * 24 * 3600.0

_is_size = re.compile(r"\d+(\.\d+)?\s*([kmgtpe]i?)?b?", re.ASCII | re.IGNORECASE).fullmatch
_read_bytes = TypeAdapter(ByteSize).validate_python


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A number of requests per period of seconds."""

    requests: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "RateLimit":
        """Parse ``60/minute``; the period is second, minute or hour.

        Raises:
            ValueError: not a rate.
        """
        match = _RATE.fullmatch(text)
        if match is None or int(match[1]) > _MAX_REQUESTS:
            raise ValueError("not a rate")
        return cls(int(match[1]), _PERIODS[match[2].lower()])

    def __str__(self) -> str:
        (period,) = (name for name, seconds in _PERIODS.items() if seconds == self.seconds)
        return f"{self.requests}/{period}"


def _read_host(value: str) -> str:
    host = value.removeprefix("[").removesuffix("]")
    return str(ipaddress.IPv6Address(host)) if ":" in host else _read_host_name(host)


def _read_host_name(value: str) -> str:
    # As the socket module does: UnicodeError for an empty label or a too long one.
    value.encode("idna")
    return matched(value, _HOST_NAME)


def _read_host_names(value: str) -> tuple[str, ...]:
    # The dot at the end of a fully qualified name counts as little here as in a request.
    return tuple(_read_host_name(entry.lower().removesuffix(".")) for entry in entries(value))


def matched(text: str, pattern: re.Pattern[str]) -> str:
    """Return a text of the pattern; others are a ValueError."""
    if not pattern.fullmatch(text):
        raise ValueError("not of the expected form")
    return text


def entries(text: str) -> list[str]:
    """Split a list at commas and white space."""
    return [entry for entry in re.split(r"[,\s]+", text) if entry]


def _read_networks(value: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(entry)) for entry in entries(value))


def _read_ports(value: str) -> tuple[int, ...]:
    ports = tuple(dict.fromkeys(int(entry) for entry in entries(value)))
    if not all(0 < port <= LAST_PORT for port in ports):
        raise ValueError("not a port")
    return ports


def _read_origin(value: str) -> str:
    parts = _split(value, "http", "https")
    # What no browser sends would allow nothing, and silently: `https://*.example.com`.
    if parts.username is not None or parts.netloc.endswith(":"):
        raise ValueError("not an origin")
    _read_host(parts.hostname or "")
    return f"{parts.scheme}://{parts.netloc}"


def _read_proxy(value: str) -> str:
    _split(value, "http", "https", "socks5h")
    return value.removesuffix("/")


def _split(value: str, *schemes: str) -> SplitResult:
    parts = urlsplit(value)
    usable = (
        parts.scheme in schemes
        and parts.hostname
        and parts.path in {"", "/"}
        and not (parts.query or parts.fragment)
        and parts.port != 0
        and all("!" <= character <= "~" for character in value)
    )
    if not usable:
        raise ValueError("not a URL of host and port")
    return parts


def _read_authorities(value: str) -> str:
    try:
        # Fails without a certificate too, so that the error occurs here and not in a worker.
        ssl.create_default_context(cafile=value)
    except OSError as error:
        raise ValueError("no certificates") from error
    return str(Path(value).absolute())


def _read_origins(value: str) -> tuple[str, ...]:
    # As browsers send them (RFC 6454, section 6.2): in lower case, without the default port.
    origins = (_read_origin(entry).lower() for entry in entries(value))
    return tuple(one.removesuffix(DEFAULT_PORTS[urlsplit(one).scheme]) for one in origins)


def _read_waits(value: str) -> tuple[float, ...]:
    if value.strip() == "none":
        return ()
    waits = tuple(float(entry) for entry in entries(value))
    if not 0 < len(waits) <= _MAX_WAITS or not all(0 < wait <= _LONGEST_WAIT for wait in waits):
        raise ValueError("not a list of waits")
    return waits


def _read_journal_path(value: str) -> str:
    path = Path(value)
    # The file itself is checked when it is opened.
    try:
        with suppress(FileNotFoundError):
            path.stat()
    except OSError as error:  # a name that is too long, or symbolic links in a circle
        raise ValueError("not a path") from error
    if path.is_dir() or not os.access(path.parent, os.R_OK | os.W_OK | os.X_OK):
        raise ValueError("not a file in a writable folder")
    return str(path.absolute())


def _read_size(value: str) -> int:
    # Pydantic ignores text after the unit, and accepts bits too.
    if not _is_size(value.strip()):
        raise ValueError("not a size")
    return _read_bytes(value)


class BytesByKind(NamedTuple):
    """Sizes of images in bytes."""

    still: int
    animation: int

    @classmethod
    def parse(cls, text: str) -> "BytesByKind":
        """Parse ``still=20MB,animation=10MB``; one of them may be missing.

        Raises:
            ValueError: unknown or repeated kind, or invalid size.
        """
        pairs = [entry.partition("=") for entry in text.lower().split(",")]
        sizes = {kind.strip(): _read_size(size) for kind, _, size in pairs}
        if len(sizes) < len(pairs) or not sizes.keys() <= set(cls._fields):
            raise ValueError("a kind twice, or an unknown one")
        if not all(1 <= size <= MAX_IMAGE_BYTES for size in sizes.values()):
            raise ValueError("not the size of an image")
        return DEFAULT_IMGUR_BYTES._replace(**sizes)


MAX_IMAGE_BYTES: Final = 1024**3
DEFAULT_IMGUR_BYTES: Final = BytesByKind(ImgurLimits().still_bytes, ImgurLimits().animation_bytes)


def _read_image_types(value: str) -> tuple[str, ...]:
    types = tuple(dict.fromkeys(entries(value.lower())))
    if not types or not set(types) <= set(IMAGE_TYPES):
        raise ValueError("not a list of image types")
    return types


Size = Annotated[int, BeforeValidator(_read_size)]
"""Bytes: a number, or a number with a unit of 1000 (kB, MB, GB) or 1024 (KiB, MiB, GiB)."""

JournalPath = Annotated[str, BeforeValidator(_read_journal_path)]
Host = Annotated[
    str, BeforeValidator(_read_host), Field(description="an IP address or host name to listen on")
]
Port = Annotated[int, Field(ge=0, le=LAST_PORT, description="a port, or 0 for any free one")]
Uploads = Annotated[
    int, Field(ge=0, le=1_000_000_000, description="a whole number up to 1000000000; 0: no bound")
]
Seconds = Annotated[
    float, Field(gt=0, le=3600, allow_inf_nan=False, description="seconds, above 0 and up to 3600")
]
HostNames = Annotated[tuple[str, ...], BeforeValidator(_read_host_names)]
Networks = Annotated[
    tuple[str, ...],
    BeforeValidator(_read_networks),
    Field(description="networks separated by commas, host bits zero, such as 10.1.0.0/16,fd00::/8"),
]
Ports = Annotated[tuple[int, ...], BeforeValidator(_read_ports)]
Origin = Annotated[str, BeforeValidator(_read_origin)]
Proxy = Annotated[
    SecretStr | None,
    BeforeValidator(_read_proxy),
    Field(
        description="http://, https:// or socks5h:// with host and port, and USER:PASSWORD@ before "
        "them if the proxy needs a login",
        repr=False,  # its credentials, if any, make it a secret
    ),
]

Authorities = Annotated[str, BeforeValidator(_read_authorities)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_read_origins)]
Album = Annotated[str | None, Field(pattern=ALBUM_PATTERN, repr=False)]
Waits = Annotated[tuple[float, ...], BeforeValidator(_read_waits)]
Rate = Annotated[RateLimit, BeforeValidator(RateLimit.parse)]
ImgurBytes = Annotated[BytesByKind, BeforeValidator(BytesByKind.parse)]
ImageTypes = Annotated[tuple[str, ...], BeforeValidator(_read_image_types)]
LowerCase = BeforeValidator(str.lower)
UpperCase = BeforeValidator(str.upper)

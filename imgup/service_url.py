"""The address of a service."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

DEFAULT_URL: Final = "http://127.0.0.1:8000"


def check_service_url(url: str) -> str:
    """Return the address without a slash at its end.

    Raises:
        ValueError: it is not valid; the text leaves it out, as it may hold a password.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        _port = parts.port
    except ValueError:
        raise ValueError("The service's URL has no valid host or port.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"The service's URL must be like {DEFAULT_URL}.")
    if "@" in parts.netloc:
        raise ValueError("The service's URL holds a user name or password; use an API key.")
    if any(char in "?#" or char.isspace() for char in text):  # empty ones as well
        raise ValueError("The service's URL must have no query, fragment or space.")
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

"""The form fields of an upload, from the templates of its job."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from workers.contract.data_url import is_data_url
from workers.contract.messages.round_trip import Lease
from workers.contract.wire_url import SURROUNDING, wire_url

PLACEHOLDERS: Final = ("number", "count", "name", "host")
"""What a template may name in braces: the place of the URL in its job from 1 on, how many URLs
the job has, the last part of the URL's path, and its host; a data URL has neither of these two.
Braces themselves are doubled."""

_LONGEST_NAME = 100  # a path may have thousands of characters
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")

_BRACES: Final[Mapping[str, str]] = {"{{": "{", "}}": "}"}


def template_faults(template: str) -> tuple[str, ...]:
    """Return the invalid placeholders of a template."""
    return tuple(
        dict.fromkeys(
            found[0]
            for found in _FIELD.finditer(template)
            if found[0] not in _BRACES and found[1] not in PLACEHOLDERS
        )
    )


def fields_of(lease: Lease) -> dict[str, str]:
    """Return the form fields of an image by its job's options."""
    if lease.options is None:
        return {}
    job, count = lease.options.job, lease.options.count
    fields = {"album": job.album} if isinstance(job.album, str) else {}
    for name, template in (("title", job.title), ("description", job.description)):
        if template:
            fields[name] = _fill(template, lease, count)
    return fields


def _fill(template: str, lease: Lease, count: int) -> str:
    values: dict[str, Callable[[], str]] = {
        "number": lambda: str(lease.index + 1),
        "count": lambda: str(count),
        "name": lambda: _name(lease.target),
        "host": lambda: _host(lease.target),
    }
    return _FIELD.sub(
        lambda found: _BRACES[found[0]] if found[0] in _BRACES else values[found[1]](), template
    )


def _host(url: str) -> str:
    """Return the host as submitted, whatever the number of slashes before it."""
    if is_data_url(url):
        return ""
    behind_scheme = url.strip(SURROUNDING).partition(":")[2]
    return unquote(urlsplit(f"//{behind_scheme.lstrip('/')}").hostname or "", errors="replace")


def _name(url: str) -> str:
    if is_data_url(url):
        return ""
    # From the path only: a query may be a signature that grants access.
    last = unquote(urlsplit(wire_url(url)).path.rpartition("/")[2], errors="replace")
    return _UNPRINTABLE.sub("", last)[:_LONGEST_NAME]

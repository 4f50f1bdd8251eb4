"""Reads the options of an upload request: `JobOptions`, or all errors.

Decided here:

- A missing option has its default; null is an error.
- `Cookie` and `Authorization` may be sent to a source, as authentication is their purpose. Headers
  that change the framing of request or response may not, nor those of proxies, nor those that
  metadata services of clouds require as a protection from forged requests.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from service.problems.problems import FieldError
from service.requests.json_text import pointer_step
from workers import (
    ALBUM_LAYOUTS,
    ALBUM_PATTERN,
    ALBUM_PRIVACIES,
    NO_OPTIONS,
    PLACEHOLDERS,
    ImageError,
    JobOptions,
    NewAlbum,
    Priority,
    origin_of,
    template_faults,
    wire_url,
)

LONGEST_TITLE: Final = 255
LONGEST_DESCRIPTION: Final = 2_000
LONGEST_CALLBACK: Final = 2_048
MAX_ORIGINS: Final = 8
MAX_HEADERS: Final = 16
LONGEST_HEADER_NAME: Final = 64
MAX_OPTION_VALUES: Final = 1_000  # strings; headers of all origins are most of them
MAX_HEADER_CHARACTERS: Final = 16_384
"""Of all names and values together; most servers accept about 8 KB in a request."""

ALBUM_CHOICES: Final = {"privacy": ALBUM_PRIVACIES, "layout": ALBUM_LAYOUTS}

REFUSED_HEADERS: Final = frozenset(
    {
        # Framing of the request, and the connection (RFC 9110, 7.6.1; RFC 9112).
        *("host", "content-length", "content-type", "content-encoding", "transfer-encoding"),
        *("connection", "keep-alive", "te", "trailer", "upgrade", "expect", "http2-settings"),
        # Form of the response: a whole image without a content coding.
        *("accept-encoding", "range", "if-range", "if-match", "if-none-match"),
        *("if-modified-since", "if-unmodified-since"),
        # Set by proxies, as are all that begin with proxy- or x-forwarded-.
        *("forwarded", "via", "x-real-ip", "max-forwards"),
        # Required by metadata services of clouds, against forged requests.
        *("metadata", "metadata-flavor", "x-google-metadata-request"),
        *("x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds"),
    }
)
REFUSED_BEGINNINGS: Final = ("proxy-", "x-forwarded-")

_is_album = re.compile(ALBUM_PATTERN, re.ASCII).fullmatch
_is_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII).fullmatch  # RFC 9110, 5.6.2
_is_header_value = re.compile(r"[!-~](?:[\t -~]*[!-~])?", re.ASCII).fullmatch
_find_odd = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]").search
_find_odd_in_lines = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]").search

_TEXTS: Final = {
    "title": (LONGEST_TITLE, _find_odd),
    "description": (LONGEST_DESCRIPTION, _find_odd_in_lines),
}
"""Name of a text → maximum length, and search for forbidden characters."""

Faults = Iterator[FieldError]


def read_options(body: Mapping[str, Any]) -> tuple[JobOptions, list[FieldError]]:
    """Return the options of a request's body, and their errors; without errors they are valid."""
    given = [name for name in FIELDS if name in body]
    faults = [fault for name in given for fault in FIELDS[name](f"#/{name}", body[name])]
    if faults or not given:
        return NO_OPTIONS, faults
    album, by_origin = body.get("album"), body.get("sourceHeaders", {})
    options = JobOptions(
        album=NewAlbum(**album) if isinstance(album, dict) else album,
        title=body.get("title"),
        description=body.get("description"),
        priority=Priority(body.get("priority", Priority.NORMAL)),
        # Sorted: members of an object have no order, and many clients send them in another one when
        # they repeat a request, which must be the same job for its Idempotency-Key.
        source_headers=tuple(
            sorted(
                (origin_of(text), tuple(sorted(named.items()))) for text, named in by_origin.items()
            )
        ),
        callback_url=body.get("callbackUrl"),
        resolve_pages=body.get("resolvePages"),
        convert=body.get("convert", True),
    )
    return options, []


# --- checks: each yields the errors of a value at a JSON pointer ---------------------------------


def _album(pointer: str, value: object) -> Faults:
    if isinstance(value, dict):
        yield from _new_album(pointer, value)
    elif not isinstance(value, str) or not _is_album(value):
        detail = (
            "An album id has 1 to 64 letters and digits; a new album is an object of "
            f"{', '.join(NewAlbum._fields)}."
        )
        yield _fault(pointer, "invalid-album", detail)


def _new_album(album: str, value: Mapping[str, object]) -> Faults:
    for name, text in value.items():
        pointer = f"{album}/{pointer_step(name)}"
        if name in _TEXTS:
            yield from _text(pointer, text, *_TEXTS[name])
        elif name not in ALBUM_CHOICES:
            detail = f"An album has {', '.join(NewAlbum._fields)}, and no other field."
            yield _fault(pointer, "unknown-field", detail)
        elif text not in ALBUM_CHOICES[name]:
            detail = f"It must be one of {', '.join(ALBUM_CHOICES[name])}."
            yield _fault(pointer, f"unknown-{name}", detail)


def _template(pointer: str, value: object) -> Faults:
    longest, find_odd = _TEXTS[pointer.removeprefix("#/")]
    yield from _text(pointer, value, longest, find_odd)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        return
    known = ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
    for fault in template_faults(value):
        shown = fault if fault.isprintable() and len(fault) <= LONGEST_HEADER_NAME else "{…}"
        detail = f"{shown} is no placeholder; there are {known}, and {{{{ for a brace itself."
        yield _fault(pointer, "unknown-placeholder", detail)


def _text(pointer: str, value: object, longest: int, find_odd: Callable[[str], Any]) -> Faults:
    if not isinstance(value, str):
        yield _fault(pointer, "not-a-string", "It must be a text in quotes.")
    elif not 1 <= len(value) <= longest:
        yield _fault(pointer, "invalid-length", f"It must have 1 to {longest} characters.")
    elif find_odd(value):
        yield _fault(pointer, "not-printable", "It holds a control character or half a character.")


def _priority(pointer: str, value: object) -> Faults:
    if not isinstance(value, str) or value not in set(Priority):
        yield _fault(pointer, "unknown-priority", "It must be low, normal or high.")


def _boolean(pointer: str, value: object) -> Faults:
    if not isinstance(value, bool):
        yield _fault(pointer, "not-a-boolean", "It must be true or false.")


def _callback_url(pointer: str, value: object) -> Faults:
    try:
        usable = isinstance(value, str) and len(value) <= LONGEST_CALLBACK and wire_url(value)
    except ImageError:
        usable = False
    if not usable:
        detail = (
            "It must be an absolute http or https URL without a user name or password, "
            f"of at most {LONGEST_CALLBACK} characters."
        )
        yield _fault(pointer, "invalid-callback-url", detail)


def _source_headers(whole: str, value: object) -> Faults:
    if not isinstance(value, dict):
        yield _fault(whole, "not-an-object", _HEADERS_FORM)
        return
    if not 1 <= len(value) <= MAX_ORIGINS:
        yield _fault(whole, "invalid-length", f"It must name 1 to {MAX_ORIGINS} origins.")
        return
    origins = set()
    characters = 0
    for text, headers in value.items():
        pointer = f"{whole}/{pointer_step(text)}"
        origin = _origin(text)
        if origin is None or origin in origins:
            detail = "It must be an origin, such as https://example.com, and only once."
            yield _fault(pointer, "invalid-origin", detail)
        origins.add(origin)
        if not isinstance(headers, dict) or not 1 <= len(headers) <= MAX_HEADERS:
            detail = f"It must be an object of 1 to {MAX_HEADERS} headers. {_HEADERS_FORM}"
            yield _fault(pointer, "not-an-object", detail)
            continue
        texts = (entry for entry in headers.values() if isinstance(entry, str))
        characters += sum(map(len, headers)) + sum(map(len, texts))
        yield from _headers(pointer, headers)
    if characters > MAX_HEADER_CHARACTERS:
        detail = f"All headers together must have at most {MAX_HEADER_CHARACTERS} characters."
        yield _fault(whole, "invalid-length", detail)


def _headers(pointer: str, headers: Mapping[str, object]) -> Faults:
    names = set()
    for name, value in headers.items():
        at, lower = f"{pointer}/{pointer_step(name)}", name.lower()
        if not _is_token(name) or len(name) > LONGEST_HEADER_NAME or lower in names:
            detail = (
                f"It must be the name of a header, of at most {LONGEST_HEADER_NAME} characters, "
                "and only once."
            )
            yield _fault(at, "invalid-header-name", detail)
        elif lower in REFUSED_HEADERS or lower.startswith(REFUSED_BEGINNINGS):
            detail = "This header cannot be set: the service sets it itself, or it is not safe."
            yield _fault(at, "header-not-allowed", detail)
        names.add(lower)
        # The value is probably a secret, so it is not shown.
        if not isinstance(value, str) or not _is_header_value(value):
            detail = "The value must be printable ASCII, without spaces at its ends."
            yield _fault(at, "invalid-header-value", detail)


FIELDS: Final[Mapping[str, Callable[[str, object], Faults]]] = {
    "album": _album,
    "title": _template,
    "description": _template,
    "priority": _priority,
    "sourceHeaders": _source_headers,
    "callbackUrl": _callback_url,
    "resolvePages": _boolean,
    "convert": _boolean,
}
"""Optional field → check of its value."""

_HEADERS_FORM: Final = 'Its form is {"https://example.com": {"Name": "value"}}.'


def _origin(text: str) -> str | None:
    try:
        origin, parts = origin_of(text), urlsplit(text.strip())
    except ImageError:
        return None
    has_more = parts.path not in {"", "/"} or parts.query or parts.fragment or "?" in text
    return None if has_more else origin


def _fault(pointer: str, code: str, detail: str) -> FieldError:
    return {"pointer": pointer, "code": code, "detail": detail}

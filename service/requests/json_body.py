"""Reads a request's body as a JSON object, or raises a problem.

Decided where the specification is silent:

- A body may come in gzip, as one member (RFC 1952, section 2.2), and in no other coding.
- The content type is application/json. A body without one is refused as well: a page of another
  origin can send such a body without a preflight request, but not one declared as JSON.
- An unknown field is refused by its name, as ignoring it would suggest a feature that does not
  exist. A repeated field is refused too.
"""

import json
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NoReturn

import falcon
from falcon.typing import ReadableIO

from service.problems.problems import FieldError, Problem
from service.requests.json_text import load_json, repeated_names

_LONGEST_CONTENT_TYPE: Final = 1024
_LONGEST_VALUE_SHOWN: Final = 100
_NAMES_SHOWN = 5
_MAX_REPEATED_LISTED = 100
_BYTE_ORDER_MARK = "\ufeff"
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})  # ASCII is a part of UTF-8
_PLAIN: Final = frozenset({"", "identity"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})  # two names of one coding (RFC 9110, section 8.4.1.3)
_GZIP_WINDOW_BITS: Final = 16 + zlib.MAX_WBITS  # with the header and trailer of gzip
_PIECE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ExpectedBody:
    """The body that a route expects."""

    main_field: str  # required
    fields: Collection[str]  # all that are known
    example: str  # a short body
    if_too_long: str  # remedy for a body that is too long, a sentence


def read_object(
    req: falcon.Request,
    expected: ExpectedBody,
    *,
    max_body_bytes: int,
    check: Callable[[bytes], None] = lambda _: None,
) -> dict[str, Any]:
    """Read a request's body: an object with known fields only.

    `check` raises a problem for bytes that must not be parsed.

    Raises:
        Problem: 413, 415 or 400.
    """
    _check_content_type(req)
    content = _read_body(req, max_body_bytes, expected.if_too_long)
    check(content)
    body = _parse(content, expected)
    if not isinstance(body, dict):
        raise bad_field(
            "#",
            "not-an-object",
            f"The body is {kind_of(body)}; it must be an object with the field "
            f"'{expected.main_field}'.",
        )
    repeated = list(islice(repeated_names(body), _MAX_REPEATED_LISTED))
    if repeated:
        raise _repeated_fields(repeated)
    unknown = [name for name in body if name not in expected.fields]
    if unknown:
        raise _unknown_fields(unknown, expected.fields)
    return body


def bad_field(pointer: str, code: str, detail: str) -> Problem:
    """Return the problem of one error in a body, at a JSON pointer in a URI fragment."""
    errors: list[FieldError] = [{"pointer": pointer, "code": code, "detail": detail}]
    return Problem(code, detail, errors=errors)


def kind_of(value: object) -> str:
    """Return the name of a JSON value's type."""
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case str():
            return "a string"
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case _:
            return "a number"


def shorten(text: str) -> str:
    """Return a text of a body in a form that a response may contain."""
    # A JSON escape may yield a lone surrogate, which has no UTF-8 form.
    head = text[: _LONGEST_VALUE_SHOWN + 1]
    shown = head.encode(errors="backslashreplace").decode()
    return shown if len(shown) <= _LONGEST_VALUE_SHOWN else shown[:_LONGEST_VALUE_SHOWN] + "…"


def _check_content_type(req: falcon.Request) -> None:
    content_type = req.content_type or ""
    # The time to parse it grows with the square of its length.
    is_short = len(content_type) <= _LONGEST_CONTENT_TYPE
    media_type, parameters = falcon.parse_header(content_type if is_short else "")
    charset = parameters.get("charset", "utf-8").lower()
    if media_type.lower() != falcon.MEDIA_JSON or charset not in _CHARSETS:
        given = f"is {shorten(content_type)}" if content_type else "is missing"
        # RFC 9110, 15.5.16; Accept-Post is W3C's Linked Data Platform, 7.1.
        names = "Accept-Post" if req.method == "POST" else "Accept"
        raise Problem(
            "unsupported-media-type",
            f"The Content-Type {given}. Send a JSON body in UTF-8 with the header "
            "Content-Type: application/json.",
            headers={names: falcon.MEDIA_JSON},
        )


def _read_body(req: falcon.Request, max_body_bytes: int, if_too_long: str) -> bytes:
    """Read and decode a body; the limit is for both forms of it."""
    coding = (req.get_header("Content-Encoding") or "").strip().lower()
    if coding not in _PLAIN | _GZIP:
        raise Problem(
            "unsupported-content-coding",
            "The only Content-Encoding taken is gzip. Send the body in gzip, or as it is without "
            "that header.",
            headers={"Accept-Encoding": "gzip"},  # RFC 9110, section 15.5.16
        )
    declared = req.content_length
    if declared is not None and declared > max_body_bytes:
        raise _too_long(max_body_bytes, if_too_long)
    # A server that decodes chunks itself declares that its stream ends with the body.
    ends = req.env.get("wsgi.input_terminated", False)
    stream = req.stream if ends else req.bounded_stream
    longest = max_body_bytes + 1
    body: bytes = stream.read(longest) if coding in _PLAIN else _gunzip(stream, longest)
    if len(body) > max_body_bytes:
        raise _too_long(max_body_bytes, if_too_long)
    return body


def _gunzip(stream: ReadableIO, longest: int) -> bytes:
    """Decode gzip up to `longest` bytes; the rest of the stream stays unread."""
    decoder = zlib.decompressobj(_GZIP_WINDOW_BITS)
    body = bytearray()
    try:
        while not decoder.eof and (piece := stream.read(_PIECE_BYTES)):
            body += decoder.decompress(piece, longest - len(body))
            if len(body) == longest:
                return bytes(body)
    except zlib.error as error:
        raise _bad_gzip("is not gzip, or damaged") from error
    if not decoder.eof:
        raise _bad_gzip("is cut short")
    if decoder.unused_data or stream.read(1):
        raise _bad_gzip("goes on behind its end")
    return bytes(body)


def _bad_gzip(what: str) -> Problem:
    return Problem(
        "invalid-gzip",
        f"The body is declared as gzip and {what}. Send one whole gzip member, or leave out "
        "Content-Encoding and send the body as it is.",
    )


def _too_long(max_body_bytes: int, if_too_long: str) -> Problem:
    return Problem(
        "body-too-large", f"The body is longer than {max_body_bytes} bytes. {if_too_long}"
    )


def _parse(body: bytes, expected: ExpectedBody) -> object:
    if not body.strip():
        raise _bad_json("The body is empty.", expected)
    try:
        text = body.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise Problem(
            "invalid-utf8", f"The body is not UTF-8: byte {error.start} cannot be part of it."
        ) from error
    try:
        return load_json(text, _refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        problem = _bad_json(f"The body is not JSON: {error.msg} at {where}.", expected)
        problem.body["line"], problem.body["column"] = error.lineno, error.colno
        raise problem from error
    except RecursionError as error:
        raise _bad_json("The body is nested too deeply.", expected) from error
    except ValueError as error:  # not a JSON number, or one with thousands of digits
        raise _bad_json("The body holds a number that cannot be read.", expected) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # RFC 8259, section 6


def _bad_json(what: str, expected: ExpectedBody) -> Problem:
    return Problem("invalid-json", f"{what} Send a JSON object like {expected.example}.")


def _unknown_fields(names: list[str], known: Collection[str]) -> Problem:
    shown = ", ".join(repr(shorten(name)) for name in names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    there_are = ", ".join(sorted(known))
    detail = f"The body has fields that are not known: {shown}{more}. Known: {there_are}."
    return bad_field("#", "unknown-field", detail)


def _repeated_fields(pointers: list[str]) -> Problem:
    detail = "This field stands more than once in the body; send it once."
    errors: list[FieldError] = [
        {"pointer": pointer, "code": "repeated-field", "detail": detail} for pointer in pointers
    ]
    shown = ", ".join(pointers[:_NAMES_SHOWN])
    more = " and more" if len(pointers) > _NAMES_SHOWN else ""
    return Problem(
        "repeated-field",
        f"The body has fields that stand more than once: {shown}{more}. Send each of them once.",
        errors=errors,
    )

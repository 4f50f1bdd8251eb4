"""The body of an upload request → distinct URLs, or a problem that names all that is wrong.

Decided where the specification is silent:

- The content type is application/json. A body without one is refused as well: a page of another
  origin can send such a body without being asked, but not one declared as JSON.
- A field that is not known is refused by its name. Ignored, it would let somebody believe that
  the service does what it does not.
- Two entries are duplicates when they are the same text. MAX_URLS_PER_JOB counts entries as sent.
"""

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final, NoReturn

import falcon

from service.problems import FieldError, Problem
from service.upload_options import FIELDS, read_options
from workers import NO_OPTIONS, ImageError, JobOptions, are_plain, check_url, mask_url

MOST_ERRORS_LISTED: Final = 1000
"""Entries described in one answer; the rest is only counted."""

_LONGEST_VALUE_SHOWN = 100
_NAMES_SHOWN = 5
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """What was asked for.

    Attributes:
        urls: distinct, in the order of their first appearance.
        duplicates: entries dropped because an earlier one was the same.
        options: what was asked for besides.
    """

    urls: tuple[str, ...]
    duplicates: int
    options: JobOptions = NO_OPTIONS


def read_upload_request(
    req: falcon.Request, *, max_body_bytes: int, max_urls: int
) -> UploadRequest:
    """Read a request's body and check all of it.

    Args:
        req: the request, its body not read yet.
        max_body_bytes: longest body that is read.
        max_urls: most entries in `urls`.

    Raises:
        Problem: 413, 415, 400 or 422, with everything that is wrong with it.
    """
    _check_content_type(req.content_type)
    body = _object(_parse(_read_body(req, max_body_bytes)))
    options, faults = read_options(body)
    try:
        request = _check_urls(_urls_of(body), max_urls)
    except Problem as problem:
        if faults:
            problem.add_errors(faults)
        raise
    if faults:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid-options",
            "What is asked for besides the URLs cannot be done, so nothing was taken. "
            f"{faults[0]['pointer']}: {faults[0]['detail']}",
            errors=faults,
        )
    return replace(request, options=options)


def _check_content_type(content_type: str | None) -> None:
    media_type, parameters = falcon.parse_header(content_type or "")
    charset = parameters.get("charset", "utf-8").lower()
    if media_type.lower() != falcon.MEDIA_JSON or charset not in {"utf-8", "utf8"}:
        given = f"is {_shorten(content_type)}" if content_type else "is missing"
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            f"The Content-Type {given}. Send a JSON body in UTF-8 with the header "
            "Content-Type: application/json.",
            headers={"Accept-Post": falcon.MEDIA_JSON},
        )


def _read_body(req: falcon.Request, max_body_bytes: int) -> bytes:
    declared = req.content_length
    if declared is not None and declared > max_body_bytes:
        raise body_too_large(max_body_bytes)
    # A server that has undone the chunks itself says that its stream ends where the body does.
    ends = req.env.get("wsgi.input_terminated", False)
    stream = req.stream if ends else req.bounded_stream
    body: bytes = stream.read(max_body_bytes + 1)
    if len(body) > max_body_bytes:
        raise body_too_large(max_body_bytes)
    return body


def body_too_large(max_body_bytes: int) -> Problem:
    """The problem of a body that is longer than `max_body_bytes`."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body-too-large",
        f"The body is longer than {max_body_bytes} bytes. Send the URLs in several jobs.",
    )


def _parse(body: bytes) -> object:
    if not body.strip():
        raise _bad_json("The body is empty.")
    try:
        text = body.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "invalid-utf8",
            f"The body is not UTF-8: byte {error.start} cannot be part of it.",
        ) from error
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _bad_json(
            f"The body is not JSON: {error.msg} at {where}.", line=error.lineno, column=error.colno
        ) from error
    except RecursionError as error:
        raise _bad_json("The body is nested too deeply.") from error
    except ValueError as error:  # a number that JSON does not have, or one of thousands of digits
        raise _bad_json("The body holds a number that cannot be read.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # RFC 8259, section 6


def _bad_json(what: str, *, line: int | None = None, column: int | None = None) -> Problem:
    return Problem(
        HTTPStatus.BAD_REQUEST,
        "invalid-json",
        f'{what} Send a JSON object like {{"urls": ["https://example.com/cat.jpg"]}}.',
        line=line,
        column=column,
    )


def _object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _bad_field(
            "#",
            "not-an-object",
            f"The body is {_kind(body)}; it must be an object with the field 'urls'.",
        )
    unknown = [name for name in body if name != "urls" and name not in FIELDS]
    if unknown:
        raise _unknown_fields(unknown)
    return body


def _urls_of(body: dict[str, Any]) -> list[Any]:
    if "urls" not in body:
        raise _bad_field(
            "#/urls", "urls-missing", "The field 'urls' is missing: an array of image URLs."
        )
    urls = body["urls"]
    if not isinstance(urls, list):
        raise _bad_field(
            "#/urls",
            "urls-not-an-array",
            f"The field 'urls' is {_kind(urls)}; it must be an array of image URLs.",
        )
    if not urls:
        raise _bad_field(
            "#/urls", "urls-empty", "The array 'urls' is empty: name at least one image URL."
        )
    return urls


def _unknown_fields(names: list[str]) -> Problem:
    shown = ", ".join(repr(_shorten(name)) for name in names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return _bad_field(
        "#", "unknown-field", f"The body has fields that are not known: {shown}{more}."
    )


def _bad_field(pointer: str, code: str, detail: str) -> Problem:
    errors: list[FieldError] = [{"pointer": pointer, "code": code, "detail": detail}]
    return Problem(HTTPStatus.BAD_REQUEST, code, detail, errors=errors)


def _check_urls(entries: list[Any], max_urls: int) -> UploadRequest:
    # The count first: it bounds the work of checking each.
    if len(entries) > max_urls:
        raise _bad_field(
            "#/urls",
            "too-many-urls",
            f"The array 'urls' has {len(entries)} entries and at most {max_urls} fit into a job. "
            "Send them in several jobs.",
        )
    if set(map(type, entries)) == {str}:
        urls = tuple(dict.fromkeys(entries))
        if are_plain(urls):
            return UploadRequest(urls, len(entries) - len(urls))
    verdicts: dict[str, ImageError | None] = {}
    bad: list[int] = []
    for index, entry in enumerate(entries):
        if type(entry) is not str:
            bad.append(index)
            continue
        if entry not in verdicts:
            verdicts[entry] = _verdict(entry)
        if verdicts[entry] is not None:
            bad.append(index)
    if bad:
        raise _bad_entries(entries, bad, verdicts)
    return UploadRequest(urls=tuple(verdicts), duplicates=len(entries) - len(verdicts))


def _verdict(url: str) -> ImageError | None:
    try:
        check_url(url)
    except ImageError as error:
        return error
    return None


def _bad_entries(
    entries: list[Any], bad: list[int], verdicts: dict[str, ImageError | None]
) -> Problem:
    errors = [_entry_error(index, entries[index], verdicts) for index in bad[:MOST_ERRORS_LISTED]]
    listed = "" if len(errors) == len(bad) else f" The first {len(errors)} are listed."
    count = f"{len(bad)} of {len(entries)} entries of 'urls' cannot be used"
    return Problem(
        HTTPStatus.BAD_REQUEST,
        "invalid-urls",
        f"{count}, so nothing was taken.{listed} Mend or remove them and send the rest again.",
        errors=errors,
        errors_total=len(bad),
    )


def _entry_error(index: int, entry: object, verdicts: dict[str, ImageError | None]) -> FieldError:
    code, detail = "not-a-string", f"The entry is {_kind(entry)}; it must be a URL in quotes."
    value = json.dumps(entry) if isinstance(entry, int | float | None) else _kind(entry)
    if isinstance(entry, str):
        # Masked before it is cut: half a password is no longer recognized as one.
        value = mask_url(entry)
        verdict = verdicts[entry]
        if verdict is not None:
            code, detail = verdict.reason.value, verdict.message
    return {
        "pointer": f"#/urls/{index}",
        "index": index,
        "value": _shorten(value),
        "code": code,
        "detail": detail,
    }


def _kind(value: object) -> str:
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


def _shorten(text: str) -> str:
    # Half a surrogate pair may come out of a JSON escape, and has no form in UTF-8.
    head = text[: _LONGEST_VALUE_SHOWN + 1]
    shown = head.encode(errors="backslashreplace").decode()
    return shown if len(shown) <= _LONGEST_VALUE_SHOWN else shown[:_LONGEST_VALUE_SHOWN] + "…"

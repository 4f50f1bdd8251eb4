"""The body of an upload request → distinct URLs, or a problem that names all that is wrong.

Decided where the specification is silent: two entries are duplicates when they are the same text;
data URLs, when they hold the same bytes. MAX_URLS_PER_JOB counts entries as sent.
"""

import json
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import falcon

from service.problems.problems import FieldError, Problem
from service.requests.json_body import ExpectedBody, bad_field, kind_of, read_object, shorten
from service.requests.json_text import has_more_values
from service.requests.upload_options import FIELDS, MAX_OPTION_VALUES, read_options
from service.settings.settings import Settings
from workers import (
    NO_OPTIONS,
    DataUrl,
    ImageError,
    JobOptions,
    are_plain,
    beginning_of,
    is_data_url,
    mask_url,
    read_data_url,
    wire_url,
)

MAX_ERRORS_LISTED: Final = 1000
"""Maximum number of errors in a response; the others are only counted."""

_EXPECTED: Final = ExpectedBody(
    main_field="urls",
    fields=frozenset({"urls", *FIELDS}),
    example='{"urls": ["https://example.com/cat.jpg"]}',
    if_too_long="Send the URLs in several jobs.",
)


_Verdict = ImageError | DataUrl | None
"""Error of an entry, or content of a data URL."""


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A valid request."""

    urls: tuple[str, ...]  # distinct, in the order of their first appearance
    duplicates: int  # number of dropped entries
    options: JobOptions = NO_OPTIONS
    # Contents of data URLs, by index in `urls`, which has their shortened form.
    data: dict[int, bytes] = field(default_factory=dict, repr=False)


def read_upload_request(req: falcon.Request, settings: Settings) -> UploadRequest:
    """Read a request's body and check all of it.

    Raises:
        Problem: 413, 415, 400 or 422, with all errors.
    """
    max_urls = settings.max_urls_per_job
    check = partial(_check_size, max_urls=max_urls)
    body = read_object(req, _EXPECTED, max_body_bytes=settings.max_body_bytes, check=check)
    options, faults = read_options(body)
    try:
        request = _check_urls(_urls_of(body), max_urls, settings.max_image_bytes)
    except Problem as problem:
        if faults:
            problem.add_errors(faults)
        raise
    if faults:
        raise Problem(
            "invalid-options",
            "What is asked for besides the URLs cannot be done, so nothing was taken. "
            f"{faults[0]['pointer']}: {faults[0]['detail']}",
            errors=faults,
        )
    return replace(request, options=options)


def _check_size(content: bytes, max_urls: int) -> None:
    if has_more_values(content, max_urls + MAX_OPTION_VALUES):
        raise bad_field(
            "#",
            "too-many-urls",
            f"The body has far more values than the {max_urls} URLs that fit into a job. Send "
            "them in several jobs.",
        )


def _urls_of(body: dict[str, Any]) -> list[Any]:
    if "urls" not in body:
        raise bad_field(
            "#/urls", "urls-missing", "The field 'urls' is missing: an array of image URLs."
        )
    urls = body["urls"]
    if not isinstance(urls, list):
        raise bad_field(
            "#/urls",
            "urls-not-an-array",
            f"The field 'urls' is {kind_of(urls)}; it must be an array of image URLs.",
        )
    if not urls:
        raise bad_field(
            "#/urls", "urls-empty", "The array 'urls' is empty: name at least one image URL."
        )
    return urls


def _check_urls(entries: list[Any], max_urls: int, max_image_bytes: int) -> UploadRequest:
    # The count first: it bounds the work of checking each.
    if len(entries) > max_urls:
        raise bad_field(
            "#/urls",
            "too-many-urls",
            f"The array 'urls' has {len(entries)} entries and at most {max_urls} fit into a job. "
            "Send them in several jobs.",
        )
    if set(map(type, entries)) == {str}:
        urls = tuple(dict.fromkeys(entries))
        if are_plain(urls):
            return UploadRequest(urls, len(entries) - len(urls))
    verdicts: dict[str, _Verdict] = {}
    bad: list[int] = []
    for index, entry in enumerate(entries):
        if type(entry) is not str:
            bad.append(index)
            continue
        if entry not in verdicts:
            verdicts[entry] = _verdict(entry, max_image_bytes)
        if isinstance(verdicts[entry], ImageError):
            bad.append(index)
    if bad:
        raise _bad_entries(entries, bad, verdicts)
    taken = {
        verdict.shown if isinstance(verdict, DataUrl) else url: verdict
        for url, verdict in verdicts.items()
    }
    return UploadRequest(
        urls=tuple(taken),
        duplicates=len(entries) - len(taken),
        data={
            index: verdict.content
            for index, verdict in enumerate(taken.values())
            if isinstance(verdict, DataUrl)
        },
    )


def _verdict(url: str, max_image_bytes: int) -> _Verdict:
    try:
        if is_data_url(url):
            return read_data_url(url, max_image_bytes)
        wire_url(url)
    except ImageError as error:
        return error
    return None


def _bad_entries(entries: list[Any], bad: list[int], verdicts: dict[str, _Verdict]) -> Problem:
    errors = [_entry_error(index, entries[index], verdicts) for index in bad[:MAX_ERRORS_LISTED]]
    listed = "" if len(errors) == len(bad) else f" The first {len(errors)} are listed."
    count = f"{len(bad)} of {len(entries)} entries of 'urls' cannot be used"
    return Problem(
        "invalid-urls",
        f"{count}, so nothing was taken.{listed} Mend or remove them and send the rest again.",
        errors=errors,
        errors_total=len(bad),
    )


def _entry_error(index: int, entry: object, verdicts: dict[str, _Verdict]) -> FieldError:
    code, detail = "not-a-string", f"The entry is {kind_of(entry)}; it must be a URL in quotes."
    value = json.dumps(entry) if isinstance(entry, int | float | None) else kind_of(entry)
    if isinstance(entry, str):
        # Masked before it is cut: half a password is no longer recognized as one.
        value = beginning_of(entry) if is_data_url(entry) else mask_url(entry)
        verdict = verdicts[entry]
        if isinstance(verdict, ImageError):
            code, detail = verdict.reason.value, verdict.message
    return {
        "pointer": f"#/urls/{index}",
        "index": index,
        "value": shorten(value),
        "code": code,
        "detail": detail,
    }

"""Parses refusals of Imgur, in any of their forms.

Errors have many forms: ``data.error`` as a sentence, as an object with code and message, or as a
list of either; ``errors`` as a list of objects with code and detail; ``data`` as a sentence; an
HTML page. A second document, or bytes of a proxy, may follow the JSON.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

from workers.worker.imgur.response import ApiResponse, parse_json

_LONGEST_SENTENCE = 200
_MAX_ERRORS = 10  # quoted from a list
_PAGE_BYTES = 50_000  # of an HTML page to search

_OVER_CAPACITY = re.compile(r"over capacity", re.IGNORECASE)
_ACCESS_TOKEN = re.compile(r"access token", re.IGNORECASE)
_HTTP_ERROR = re.compile(r"[45]\d\d")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error of a response.

    Attributes:
        status: of the response, or of its body if the response is a success.
        sentence: of Imgur, unchanged; may be empty.
        codes: all numbers of the body that may be an HTTP status.
        page: text of a response that is not JSON.
        says_no: the JSON reports a failure, so nothing was stored.
    """

    status: int
    sentence: str = ""
    codes: frozenset[int] = frozenset()
    page: str = ""
    says_no: bool = False

    @property
    def is_success(self) -> bool:
        return self.status < HTTPStatus.MULTIPLE_CHOICES and not self.says_no

    @property
    def is_over_capacity(self) -> bool:
        return _OVER_CAPACITY.search(self.sentence or self.page) is not None

    @property
    def is_outcome_unknown(self) -> bool:
        """True if Imgur may have stored the image nevertheless.

        It is a success without a link, or the response of a gateway.
        """
        is_gateways = (
            self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            and self.status != HTTPStatus.SERVICE_UNAVAILABLE
            and not self.is_over_capacity
            and not self.says_no
        )
        return self.is_success or is_gateways

    @property
    def is_stale_token(self) -> bool:
        """True if the access token was refused, so that a new one may help."""
        return self.status == HTTPStatus.UNAUTHORIZED or (
            self.status == HTTPStatus.FORBIDDEN and _ACCESS_TOKEN.search(self.sentence) is not None
        )


def read_refusal(answer: ApiResponse) -> Refusal:
    """Parse a response in any of the forms."""
    document = parse_json(answer.body)
    if not isinstance(document, dict):
        page = answer.body[:_PAGE_BYTES].decode("utf-8", "replace")
        return Refusal(answer.status, page=page)
    data = document.get("data")
    fields = (
        data.get("error") if isinstance(data, dict) else None,
        document.get("error_description"),  # RFC 6749, 5.2: refused refresh tokens
        document.get("error"),
        document.get("errors"),
    )
    lists = [field if isinstance(field, list) else [field] for field in fields]
    sentences = ["; ".join(texts) for errors in lists if (texts := _sentences(errors))]
    numbers = [document.get("status")]
    numbers += [
        error.get("code") for errors in lists for error in errors if isinstance(error, dict)
    ]
    # None of Imgur's own codes (1003: file type) looks like an HTTP error.
    codes = frozenset(
        int(n) for n in numbers if isinstance(n, int | str) and _HTTP_ERROR.fullmatch(str(n))
    )
    status = answer.status
    if status < HTTPStatus.MULTIPLE_CHOICES and codes:
        status = max(codes)
    success = document.get("success")
    says_no = success is False or (success is not True and bool(sentences or codes))
    if isinstance(data, str) and data.strip():
        sentences.append(data)
    return Refusal(status, next(iter(sentences), ""), codes, says_no=says_no)


def _sentences(errors: list[object]) -> list[str]:
    sentences = []
    for error in errors[:_MAX_ERRORS]:
        texts = [error]
        if isinstance(error, dict):
            texts = [error.get(key) for key in ("message", "detail", "status")]
        sentences += [text for text in texts if isinstance(text, str) and text.strip()][:1]
    return sentences


def quoted(sentence: str, secrets: Collection[str]) -> str:
    """Return Imgur's sentence in a form to follow ours; empty if there is none."""
    text = shown(sentence, secrets)
    return f' Imgur says: "{text}"' if text else ""


def shown(text: str, secrets: Collection[str]) -> str:
    """Return a text of Imgur for display: one line of bounded length, without secrets."""
    for secret in secrets:
        text = text.replace(secret, "***")
    # Category C: control, format (it may turn the reading direction) and unassigned characters.
    plain = "".join(
        " " if unicodedata.category(char).startswith("C") else char
        for char in text[: 10 * _LONGEST_SENTENCE]
    )
    plain = " ".join(plain.split())
    if len(plain) > _LONGEST_SENTENCE:
        plain = plain[:_LONGEST_SENTENCE].rstrip() + "…"
    return plain

"""A response of the API: its JSON, the quota in its headers, and the refusal that it may be.

Errors have many forms: ``data.error`` as a sentence, as an object with code and message, or as a
list of either; ``errors`` as a list of objects with code and detail; ``data`` as a sentence; an
HTML page. A second document, or bytes of a proxy, may follow the JSON.
"""

import json
import re
import time
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

from workers.contract.quota import Quota
from workers.worker.imgur.rate_limit import read_quota

_LONGEST_INTEGER: Final = 18  # digits; longer numbers are read as floats
_LONGEST_SENTENCE: Final = 200
_MAX_ERRORS: Final = 10  # quoted from a list
_PAGE_BYTES: Final = 50_000  # of an HTML page to search

_OVER_CAPACITY = re.compile(r"over capacity", re.IGNORECASE)
_ACCESS_TOKEN = re.compile(r"access token", re.IGNORECASE)
_HTTP_ERROR = re.compile(r"[45]\d\d")
_QUOTED_NAME = re.compile(r"(['\"])[A-Za-z0-9]{1,64}\1")
# Names and addresses of hosts; Imgur itself has neither ports nor addresses, a stand-in may.
_LINK = re.compile(
    r"(https?)://"
    r"(?=[^/]{1,253}/)([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.?|\[[0-9a-f:.]{2,45}\])"
    r"(?::([0-9]{1,5}))?/[!-~]{1,1000}",
    re.IGNORECASE | re.ASCII,
)
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error of a response."""

    status: int  # of the response, or of its body if the response is a success
    sentence: str = ""  # of Imgur, unchanged; may be empty
    codes: frozenset[int] = frozenset()  # all numbers of the body that may be an HTTP status
    page: str = ""  # text of a response that is not JSON
    says_no: bool = False  # the JSON reports a failure, so nothing was stored

    @property
    def is_success(self) -> bool:
        return self.status < HTTPStatus.MULTIPLE_CHOICES and not self.says_no

    @property
    def unquoted(self) -> str:
        """The sentence to tell the error by: without quoted names, as a client chooses its album's
        ("You are not the owner of album '…'", Imgur/imgurpython#64).
        """
        return _QUOTED_NAME.sub("''", self.sentence)

    @property
    def is_over_capacity(self) -> bool:
        return _OVER_CAPACITY.search(self.unquoted or self.page) is not None

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
            self.status == HTTPStatus.FORBIDDEN and _ACCESS_TOKEN.search(self.unquoted) is not None
        )


@dataclass(frozen=True)
class ApiResponse:
    """A response of the API, with a body that may be truncated. Each part is read once."""

    status: int
    headers: Mapping[str, str]  # by case-insensitive name
    body: bytes = field(repr=False)  # may hold tokens and deletehashes
    # Of the call; they are removed from what is shown of Imgur's text.
    secrets: Collection[str] = field(default=(), repr=False)

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The JSON object of the body; empty if there is none."""
        document = parse_json(self.body)
        return document if isinstance(document, dict) else {}

    @property
    def data(self) -> Mapping[str, Any]:
        """The object ``data`` of the document; empty if there is none."""
        data = self.document.get("data")
        return data if isinstance(data, dict) else {}

    @cached_property
    def quota(self) -> Quota:
        return read_quota(self.headers, time.time())

    @cached_property
    def refusal(self) -> Refusal:
        """The response as a refusal, in any of the forms."""
        document, data = self.document, self.document.get("data")
        if not document:
            page = self.body[:_PAGE_BYTES].decode("utf-8", "replace")
            return Refusal(self.status, page=page)
        fields = (
            self.data.get("error"),
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
        status = max(codes) if codes and self.status < HTTPStatus.MULTIPLE_CHOICES else self.status
        success = document.get("success")
        says_no = success is False or (success is not True and bool(sentences or codes))
        if isinstance(data, str) and data.strip():
            sentences.append(data)
        return Refusal(status, next(iter(sentences), ""), codes, says_no=says_no)

    @property
    def sentence(self) -> str:
        """Imgur's sentence about the refusal, for display; empty if there is none."""
        return shown(self.refusal.sentence, self.secrets)

    @property
    def quote(self) -> str:
        """The sentence in a form to follow ours."""
        return f' Imgur says: "{self.sentence}"' if self.sentence else ""


_DECODER = json.JSONDecoder(
    parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)
)


def parse_json(body: bytes) -> object:
    """Return the first JSON document of a body; None if it does not begin with one."""
    text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff \t\r\n")
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):  # not JSON, or nested too deeply
        return None


def _sentences(errors: list[object]) -> list[str]:
    sentences = []
    for error in errors[:_MAX_ERRORS]:
        texts = [error]
        if isinstance(error, dict):
            texts = [error.get(key) for key in ("message", "detail", "status")]
        sentences += [text for text in texts if isinstance(text, str) and text.strip()][:1]
    return sentences


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


def public_link(link: object) -> str | None:
    """Return a link for display: https for Imgur's own hosts, or where it names no scheme; None if
    it is no web link.
    """
    text = link.strip() if isinstance(link, str) else ""
    match = _LINK.fullmatch(f"https:{text}" if text.startswith("//") else text)
    if match is None:
        return None
    scheme, host, port = match.groups()
    if port is not None and not 0 < int(port) <= _LAST_PORT:
        return None
    is_imgurs = port is None and f".{host.lower()}".endswith(".imgur.com")
    return ("https" if is_imgurs else scheme.lower()) + match[0][len(scheme) :]

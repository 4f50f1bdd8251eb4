"""What an answer that is no upload says, whatever its shape.

Imgur complains in many shapes: ``data.error`` as a sentence, as an object with code and message, or
as a list of either; ``errors`` as a list of objects with code and detail; ``data`` as a sentence;
an HTML page. Behind the JSON there may be a second document, or bytes of a proxy.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

from workers.worker.imgur.response import ApiResponse, parse_json

_LONGEST_SENTENCE = 200
_MAX_ERRORS = 10  # of a list, that are quoted
_PAGE_BYTES = 50_000  # of an HTML page, looked through for what it says

_OVER_CAPACITY = re.compile(r"over capacity", re.IGNORECASE)
_ACCESS_TOKEN = re.compile(r"access token", re.IGNORECASE)
_HTTP_ERROR = re.compile(r"[45]\d\d")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer's complaint, whatever its shape.

    Attributes:
        status: the answer's, or the one in its body if the answer calls itself a success.
        sentence: Imgur's own, as it came; empty if there is none.
        codes: all numbers in the body that may be an HTTP status.
        page: the text of an answer that is not JSON.
        says_no: the JSON itself reports a failure, so that nothing was stored.
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
        """Whether Imgur may have stored the image all the same.

        It is a yes without a link, or the word of a gateway that knows nothing of the image.
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
        """Whether the access token was refused, so that a fresh one may help."""
        return self.status == HTTPStatus.UNAUTHORIZED or (
            self.status == HTTPStatus.FORBIDDEN and _ACCESS_TOKEN.search(self.sentence) is not None
        )


def read_refusal(answer: ApiResponse) -> Refusal:
    """Find status and sentence in any of the shapes."""
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
    # Of Imgur's own codes (1003: file type) none looks like an HTTP error.
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
    """Imgur's sentence made fit to follow one of ours; empty if there is none."""
    text = shown(sentence, secrets)
    return f' Imgur says: "{text}"' if text else ""


def shown(text: str, secrets: Collection[str]) -> str:
    """A text of Imgur's made fit to be shown: one line, of bounded length, without secrets."""
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

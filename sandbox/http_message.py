"""HTTP/1.1 messages as bytes: requests read, answers written (RFC 9112)."""

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

SANDBOX_HEADER = "X-Sandbox: imgur-sandbox; not the real Imgur\r\n"
Headers = tuple[tuple[str, str], ...]
_MAX_HEADERS = 100
_TARGET = re.compile(r"(?:https?://[^/?#]*)?(/[^?#\s]*)(?:\?([^#\s]*))?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class RequestError(Exception):
    """The request cannot be understood or is too large; the connection ends after the answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Request:
    """One request; header names are in lower case, `path` is percent-decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    keep_alive: bool
    body: bytes = b""

    def base_url(self, own: str) -> str:
        """The address that the client used for this server, or `own` if it named no usable one.

        A name of Imgur's is not repeated: no link may look like one of the real Imgur's.
        """
        host = self.headers.get("host", "")
        if not _HOST.fullmatch(host) or "imgur" in host.lower():
            return own
        return f"http://{host}"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Args:
        status: the status code.
        body: the content as it goes over the wire.
        media_type: value of Content-Type.
        headers: further header fields.
    """

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Headers = field(default=())

    def encode(self, *, keep_alive: bool = True, with_body: bool = True) -> bytes:
        head = head_of(
            self.status,
            (
                ("Content-Type", self.media_type),
                ("Content-Length", str(len(self.body))),
                *self.headers,
            ),
            keep_alive=keep_alive,
        )
        return head + self.body if with_body else head


def head_of(status: int, headers: Headers, *, keep_alive: bool = False) -> bytes:
    """The status line and the header fields, the empty line included."""
    lines = [f"HTTP/1.1 {status} {_phrase(status)}\r\n", SANDBOX_HEADER]
    lines += [f"{name}: {value}\r\n" for name, value in headers]
    if not keep_alive:
        lines.append("Connection: close\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


def json_response(status: int, content: Any, headers: Headers = ()) -> Response:  # noqa: ANN401 - whatever JSON can say
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    return Response(status, body, headers=headers)


def problem(status: int, sentence: str) -> Response:
    """An answer for a person: what is wrong, in one sentence."""
    return Response(status, f"{sentence}\n".encode(), "text/plain; charset=utf-8")


def parse_head(head: bytes) -> Request:
    """Read the request line and the header fields.

    Args:
        head: everything up to and with the empty line.

    Raises:
        RequestError: they do not follow RFC 9112.
    """
    lines = head.decode("latin-1").split("\r\n")[:-2]
    parts = lines[0].split(" ")
    if len(parts) != 3 or parts[2] not in {"HTTP/1.1", "HTTP/1.0"}:  # noqa: PLR2004 - method, target, version
        raise RequestError(HTTPStatus.BAD_REQUEST, "The request line is malformed.")
    target = _TARGET.fullmatch(parts[1])
    if target is None:
        raise RequestError(HTTPStatus.BAD_REQUEST, "The request target is malformed.")
    headers = _parse_headers(lines[1:])
    connection = headers.get("connection", "").lower()
    # a client of HTTP/1.0 would have to be told that its wish was granted; it gets a new connection
    keep_alive = parts[2] == "HTTP/1.1" and "close" not in connection
    path = unquote(target[1]) if "%" in target[1] else target[1]
    return Request(parts[0], path, parse_form(target[2] or ""), headers, keep_alive)


def _parse_headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > _MAX_HEADERS:
        raise RequestError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "There are too many header fields."
        )
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise RequestError(HTTPStatus.BAD_REQUEST, "A header field is malformed.")
        key = name.lower()
        if key in headers and key in {"content-length", "transfer-encoding", "host"}:
            raise RequestError(HTTPStatus.BAD_REQUEST, f"The header field {key} comes twice.")
        headers[key] = value.strip(" \t")
    return headers


def parse_form(text: str) -> dict[str, str]:
    """Read name=value pairs; of a repeated name the first counts."""
    if not text:
        return {}
    try:
        pairs = parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_HEADERS)
    except ValueError as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, "There are too many parameters.") from error
    return {name: values[0] for name, values in pairs.items()}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"

"""Redirects that lead nowhere, round in circles, or to where nobody should go."""

from collections.abc import Mapping
from typing import Any

import pytest

from workers.contract.errors import Reason

JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
IMAGE = (b"HTTP/1.1 200 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG, "keep")
CHUNKED = b"Transfer-Encoding: chunked\r\n"
MUCH = b"10000\r\n" + bytes(65536) + b"\r\n"  # a chunk, or what one likes

Site = Mapping[str, tuple[bytes, str] | tuple[bytes, str, bytes]]
Row = tuple[Reason | bytes, Site]


def moved(location: bytes, status: bytes = b"302 Found") -> tuple[bytes, str]:
    head = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % (status, location)
    return head, "keep"


def to(location: bytes) -> Site:
    return {"/a": moved(location), "/b/image.jpg": IMAGE}


def chain(hops: int) -> Site:
    site = {f"/a{'a' * hop}": moved(b"/a" + b"a" * (hop + 1)) for hop in range(hops)}
    return {**site, f"/a{'a' * hops}": IMAGE}


def with_body(headers: bytes) -> Site:
    head = b"HTTP/1.1 302 Found\r\nLocation: /b/image.jpg\r\n" + headers + b"\r\n"
    return {"/a": (head, "flood", MUCH), "/b/image.jpg": IMAGE}


FOLLOWED: dict[str, Row] = {
    "to an absolute URL": (JPEG, to(b"{source}/b/image.jpg")),
    "to an absolute path": (JPEG, to(b"/b/image.jpg")),
    "to a relative path": (JPEG, to(b"b/image.jpg")),
    "to a path with dots": (JPEG, to(b"./x/../b/image.jpg")),
    "to above the root": (JPEG, to(b"../../../b/image.jpg")),
    "with a fragment": (JPEG, to(b"/b/image.jpg#top")),
    "to the same place twice": (JPEG, to(b"/b/image.jpg\r\nLocation: /b/image.jpg")),
    "to a space": (JPEG, {"/a": moved(b"/b c.jpg"), "/b%20c.jpg": IMAGE}),
    "to a byte beyond ASCII": (JPEG, {"/a": moved(b"/\xe9.jpg"), "/%E9.jpg": IMAGE}),
    "to UTF-8": (JPEG, {"/a": moved("/ü.jpg".encode()), "/%C3%BC.jpg": IMAGE}),
    "with spaces around": (JPEG, to(b"   /b/image.jpg  ")),
    "ten times": (JPEG, chain(10)),
}
for _status in (b"301 Moved", b"303 See Other", b"307 Temporary", b"308 Permanent"):
    _site = {"/a": moved(b"/b/image.jpg", _status), "/b/image.jpg": IMAGE}
    FOLLOWED[f"with status {_status[:3].decode()}"] = (JPEG, _site)

CIRCLES: dict[str, Row] = {
    "to itself": (Reason.TOO_MANY_REDIRECTS, to(b"/a")),
    "to and fro": (Reason.TOO_MANY_REDIRECTS, {"/a": moved(b"/c"), "/c": moved(b"/a")}),
    "eleven times": (Reason.TOO_MANY_REDIRECTS, chain(11)),
    "to the same page of it": (Reason.TOO_MANY_REDIRECTS, to(b"#again")),
}

NOWHERE: dict[str, Row] = {
    "no Location": (
        Reason.SOURCE_BAD_ANSWER,
        {"/a": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "keep")},
    ),
    "an empty Location": (Reason.SOURCE_BAD_ANSWER, to(b"")),
    "a blank Location": (Reason.SOURCE_BAD_ANSWER, to(b" \t ")),
    "a broken address": (Reason.SOURCE_BAD_ANSWER, to(b"http://[::1/")),
    "no host": (Reason.SOURCE_NOT_FOUND, to(b"http:///image.jpg")),  # the same host, then
    "port 0": (Reason.URL_INVALID, to(b"http://8.8.8.8:0/")),
    "60 KB": (Reason.URL_TOO_LONG, to(b"/" + b"x" * 60_000)),
    "64 KB": (Reason.URL_TOO_LONG, to(b"/" + b"x" * 65_536)),
    "300 KB": (Reason.SOURCE_BAD_ANSWER, to(b"/" + b"x" * 300_000)),
    "two places": (
        Reason.SOURCE_BAD_ANSWER,
        {"/a": moved(b"/b/image.jpg\r\nLocation: /c"), "/b/image.jpg": IMAGE},
    ),
    # What does not belong into a URL goes out percent-encoded, and means nothing.
    "a folded line": (Reason.SOURCE_NOT_FOUND, to(b"/b\r\n X-Evil: 1")),
    "CR LF, percent-encoded": (Reason.SOURCE_NOT_FOUND, to(b"/b%0d%0aX-Evil:%201")),
    "a bare CR": (Reason.SOURCE_NOT_FOUND, to(b"/b\rX-Evil: 1")),
    "a zero byte": (Reason.SOURCE_NOT_FOUND, to(b"/b\0")),
    "bytes that are no UTF-8": (Reason.SOURCE_NOT_FOUND, to(b"/\xff\xfe")),
}

ELSEWHERE: dict[str, Row] = {
    "to a file": (Reason.URL_SCHEME, to(b"file:///etc/passwd")),
    "to FTP": (Reason.URL_SCHEME, to(b"ftp://8.8.8.8/image.jpg")),
    "to gopher": (Reason.URL_SCHEME, to(b"gopher://127.0.0.1:6379/_FLUSHALL")),
    "to data": (Reason.URL_SCHEME, to(b"data:image/png;base64,iVBORw0KGgo=")),
    "to a script": (Reason.URL_SCHEME, to(b"javascript:alert(1)")),
    "with a password": (Reason.URL_CREDENTIALS, to(b"http://me:secret@8.8.8.8/")),
    "to a mail server": (Reason.PORT_NOT_ALLOWED, to(b"http://8.8.8.8:25/")),
    "to a private address": (Reason.ADDRESS_NOT_ALLOWED, to(b"http://10.0.0.1/")),
    "to a private address over TLS": (Reason.ADDRESS_NOT_ALLOWED, to(b"https://10.0.0.1/")),
    "to the metadata of a cloud": (
        Reason.ADDRESS_NOT_ALLOWED,
        to(b"http://169.254.169.254/latest/meta-data/"),
    ),
    "to loopback": (Reason.ADDRESS_NOT_ALLOWED, to(b"http://127.0.0.1/")),
    "to loopback, octal": (Reason.ADDRESS_NOT_ALLOWED, to(b"http://0177.0.0.1/")),
    "to loopback, decimal": (Reason.ADDRESS_NOT_ALLOWED, to(b"http://2130706433/")),
    "to loopback, mapped": (Reason.ADDRESS_NOT_ALLOWED, to(b"http://[::ffff:127.0.0.1]/")),
    "to loopback, IPv6": (Reason.ADDRESS_NOT_ALLOWED, to(b"//[::1]/")),
    "to a name inside": (Reason.NAME_NOT_FOUND, to(b"http://inside.example/")),
    "to no such name": (Reason.NAME_NOT_FOUND, to(b"http://missing.example/")),
}

NAMES = {"inside.example": [["10.0.0.1"]]}

ROWS = FOLLOWED | CIRCLES | NOWHERE | ELSEWHERE


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_redirect(corpus: Any, row: Row) -> None:
    expected, site = row

    corpus.check("{source}/a", expected, answers=site, names=NAMES)


@pytest.mark.parametrize(
    "headers", [b"", CHUNKED, b"Content-Length: 99999999\r\n"], ids=["bare", "chunked", "sized"]
)
def test_endless_body(corpus: Any, headers: bytes) -> None:
    corpus.check("{source}/a", JPEG, answers=with_body(headers))

    # What fits into the buffers of the connection.
    assert corpus.source.flooded < 20_000_000


def test_dripping_body(corpus: Any) -> None:
    """So short a body is read, to keep the connection; the deadline holds for it, too."""
    head = b"HTTP/1.1 302 Found\r\nLocation: /b/image.jpg\r\nContent-Length: 9000\r\n\r\n"

    corpus.check("{source}/a", Reason.DOWNLOAD_TIMEOUT, answers={"/a": (head, "drip", b"x")})

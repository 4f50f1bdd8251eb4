"""Answers that lie, break off, never end or make no sense, on plain connections."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from backports import zstd

from workers.contract.errors import Reason

OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
END = b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
MUCH = bytes(65536)
MB = 1_000_000
BOMB = 100 * MB
"""More than a worker may take for a row."""

Sent = bytes | Callable[[], bytes]
"""A function where the bytes take long to make: all test processes import all rows."""

# What must come of it; what is sent, what then, and the piece that is sent again if any is.
Row = tuple[Reason | bytes, Sent, str] | tuple[Reason | bytes, Sent, str, bytes]

TIMEOUT = Reason.DOWNLOAD_TIMEOUT
CUT_SHORT = Reason.SOURCE_CUT_SHORT
BAD_ANSWER = Reason.SOURCE_BAD_ANSWER
CODED = Reason.ENCODING_UNSUPPORTED
NO_IMAGE = Reason.SOURCE_STATUS


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def sized(length: int | bytes) -> bytes:
    return OK + b"Content-Length: %s\r\n\r\n" % (
        length if isinstance(length, bytes) else b"%d" % length
    )


def coded(coding: bytes, body: bytes) -> bytes:
    return OK + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(body)) + body


def status(line: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\n%sContent-Length: 0\r\n\r\n" % (line, headers)


NEVER_ENDING: dict[str, Row] = {
    "silent": (TIMEOUT, b"", "stall"),
    "stalls in the head": (TIMEOUT, OK, "stall"),
    "stalls in the body": (TIMEOUT, sized(9000) + JPEG, "stall"),
    "drips its status line": (TIMEOUT, b"HTTP/1.1 2", "drip", b"0"),
    "drips headers": (TIMEOUT, OK, "drip", b"X-Drip: 1\r\n"),
    "drips one header": (TIMEOUT, OK + b"X-Drip: ", "drip", b"1"),
    "drips 100 Continue": (TIMEOUT, b"", "drip", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drips bytes of a 100 Continue": (TIMEOUT, b"HTTP/1.1 100 Continue\r\nX: ", "drip", b"x"),
    "floods with 100 Continue": (BAD_ANSWER, b"", "flood", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "floods with trailers behind an odd head": (
        TIMEOUT,
        OK + b"<br />\r\n" + CHUNKED + chunk(JPEG) + b"0\r\n",
        "flood",
        b"X: 1\r\n" * 10_000,
    ),
    "drips the first bytes": (TIMEOUT, sized(9000), "drip", b"\xff"),
    "drips the body": (TIMEOUT, sized(99_000) + JPEG, "drip", b"x"),
    "drips a large body": (TIMEOUT, sized(9 * MB) + JPEG, "drip", b"x"),
    "drips a body of no length": (TIMEOUT, OK + END + JPEG, "drip", b"x"),
    "drips chunks": (TIMEOUT, OK + CHUNKED + chunk(JPEG), "drip", chunk(b"x")),
    "drips the size of a chunk": (TIMEOUT, OK + CHUNKED + chunk(JPEG), "drip", b"0"),
    "drips trailers": (TIMEOUT, OK + CHUNKED + chunk(JPEG) + b"0\r\n", "drip", b"X-Drip: 1\r\n"),
    "floods with trailers": (
        BAD_ANSWER,
        OK + CHUNKED + chunk(JPEG) + b"0\r\n",
        "flood",
        b"X-More: 1\r\n" * 1000,
    ),
    "drips the body of a 404": (
        TIMEOUT,
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9000\r\n\r\n",
        "drip",
        b"x",
    ),
    "floods with a body": (Reason.TOO_LARGE, OK + END + JPEG, "flood", MUCH),
    "floods with chunks": (Reason.TOO_LARGE, OK + CHUNKED + chunk(JPEG), "flood", chunk(MUCH)),
    "floods with one chunk": (
        Reason.TOO_LARGE,
        OK + CHUNKED + b"7fffffffffff\r\n" + JPEG,
        "flood",
        MUCH,
    ),
    "floods with the size of a chunk": (BAD_ANSWER, OK + CHUNKED, "flood", b"0" * 65536),
    "floods with a chunk of the size -1": (
        BAD_ANSWER,
        OK + CHUNKED + b"-1\r\n" + JPEG,
        "flood",
        MUCH,
    ),
    "floods with a chunk's extension": (TIMEOUT, OK + CHUNKED + b"1770;", "flood", b"x" * 65536),
    "floods with one trailer": (
        BAD_ANSWER,
        OK + CHUNKED + chunk(JPEG) + b"0\r\nX-Long: ",
        "flood",
        b"x" * 65536,
    ),
    "floods with a page": (
        Reason.NOT_AN_IMAGE,
        OK + b"\r\n<!doctype html>",
        "flood",
        b"<p>more</p>" * 1000,
    ),
    "floods with the body of a 500": (
        Reason.SOURCE_ERROR,
        b"HTTP/1.1 500 Oops\r\n\r\n",
        "flood",
        MUCH,
    ),
    "floods with its status line": (BAD_ANSWER, b"HTTP/1.1 200 ", "flood", b"x" * 65536),
    "floods with headers": (BAD_ANSWER, OK, "flood", b"X-More: 1\r\n" * 100),
    "floods with one header": (BAD_ANSWER, OK + b"X-Long: ", "flood", b"x" * 65536),
}

LENGTHS: dict[str, Row] = {
    "longer than the body": (CUT_SHORT, sized(9000) + JPEG, "close"),
    "longer than a large body": (CUT_SHORT, sized(2 * MB) + JPEG, "close"),
    # RFC 9112, section 6.3: the length decides. What comes after it is thrown away.
    "shorter than the body": (JPEG[:5000], sized(5000) + JPEG, "keep"),
    "shorter, then another answer": (JPEG, sized(6004) + JPEG + sized(6) + b"GIF89a", "keep"),
    "twice the same": (
        JPEG,
        OK + b"Content-Length: 6004\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "a list of the same": (JPEG, sized(b"6004, 6004") + JPEG, "keep"),
    "two different": (
        BAD_ANSWER,
        OK + b"Content-Length: 5\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "close",
    ),
    "a list of two different": (BAD_ANSWER, sized(b"5, 6004") + JPEG, "close"),
    "negative": (BAD_ANSWER, sized(-1) + JPEG, "close"),
    "negative and never ending": (BAD_ANSWER, sized(-1) + JPEG, "flood", MUCH),
    "signed": (BAD_ANSWER, sized(b"+6004") + JPEG, "close"),
    "underscored": (BAD_ANSWER, sized(b"6_004") + JPEG, "close"),
    "hexadecimal": (BAD_ANSWER, sized(b"0x1774") + JPEG, "close"),
    "fractional": (BAD_ANSWER, sized(b"6004.0") + JPEG, "close"),
    "no number": (BAD_ANSWER, sized(b"many") + JPEG, "close"),
    "blank": (BAD_ANSWER, sized(b"") + JPEG, "close"),
    "just too large": (Reason.TOO_LARGE, sized(10 * MB + 1) + JPEG, "stall"),
    "huge": (Reason.TOO_LARGE, sized(10**20) + JPEG, "stall"),
    "of 5,000 digits": (Reason.TOO_LARGE, sized(b"9" * 5000) + JPEG, "stall"),
    "beside chunks": (
        JPEG,
        OK + b"Content-Length: 5\r\n" + CHUNKED + chunk(JPEG) + b"0\r\n\r\n",
        "close",
    ),
    "a negative chunk": (BAD_ANSWER, OK + CHUNKED + b"-5\r\n" + JPEG, "close"),
    "a chunk of no number": (BAD_ANSWER, OK + CHUNKED + b"many\r\n" + JPEG, "close"),
    "a chunk of no number, behind an odd head": (
        BAD_ANSWER,
        OK + b"<br />\r\n" + CHUNKED + b"many\r\n" + JPEG,
        "close",
    ),
}

BREAKS_OFF: dict[str, Row] = {
    "closes at once": (CUT_SHORT, b"", "close"),
    "closes after the head": (CUT_SHORT, sized(9000), "close"),
    "closes within the first bytes": (CUT_SHORT, sized(9000) + JPEG[:10], "close"),
    "closes within a chunk": (CUT_SHORT, OK + CHUNKED + chunk(JPEG) + b"ff\r\nxx", "close"),
    "closes without the last chunk": (CUT_SHORT, OK + CHUNKED + chunk(JPEG), "close"),
    "closes within a chunk, behind an odd head": (
        CUT_SHORT,
        OK + b"<br />\r\n" + CHUNKED + chunk(JPEG) + b"ff\r\nxx",
        "close",
    ),
    "closes without the last chunk, behind an odd head": (
        CUT_SHORT,
        OK + b"<br />\r\n" + CHUNKED + chunk(JPEG),
        "close",
    ),
    "resets at once": (CUT_SHORT, b"", "reset"),
    "resets in the status line": (CUT_SHORT, b"HTTP/1.", "reset"),
    "resets in the head": (CUT_SHORT, OK, "reset"),
    "resets in the body": (CUT_SHORT, sized(9000) + JPEG, "reset"),
    "resets in a large body": (CUT_SHORT, sized(9 * MB) + JPEG, "reset"),
}

MAKES_NO_SENSE: dict[str, Row] = {
    "another protocol": (BAD_ANSWER, b"SSH-2.0-OpenSSH_9.6\r\n", "close"),
    "no bytes of HTTP": (BAD_ANSWER, bytes(range(256)) * 9, "close"),
    "HTTP/0.9": (BAD_ANSWER, JPEG, "close"),
    "a page of HTTP/0.9": (BAD_ANSWER, b"<html>\r\n", "close"),
    "HTTP/2": (Reason.EMPTY, b"HTTP/2 200\r\n\r\n", "close"),
    "a status of words": (BAD_ANSWER, b"HTTP/1.1 fine\r\n\r\n", "close"),
    "status 0": (BAD_ANSWER, b"HTTP/1.1 000 \r\n\r\n", "close"),
    "status 2000": (
        BAD_ANSWER,
        b"HTTP/1.1 2000 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "stall",
    ),
    "status 20": (BAD_ANSWER, b"HTTP/1.1 20 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG, "stall"),
    "another protocol that waits": (BAD_ANSWER, b"220 mail.example ESMTP\r\n", "stall"),
    "status -1": (BAD_ANSWER, b"HTTP/1.1 -1 \r\n\r\n", "close"),
    "status 999": (Reason.SOURCE_ERROR, status(b"999 What"), "keep"),
    "a header of 1 MB": (
        BAD_ANSWER,
        OK + b"X-Long: " + b"x" * MB + b"\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "close",
    ),
    "1,000 headers": (
        JPEG,
        OK + b"X-More: 1\r\n" * 1000 + b"Content-Length: 6004\r\n\r\n" + JPEG,
        "close",
    ),
    "an unknown transfer coding": (
        Reason.NOT_AN_IMAGE,
        OK + b"Transfer-Encoding: gzip\r\n\r\n" + gzip.compress(JPEG),
        "close",
    ),
    "two transfer codings": (
        Reason.NOT_AN_IMAGE,
        OK
        + b"Transfer-Encoding: gzip, chunked\r\n\r\n"
        + chunk(gzip.compress(JPEG))
        + b"0\r\n\r\n",
        "close",
    ),
}

COMPRESSED: dict[str, Row] = {
    "a gzip bomb": (
        Reason.TOO_LARGE,
        lambda: coded(b"gzip", gzip.compress(JPEG + bytes(BOMB), 1)),
        "keep",
    ),
    "a deflate bomb": (
        Reason.TOO_LARGE,
        lambda: coded(b"deflate", zlib.compress(JPEG + bytes(BOMB), 1)),
        "keep",
    ),
    "a br bomb": (
        Reason.TOO_LARGE,
        lambda: coded(b"br", brotli.compress(JPEG + bytes(BOMB), quality=1)),
        "keep",
    ),
    "a zstd bomb": (
        Reason.TOO_LARGE,
        lambda: coded(b"zstd", zstd.compress(JPEG + bytes(BOMB))),
        "keep",
    ),
    "a gzip bomb of no image": (
        Reason.NOT_AN_IMAGE,
        lambda: coded(b"gzip", gzip.compress(bytes(BOMB), 1)),
        "keep",
    ),
    "gzip that ends with the connection": (
        CUT_SHORT,
        OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(JPEG)[:30],
        "close",
    ),
    "br that ends with the connection": (
        CUT_SHORT,
        OK + b"Content-Encoding: br\r\n\r\n" + brotli.compress(JPEG)[:-3],
        "close",
    ),
    "deflate that ends with the connection": (
        CUT_SHORT,
        OK + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(JPEG)[:-9],
        "close",
    ),
    "no br": (BAD_ANSWER, coded(b"br", bytes(2000)), "keep"),
    "gzip in gzip": (JPEG, coded(b"gzip, gzip", gzip.compress(gzip.compress(JPEG))), "keep"),
    "a bomb in gzip in gzip": (
        Reason.TOO_LARGE,
        lambda: coded(b"gzip, gzip", gzip.compress(gzip.compress(JPEG + bytes(BOMB), 1))),
        "keep",
    ),
    "empty gzip streams in gzip": (
        BAD_ANSWER,
        lambda: coded(b"gzip, gzip", gzip.compress(gzip.compress(b"") * 200_000)),
        "keep",
    ),
    "a thousand codings": (
        BAD_ANSWER,
        coded(b"gzip" + b", gzip" * 999, gzip.compress(JPEG)),
        "keep",
    ),
    "a coding that nobody has": (
        CODED,
        coded(b"compress", bytes(2000)),
        "keep",
    ),
    "a gzip bomb called identity": (
        Reason.NOT_AN_IMAGE,
        coded(b"identity", gzip.compress(bytes(MB))),
        "keep",
    ),
    "a label that is false": (JPEG, coded(b"gzip", JPEG), "keep"),
    "a label that is none": (JPEG, coded(b"aws-chunked", JPEG), "keep"),
}

READ: dict[str, Row] = {
    "150 cookies": (
        JPEG,
        OK + b"Set-Cookie: a=b\r\n" * 150 + b"Content-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "a space before the colon": (
        JPEG,
        OK + b"X-A : b\r\nContent-Length : 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "a warning among the fields": (
        JPEG,
        OK + b"<br />\r\n<b>Warning</b>:  Undefined\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "close",
    ),
    "a warning in chunks": (
        JPEG,
        OK + b"<br />\r\n" + CHUNKED + chunk(JPEG) + b"0\r\n\r\n",
        "close",
    ),
    "chunked twice": (
        JPEG,
        OK + b"Transfer-Encoding: chunked\r\n" + CHUNKED + chunk(JPEG) + b"0\r\n\r\n",
        "keep",
    ),
    "identity as a transfer coding": (
        JPEG,
        OK + b"Transfer-Encoding: identity\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "line feeds alone": (JPEG, (sized(6004)).replace(b"\r\n", b"\n") + JPEG, "keep"),
    "a status line without a phrase": (
        JPEG,
        b"HTTP/1.1 200\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "a status line with two spaces": (
        JPEG,
        b"HTTP/1.1  200 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "close",
    ),
    "an ICY status line": (JPEG, b"ICY 200 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG, "close"),
    "a blank line first": (JPEG, b"\r\n" + sized(6004) + JPEG, "close"),
    "a zero byte in a field": (
        JPEG,
        OK + b"X: a\0b\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "close",
    ),
    "a bare CR in a field": (JPEG, OK + b"X: a\rb\r\nContent-Length: 6004\r\n\r\n" + JPEG, "close"),
    "a field of 150 KB": (
        JPEG,
        OK + b"X-Long: " + b"x" * 150_000 + b"\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "close",
    ),
    "a stray line end behind the body": (JPEG, sized(6004) + JPEG + b"\r\n", "keep"),
    "203": (
        JPEG,
        b"HTTP/1.1 203 Non-Authoritative Information\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "226": (JPEG, b"HTTP/1.1 226 IM Used\r\nContent-Length: 6004\r\n\r\n" + JPEG, "keep"),
    "206 that names no range": (
        JPEG,
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "206 of all": (
        JPEG,
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-6003/6004\r\n"
        b"Content-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
}

STATUSES: dict[str, Row] = {
    "101": (NO_IMAGE, status(b"101 Switching Protocols"), "close"),
    "103 before an image": (JPEG, b"HTTP/1.1 103 Early Hints\r\n\r\n" + sized(6004) + JPEG, "keep"),
    "201": (Reason.EMPTY, status(b"201 Created"), "keep"),
    "202": (Reason.EMPTY, status(b"202 Accepted"), "keep"),
    "204": (NO_IMAGE, b"HTTP/1.1 204 No Content\r\n\r\n", "keep"),
    "204 with a body": (
        NO_IMAGE,
        b"HTTP/1.1 204 No Content\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "206": (
        NO_IMAGE,
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-6003/9000\r\n"
        b"Content-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "300": (NO_IMAGE, status(b"300 Multiple Choices"), "keep"),
    "304": (NO_IMAGE, b"HTTP/1.1 304 Not Modified\r\n\r\n", "keep"),
    "401": (
        Reason.SOURCE_REFUSED,
        status(b"401 Unauthorized", b"WWW-Authenticate: Basic\r\n"),
        "keep",
    ),
    "403": (Reason.SOURCE_REFUSED, status(b"403 Forbidden"), "keep"),
    "404": (Reason.SOURCE_NOT_FOUND, status(b"404 Not Found"), "keep"),
    "404 with an image": (
        Reason.SOURCE_NOT_FOUND,
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 6004\r\n\r\n" + JPEG,
        "keep",
    ),
    "407": (Reason.SOURCE_REFUSED, status(b"407 Proxy Authentication Required"), "keep"),
    "408": (Reason.SOURCE_ERROR, status(b"408 Request Timeout"), "close"),
    "410": (Reason.SOURCE_NOT_FOUND, status(b"410 Gone"), "keep"),
    "418": (NO_IMAGE, status(b"418 I'm a teapot"), "keep"),
    "429": (Reason.SOURCE_RATE_LIMITED, status(b"429 Too Many"), "keep"),
    "429 for ever": (
        Reason.SOURCE_RATE_LIMITED,
        status(b"429 Too Many", b"Retry-After: " + b"9" * 5000 + b"\r\n"),
        "keep",
    ),
    "451": (Reason.SOURCE_REFUSED, status(b"451 Unavailable"), "keep"),
    "500": (Reason.SOURCE_ERROR, status(b"500 Oops"), "keep"),
    "502": (Reason.SOURCE_ERROR, status(b"502 Bad Gateway"), "keep"),
    "503": (
        Reason.SOURCE_ERROR,
        status(b"503 Busy", b"Retry-After: Thu, 99 Foo 2099 99:99:99 GMT\r\n"),
        "keep",
    ),
    "504": (Reason.SOURCE_ERROR, status(b"504 Gateway Timeout"), "keep"),
    "a phrase with a message of its own": (
        Reason.SOURCE_ERROR,
        status(b"500 \x1b[31mCall 0800-EVIL\x07"),
        "keep",
    ),
}

ROWS = {
    f"{group}: {name}": row
    for group, rows in {
        "never ending": NEVER_ENDING,
        "length": LENGTHS,
        "breaks off": BREAKS_OFF,
        "makes no sense": MAKES_NO_SENSE,
        "compressed": COMPRESSED,
        "read all the same": READ,
        "status": STATUSES,
    }.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_answer(corpus: Any, row: Row) -> None:
    expected, data, then, *piece = row
    answers = {"/a.jpg": (data() if callable(data) else data, then, *piece)}

    corpus.check("{source}/a.jpg", expected, answers=answers)

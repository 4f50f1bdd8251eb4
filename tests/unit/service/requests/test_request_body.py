"""Bodies in gzip: what is taken, and what is refused before it is unpacked."""

import gzip
import io
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

GOOD = "https://example.com/a.jpg"
BODY = json.dumps({"urls": [GOOD]}).encode()
LIMIT = 65_536


@pytest.fixture
def small(make_api: Callable[..., Any]) -> Any:
    return make_api(MAX_BODY_BYTES=str(LIMIT))


def post(api: Any, body: bytes, coding: str = "gzip") -> Any:
    return api.post_body(body, headers={"Content-Encoding": coding})


def padded(length: int) -> bytes:
    return BODY + b" " * (length - len(BODY))


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZip", " gzip "])
def test_a_body_in_gzip_is_taken(api: Any, coding: str) -> None:
    answer = post(api, gzip.compress(BODY), coding)
    assert answer.status == 202
    assert api.status(answer.json["jobId"])["uploaded"]["pending"] == [GOOD]


@pytest.mark.parametrize("coding", ["identity", ""])
def test_no_coding_under_its_own_name(api: Any, coding: str) -> None:
    assert post(api, BODY, coding).status == 202


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "compress", "gzip, gzip", "gzip,br"])
def test_another_coding_is_refused_and_the_one_taken_is_named(
    api: Any, backend: Any, coding: str
) -> None:
    answer = post(api, gzip.compress(BODY), coding)
    assert (answer.status, answer.json["code"]) == (415, "unsupported-content-coding")
    assert answer.headers["accept-encoding"] == "gzip"
    assert backend.calls == 0


@pytest.mark.parametrize(
    ("body", "tells"),
    [
        (BODY, "not gzip"),
        (zlib.compress(BODY), "not gzip"),
        (gzip.compress(BODY)[:-1], "cut short"),
        (b"", "cut short"),
        (gzip.compress(BODY)[:-8] + bytes(8), "damaged"),
        (gzip.compress(BODY) + b"x", "behind its end"),
        (gzip.compress(BODY) + gzip.compress(b" "), "behind its end"),
    ],
    ids=["plain", "zlib", "cut short", "empty", "wrong sum", "trailing byte", "two members"],
)
def test_what_is_not_one_whole_member(api: Any, backend: Any, body: bytes, tells: str) -> None:
    answer = post(api, body)
    assert (answer.status, answer.json["code"]) == (400, "invalid-gzip")
    assert tells in answer.json["detail"]
    assert backend.calls == 0


@pytest.mark.parametrize(("excess", "status"), [(0, 202), (1, 413)])
def test_the_limit_is_on_what_is_unpacked(small: Any, excess: int, status: int) -> None:
    assert post(small, gzip.compress(padded(LIMIT + excess))).status == status


def test_random_bytes_that_gzip_makes_longer_count_as_sent(small: Any) -> None:
    stored = gzip.compress(padded(LIMIT), compresslevel=0)
    assert len(stored) > LIMIT
    assert post(small, stored).status == 413


def test_a_bomb_is_not_read_to_its_end(small: Any, backend: Any) -> None:
    bomb = io.BytesIO(gzip.compress(bytes(100 * 1024**2)))
    length = bomb.getbuffer().nbytes
    answer = small.send(
        "POST",
        "/v1/images/upload",
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
        extras={"wsgi.input": bomb, "wsgi.input_terminated": True},
    )
    assert (answer.status, answer.json["code"]) == (413, "body-too-large")
    assert bomb.tell() <= length
    assert bomb.tell() == 65_536  # one piece, of which all but the limit stayed packed
    assert backend.calls == 0

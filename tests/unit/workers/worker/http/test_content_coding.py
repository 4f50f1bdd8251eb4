"""Content codings, and what they may cost."""

import gzip
import io
import os
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from backports import zstd
from urllib3.exceptions import HTTPError

from workers.worker.http.content_coding import (
    DECODED_PIECE_BYTES,
    MAX_STREAMS,
    codings_of,
    is_cut,
    open_decoded,
)

MB = 1_000_000
MANY = 20 * MAX_STREAMS


def decoded(content: bytes, coding: str, max_bytes: int = 100 * MB) -> bytes:
    reader = open_decoded(io.BytesIO(content), codings_of(coding), max_bytes)
    plain = b""
    while piece := reader.read(DECODED_PIECE_BYTES):
        plain += piece
    return plain


def test_only_registered_codings_count() -> None:
    assert codings_of("aws-chunked, GZIP, utf-8,, compress ") == ["gzip", "compress"]


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_streams_one_after_the_other_are_one_content(
    coding: str, compress: Callable[[bytes], bytes]
) -> None:
    pieces = [os.urandom(100) for _ in range(1000)]
    assert decoded(b"".join(map(compress, pieces)), coding) == b"".join(pieces)


@pytest.mark.parametrize(
    ("coding", "stream"),
    [
        pytest.param("gzip", gzip.compress(b""), id="gzip"),
        pytest.param("zstd", zstd.compress(b""), id="zstd"),
        pytest.param("zstd", b"\x50\x2a\x4d\x18\0\0\0\0", id="skippable zstd"),
    ],
)
@pytest.mark.parametrize("outer", ["", ", gzip", ", gzip, gzip"])
def test_of_many_empty_streams_few_are_begun(
    monkeypatch: pytest.MonkeyPatch, coding: str, stream: bytes, outer: str
) -> None:
    content = stream * MANY
    for _ in range(outer.count("gzip")):
        content = gzip.compress(content)
    begun = 0

    def counts(begin: Callable[..., Any]) -> Callable[..., Any]:
        def count(*args: Any) -> Any:
            nonlocal begun
            begun += 1
            return begin(*args)

        return count

    monkeypatch.setattr(zlib, "decompressobj", counts(zlib.decompressobj))
    monkeypatch.setattr(zstd, "ZstdDecompressor", counts(zstd.ZstdDecompressor))

    with pytest.raises(HTTPError):
        decoded(content, coding + outer)

    assert begun < 2 * MAX_STREAMS


def test_what_one_coding_yields_for_the_next_is_bounded() -> None:
    stored_blocks = zlib.compressobj(wbits=31)
    header = stored_blocks.compress(b"") + stored_blocks.flush(zlib.Z_SYNC_FLUSH)
    content = gzip.compress(header + b"\0\0\0\xff\xff" * MB)  # of deflate, without any content
    assert len(content) < MB / 10

    with pytest.raises(HTTPError):
        decoded(content, "gzip, gzip", max_bytes=MB)


def test_a_chain_of_codings_is_bounded() -> None:
    with pytest.raises(HTTPError):
        decoded(b"", ", ".join(["gzip"] * 6))


def flushed(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=31)
    return stream.compress(content) + stream.flush(zlib.Z_SYNC_FLUSH)


RANDOM = os.urandom(50_000)
ZEROS = bytes(50_000)


@pytest.mark.parametrize("content", [RANDOM, ZEROS], ids=["random", "zeros"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda whole: whole, id="whole"),
        pytest.param(lambda whole: whole + b"\n", id="something behind"),
        pytest.param(lambda whole: whole[:-8], id="no checksum"),
        pytest.param(lambda whole: whole[:-5], id="a part of the checksum"),
        pytest.param(lambda whole: whole[:-1], id="a part of the size"),
        pytest.param(lambda whole: flushed(gzip.decompress(whole)), id="no last block"),
    ],
)
def test_gzip_with_all_content_is_not_cut(content: bytes, change: Callable[[bytes], bytes]) -> None:
    coded = change(gzip.compress(content))
    assert decoded(coded, "gzip") == content
    assert not is_cut(io.BytesIO(coded), "gzip")


@pytest.mark.parametrize("content", [RANDOM, ZEROS], ids=["random", "zeros"])
def test_gzip_without_its_end_is_cut(content: bytes) -> None:
    whole = gzip.compress(content)
    assert all(is_cut(io.BytesIO(whole[:size]), "gzip") for size in (2, 12, len(whole) // 2))


def raw_deflate(content: bytes) -> bytes:
    return zlib.compress(content, wbits=-zlib.MAX_WBITS)


@pytest.mark.parametrize(
    ("coding", "compress", "checksum_bytes"),
    [("deflate", zlib.compress, 4), ("deflate", raw_deflate, 0), ("zstd", zstd.compress, 0)],
    ids=["deflate", "raw deflate", "zstd"],
)
def test_deflate_and_zstd_without_their_end_are_cut(
    coding: str, compress: Callable[[bytes], bytes], checksum_bytes: int
) -> None:
    whole = compress(RANDOM)

    for missing in range(checksum_bytes + 1):
        coded = whole[: len(whole) - missing]
        assert decoded(coded, coding) == RANDOM
        assert not is_cut(io.BytesIO(coded), coding)
    assert not is_cut(io.BytesIO(whole + whole), coding)
    for size in (len(whole) // 2, len(whole) - checksum_bytes - 5):
        assert is_cut(io.BytesIO(whole[:size]), coding)


def test_deflate_and_zstd_behind_a_flush_are_not_cut() -> None:
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        stream = zlib.compressobj(wbits=wbits)
        coded = stream.compress(RANDOM) + stream.flush(zlib.Z_SYNC_FLUSH)
        assert not is_cut(io.BytesIO(coded), "deflate")
    compressor = zstd.ZstdCompressor()
    coded = compressor.compress(RANDOM, zstd.ZstdCompressor.FLUSH_BLOCK)
    assert not is_cut(io.BytesIO(coded), "zstd")


@pytest.mark.parametrize("content", [RANDOM, ZEROS, ZEROS * 200], ids=["random", "zeros", "many"])
def test_br_without_its_end_is_cut(content: bytes) -> None:
    whole, flushed = brotli.compress(content, quality=5), brotli.Compressor(quality=5)
    no_last_block = flushed.process(content) + flushed.flush()

    assert not is_cut(io.BytesIO(whole), "br")
    assert not is_cut(io.BytesIO(no_last_block), "br")
    assert all(is_cut(io.BytesIO(whole[:size]), "br") for size in (2, len(whole) // 2))

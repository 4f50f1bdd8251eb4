"""Bytes that are not what they are called, or an image and something else at once."""

import struct
import zlib
from typing import Any

import pytest

from workers.contract.errors import Reason

MB = 1_000_000
PNG = b"\x89PNG\r\n\x1a\n"

Row = tuple[Reason | None, bytes]
"""None: the very bytes go to Imgur, which judges them."""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PIXELS = chunk(b"IDAT", zlib.compress(bytes(10 * MB)))


def png(width: int, height: int, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0))
    return PNG + header + b"".join(more) + PIXELS + chunk(b"IEND", b"")


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<2H3B", width, height, 0, 0, 0) + b";"


def jpeg(width: int, height: int, *segments: bytes, frame: int = 0xC0) -> bytes:
    size = struct.pack(">2BHB2HB", 0xFF, frame, 11, 8, height, width, 1)
    return b"\xff\xd8" + b"".join(segments) + size + bytes(3) + b"\xff\xd9"


def segment(data: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


def bmp(width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<I2i", 40, width, height) + bytes(28)


def tiff(width: int, height: int, order: str = "<") -> bytes:
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HI", 42, 5000) + bytes(4992)  # the tags are far behind
    entries = [(256, 4, 1, width), (257, 4, 1, height)]
    return (
        head
        + struct.pack(f"{order}H", 2)
        + b"".join(struct.pack(f"{order}2H2I", *entry) for entry in entries)
    )


NO_IMAGES: dict[str, Row] = {
    "a page": (Reason.NOT_AN_IMAGE, b"<!DOCTYPE html><title>Log in</title>"),
    "a page after spaces": (Reason.NOT_AN_IMAGE, b"\r\n" * 1000 + b"<html>"),
    "a script": (Reason.NOT_AN_IMAGE, b"<script>fetch('//evil')</script>"),
    "JSON": (Reason.NOT_AN_IMAGE, b'{"error": "gone"}'),
    "a program": (Reason.NOT_AN_IMAGE, b"MZ\x90\x00" + bytes(5000)),
    "a ZIP archive": (Reason.NOT_AN_IMAGE, b"PK\x03\x04" + bytes(5000)),
    "a PDF document": (Reason.NOT_AN_IMAGE, b"%PDF-1.7\n" + bytes(5000)),
    "a video": (Reason.NOT_AN_IMAGE, b"\0\0\0\x18ftypisom\0\0\0\0iso2avc1" + bytes(5000)),
    "PostScript": (Reason.NOT_AN_IMAGE, b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file"),
    "an ImageMagick script": (Reason.NOT_AN_IMAGE, b"push graphic-context\nfill 'url(https://x)'"),
    "zeros": (Reason.NOT_AN_IMAGE, bytes(5000)),
    "nothing": (Reason.EMPTY, b""),
    "a file of one byte": (Reason.NOT_AN_IMAGE, b"\xff"),
    "half a signature": (Reason.NOT_AN_IMAGE, PNG[:4]),
    "SVG": (Reason.TYPE_NOT_ACCEPTED, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "SVG with a script": (Reason.TYPE_NOT_ACCEPTED, b"<svg><script>alert(1)</script></svg>"),
    "SVG with an entity bomb": (
        Reason.TYPE_NOT_ACCEPTED,
        b"<!DOCTYPE svg [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><svg>&b;</svg>",
    ),
    "WebP": (Reason.TYPE_NOT_ACCEPTED, b"RIFF\x24\x00\x00\x00WEBPVP8L"),
    "AVIF": (Reason.TYPE_NOT_ACCEPTED, b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf"),
    "an icon": (Reason.TYPE_NOT_ACCEPTED, b"\x00\x00\x01\x00\x01\x00"),
    "a page with an image behind it": (Reason.NOT_AN_IMAGE, b"<html>" + gif(1, 1)),
    "a script that begins like a BMP": (Reason.NOT_AN_IMAGE, b"BM=1;alert(1)//" + bytes(100)),
}

# Told by their first bytes, these are images, and they go on unchanged: what else they may be
# matters only to whoever is led to take them for it.
POLYGLOTS: dict[str, Row] = {
    "GIF and JavaScript": (None, b"GIF89a/*\x01\x00*/=1;alert(document.domain)//"),
    "GIF and HTML": (None, gif(1, 1) + b"<html><script>alert(1)</script>"),
    "JPEG and ZIP": (None, jpeg(1, 1) + b"PK\x03\x04" + bytes(100)),
    "PNG and PHP": (None, png(1, 1, chunk(b"tEXt", b"Comment\0<?php system($_GET[0]);"))),
}

# With the length that they announce. Where an image must end is for a decoder to say.
TRUNCATED: dict[str, Row] = {
    "PNG after its signature": (None, PNG),
    "PNG within its header": (None, png(1, 1)[:20]),
    "PNG within its pixels": (None, png(1, 1)[:-20]),
    "JPEG after three bytes": (None, jpeg(1, 1)[:3]),
    "JPEG within a segment": (None, jpeg(1, 1, segment(bytes(1000)))[:500]),
    "GIF after its signature": (None, gif(1, 1)[:6]),
    "TIFF without its tags": (None, tiff(1, 1)[:4000]),
    "BMP within its header": (None, bmp(1, 1)[:18]),
}

BOMBS: dict[str, Row] = {
    "PNG of 50,000 by 50,000": (Reason.TOO_LARGE, png(50_000, 50_000)),
    "PNG of 2,147,483,647 by 2,147,483,647": (Reason.TOO_LARGE, png(2**31 - 1, 2**31 - 1)),
    "PNG of one very long line": (Reason.TOO_LARGE, png(2**31 - 1, 1)),
    "animated PNG": (Reason.TOO_LARGE, png(50_000, 50_000, chunk(b"acTL", bytes(8)))),
    "GIF of 65,535 by 65,535": (Reason.TOO_LARGE, gif(65_535, 65_535)),
    "JPEG of 65,535 by 65,535": (Reason.TOO_LARGE, jpeg(65_535, 65_535)),
    "progressive JPEG": (Reason.TOO_LARGE, jpeg(65_535, 65_535, frame=0xC2)),
    "JPEG with its size behind 2 MB": (
        Reason.TOO_LARGE,
        jpeg(65_535, 65_535, *[segment(bytes(65_000))] * 32),
    ),
    "JPEG with fill bytes": (Reason.TOO_LARGE, jpeg(65_535, 65_535, b"\xff" * 50)),
    "BMP of 50,000 by 50,000": (Reason.TOO_LARGE, bmp(50_000, 50_000)),
    "BMP with rows that go downwards": (Reason.TOO_LARGE, bmp(50_000, -50_000)),
    "TIFF of 50,000 by 50,000": (Reason.TOO_LARGE, tiff(50_000, 50_000)),
    "TIFF of Motorola's order": (Reason.TOO_LARGE, tiff(50_000, 50_000, ">")),
    "PNG of just 250 megapixels": (None, png(25_000, 10_000)),
    "PNG of one line more": (Reason.TOO_LARGE, png(25_000, 10_001)),
    # Its size is found by nobody who does not read on for long; nothing is decoded here.
    "JPEG with its size behind 10,000 segments": (
        None,
        jpeg(65_535, 65_535, *[segment(b"")] * 10_000),
    ),
}

ROWS = {
    f"{group}: {name}": row
    for group, rows in {
        "no image": NO_IMAGES,
        "polyglot": POLYGLOTS,
        "truncated": TRUNCATED,
        "bomb": BOMBS,
    }.items()
    for name, row in rows.items()
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_bytes(corpus: Any, row: Row) -> None:
    reason, body = row
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body)

    corpus.check(
        "{source}/a.jpg",
        body if reason is None else reason,
        answers={"/a.jpg": (head + body, "keep")},
    )


@pytest.mark.parametrize(
    "head", [b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"\r\n"], ids=["chunked", "unsized"]
)
def test_nothing_without_a_length(corpus: Any, head: bytes) -> None:
    answers = {"/a.jpg": (b"HTTP/1.1 200 OK\r\n" + head, "close")}

    corpus.check("{source}/a.jpg", Reason.EMPTY, answers=answers)

"""Bytes made to harm whoever decodes them: bombs, files that break off, frames without end, lies.

Each row costs its own image alone: `check` has a good one uploaded after it, by the same worker.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.hostile.test_images import bmp, chunk, gif, jpeg, png, segment, tiff
from tests.picture_corpus import MADE, encode, noisy, photo
from workers.contract.errors import Reason

IMGUR_BYTES = 3000
"""So little that small files of the types that Imgur takes are converted, too."""

PADDING = bytes(2 * IMGUR_BYTES)


@pytest.fixture(scope="module")
def converting(open_corpus: Callable[..., Any]) -> Iterator[Any]:
    with open_corpus(convert=True, imgur_bytes=IMGUR_BYTES) as one:
        yield one


def patched(content: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite what stands behind the first `mark`."""
    at = content.index(mark) + offset
    return content[:at] + value + content[at + len(value) :]


def webp(kind: bytes, body: bytes) -> bytes:
    form = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(form)) + form + PADDING


def icon(picture: bytes) -> bytes:
    """That says to be of 16 by 16 pixels."""
    entry = struct.pack("<4B2H2I", 16, 16, 0, 0, 1, 32, len(picture), 22)
    return struct.pack("<3H", 0, 1, 1) + entry + picture


def many_frames_gif(count: int) -> bytes:
    frame = b"!\xf9\x04\0\0\0\0\0" + b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02L\x01\0"
    return (
        b"GIF89a"
        + struct.pack("<2H3B", 1, 1, 0x80, 0, 0)
        + b"\0\0\0\xff\xff\xff"
        + frame * count
        + b";"
    )


def frames_webp(count: int, milliseconds: int) -> bytes:
    first, *others = [
        photo((8, 8)).point(lambda level, n=n: (level + n * 40) % 256) for n in range(count)
    ]
    return encode(
        first, "WEBP", save_all=True, append_images=others, duration=milliseconds, quality=1
    )


HUGE = struct.pack(">2I", 60_000, 60_000)
BOMBS: dict[str, Callable[[], bytes]] = {
    "WebP, extended": lambda: webp(b"VP8X", bytes(4) + b"\xff\x3f\0" * 2),
    "WebP, lossless": lambda: webp(b"VP8L", b"\x2f" + struct.pack("<I", 0x0FFF_FFFF)),
    "WebP, lossy": lambda: webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a" + b"\xff\x3f" * 2),
    "AVIF": lambda: patched(MADE["lossy.avif"]().content, b"ispe", 8, HUGE),
    "HEIC": lambda: patched(MADE["photo.heic"]().content, b"ispe", 8, HUGE),
    "JPEG 2000": lambda: patched(
        patched(MADE["photo.jp2"]().content, b"ihdr", 4, HUGE), b"\xff\x51", 6, HUGE
    ),
    "JPEG 2000 without a container": lambda: patched(
        MADE["stream.j2k"]().content, b"\xff\x51", 6, HUGE
    ),
    "ICO of a PNG": lambda: icon(png(60_000, 60_000)),
    "PSD": lambda: patched(MADE["photo.psd"]().content, b"8BPS", 14, HUGE),
    "PNM": lambda: b"P6 60000 60000 255\n" + PADDING,
    "PNM in letters": lambda: b"P1 60000 60000\n" + b"1 " * 3000,
    "TGA": lambda: patched(MADE["packed.tga"]().content, b"", 12, b"\xff\xff\xff\xff"),
    "PNG": lambda: png(60_000, 60_000),
    "PNG of 100 megapixels and a line": lambda: png(10_000, 10_001),
    "PNG with 10 MB of text in 10 kB": lambda: png(
        1, 1, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10_000_000)))] * 9
    ),
    "APNG": lambda: png(60_000, 60_000, chunk(b"acTL", struct.pack(">2I", 9, 0))),
    "JPEG": lambda: jpeg(65_500, 65_500, segment(PADDING)),
    "progressive JPEG": lambda: jpeg(65_500, 65_500, segment(PADDING), frame=0xC2),
    "GIF": lambda: gif(60_000, 60_000) + PADDING,
    "TIFF": lambda: tiff(60_000, 60_000),
    "BMP": lambda: bmp(60_000, 60_000) + PADDING,
}

LOOPS: dict[str, Callable[[], bytes]] = {
    "GIF of 100,000 frames": lambda: many_frames_gif(100_000),
    "WebP of 1,001 frames": lambda: frames_webp(1001, 20),
    "WebP that lasts for hours": lambda: frames_webp(3, 16_000_000),
    "APNG that says to have two thousand million frames": lambda: png(
        8, 8, chunk(b"acTL", struct.pack(">2I", 2**31 - 1, 0))
    ),
}

LIES: dict[str, Callable[[], bytes]] = {
    "PNG called WebP": lambda: b"RIFF\0\1\0\0WEBP" + png(8, 8),
    "WebP without chunks": lambda: b"RIFF\xff\xff\xff\xffWEBP" + PADDING,
    "HEIC called AVIF": lambda: patched(
        MADE["photo.heic"]().content.replace(b"heic", b"avif"), b"ftyp", 4, b"avif"
    ),
    "AVIF of nothing but its brand": lambda: b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf" + PADDING,
    "HEIC whose items lie behind its end": lambda: patched(
        MADE["photo.heic"]().content, b"iloc", 20, b"\xff" * 8
    ),
    "PSD of a wrong depth": lambda: patched(MADE["photo.psd"]().content, b"8BPS", 22, b"\0\x07"),
    "PNM of too high a maximum": lambda: b"P6 10 10 99999999\n" + PADDING,
    "TGA with a colour table of 65,535": lambda: (
        b"\0\1\1\0\0\xff\xff\x18" + MADE["photo.tga"]().content[8:]
    ),
    "ICO whose picture lies behind its end": lambda: (
        icon(b"")[:18] + struct.pack("<I", 2**31) + PADDING
    ),
    "TIFF whose tags point at themselves": lambda: tiff(8, 8)[:4] + struct.pack("<I", 8) + PADDING,
    "BMP of 1,000 bits": lambda: patched(bmp(8, 8), b"BM", 28, b"\xe8\3") + PADDING,
    "JPEG of 255 components": lambda: (
        b"\xff\xd8" + segment(PADDING) + b"\xff\xc0\0\x0b\x08\0\x08\0\x08\xff" + PADDING
    ),
    "GIF whose frame is larger than itself": lambda: (
        gif(2, 2)[:-1]
        + b","
        + struct.pack("<4HB", 0, 0, 60_000, 60_000, 0)
        + b"\x02"
        + b"\xffabc" * 3000
        + b"\0;"
    ),
}

CUT: dict[str, Callable[[], bytes]] = {
    f"{name} cut": (lambda name=name: (content := MADE[name]().content)[: len(content) * 2 // 5])
    for name in (
        *("lossy.webp", "lossless.webp", "moving-lossy.webp", "lossy.avif", "moving.avif"),
        *("photo.heic", "photo.jp2", "icon.ico", "photo.psd", "plain.pbm", "photo.ppm"),
        *("photo.tga", "cmyk.tiff", "photo.bmp"),
    )
}

CUT |= {
    f"{form} cut": lambda form=form: encode(noisy((300, 200)), form)[: IMGUR_BYTES + 1]
    for form in ("JPEG", "PNG", "GIF")
}

ROWS = {
    f"{group}: {name}": make
    for group, rows in {"bomb": BOMBS, "loop": LOOPS, "lie": LIES, "cut": CUT}.items()
    for name, make in rows.items()
}


@pytest.mark.parametrize("make", ROWS.values(), ids=ROWS.keys())
def test_fails_that_image_alone(converting: Any, make: Callable[[], bytes]) -> None:
    body = make()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    result = converting.check(
        "{source}/a",
        Reason.CONVERSION_FAILED,
        answers={"/a": (head + body, "keep")},
    )
    assert "CONVERT_SECONDS" not in result.message


def test_good_ones_are_converted_after_all_of_them(converting: Any) -> None:
    body = MADE["drawing.webp"]().content + bytes(IMGUR_BYTES)
    body = body[:4] + struct.pack("<I", len(body) - 8) + body[8:]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    converting.source.play({"/a": (head + body, "keep")})
    result = converting._patient.fetch(f"{converting.source.url}/a")
    assert result.reason is None
    assert converting.imgur.uploads[-1].startswith(b"\x89PNG")

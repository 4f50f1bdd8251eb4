import struct
import zlib

import pytest

from sandbox import images
from sandbox.uploads import read_header

SIZES = {
    "photo.jpg": (3000, 2000),
    "progressive.jpg": (1920, 1280),
    "drawing.png": (640, 480),
    "small.png": (88, 64),
    "small.jpg": (96, 64),
    "small.gif": (120, 90),
    "large.png": (1440, 1200),
    "animation.gif": (200, 150),
    "animated.png": (160, 120),
    "scan.tiff": (1240, 1754),
    "bitmap.bmp": (201, 150),
}
EXTENSIONS = ["png", "jpg", "gif"]


@pytest.mark.parametrize("name", images.ACCEPTED_NAMES)
def test_samples_are_what_their_names_say(name):
    sample = images.load(name)
    header = read_header(sample.data)
    assert header is not None
    assert (header.width, header.height) == SIZES[name]
    assert header.media_type == sample.media_type
    assert header.animated == name.startswith("anim")
    assert header.media_type.endswith(name.rpartition(".")[2].replace("jpg", "jpeg"))


def test_progressive_is_progressive():
    start_of_frame = {
        name: images.load(name).data.find(b"\xff\xc2") for name in SIZES if "jpg" in name
    }
    assert start_of_frame["progressive.jpg"] > 0


@pytest.mark.parametrize("name", images.REFUSED_NAMES)
def test_refused_samples_are_what_their_names_say(name):
    sample = images.load(name)
    assert read_header(sample.data) is None
    marks = {
        "picture.webp": (b"RIFF", b"WEBPVP8 "),
        "animation.webp": (b"RIFF", b"ANMF"),
        "picture.avif": (b"ftypavif", b"av01"),
        "picture.heic": (b"ftypheic", b"hvc1"),
    }
    assert all(mark in sample.data[:2000] for mark in marks[name])
    assert sample.media_type == "image/" + name.rpartition(".")[2]


def test_the_samples_are_all_and_small_together():
    files = {path.name: path.stat().st_size for path in images._SAMPLES.iterdir()}
    assert set(files) == {*images.ACCEPTED_NAMES, *images.REFUSED_NAMES}
    assert sum(files.values()) < 600_000


def test_the_large_one_is_large():
    assert len(images.load("large.png").data) > 5_000_000


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_distinct_images_differ_and_say_their_name(extension):
    names = [f"{number}.{extension}" for number in range(50)]
    found = {name: images.inscribe(extension, name) for name in names}
    assert len({image.data for image in found.values()}) == 50
    for name, image in found.items():
        assert f"imgur-sandbox {name}\n".encode() in image.data[:1000]
        assert read_header(image.data).media_type == image.media_type


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("size", [10, 5_000, 68_000, 1_000_000])
def test_padding_reaches_the_size(extension, size):
    padded = images.inscribe(extension, "1", pad_to=size)
    plain = images.inscribe(extension, "1")
    assert abs(len(padded.data) - max(size, len(plain.data))) < 100
    assert read_header(padded.data) == read_header(plain.data)
    assert padded.data.endswith(plain.data[-40:])


def test_padding_is_bounded():
    assert len(images.inscribe("png", "1", pad_to=999_999_999).data) < 40_001_000


def test_a_spliced_png_is_whole():
    data = images.inscribe("png", "17.png", pad_to=5000).data
    at, kinds = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        assert zlib.crc32(data[at + 4 : at + 8 + length]) == checksum
        kinds.append(kind)
        at += 12 + length
    assert at == len(data)
    assert kinds[:2] == [b"IHDR", b"tEXt"]
    assert kinds[-1] == b"IEND"


def test_a_spliced_jpeg_is_whole():
    """The chain of its segments ends at the pixels."""
    data = images.inscribe("jpg", "17.jpg", pad_to=200_000).data
    at, markers = 2, []
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        markers.append(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    assert markers[:2] == [0xE0, 0xFE]
    assert markers.count(0xFE) == 4


def test_a_spliced_gif_is_whole():
    """The chain of the comment's sub-blocks ends at the first frame."""
    data = images.inscribe("gif", "17.gif", pad_to=20_000).data
    at = 13 + 3 * (2 << (data[10] & 7))
    assert data[at : at + 2] == b"\x21\xfe"
    at += 2
    while data[at]:
        at += 1 + data[at]
    assert data[at + 1] in {0x21, 0x2C}

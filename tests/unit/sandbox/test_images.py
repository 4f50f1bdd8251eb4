import pytest

from sandbox import images
from sandbox.canvas import LAGOON, draw
from sandbox.image_header import read_header

SIZES = {
    "photo.jpg": (480, 368),
    "drawing.png": (640, 480),
    "small.png": (88, 64),
    "large.png": (1440, 1200),
    "animation.gif": (200, 150),
    "animated.png": (160, 120),
    "scan.tiff": (240, 160),
    "bitmap.bmp": (201, 150),
}


@pytest.mark.parametrize("name", images.ACCEPTED_NAMES)
def test_samples_are_what_their_names_say(name):
    sample = images.named(name)
    header = read_header(sample.data)
    assert header is not None
    assert (header.width, header.height) == SIZES[name]
    assert header.media_type == sample.media_type == images.MEDIA_TYPES[sample.extension]
    assert header.animated == name.startswith("anim")
    assert name.endswith("." + sample.extension)


@pytest.mark.parametrize("name", images.REFUSED_NAMES)
def test_refused_samples_are_recognized_by_nobody_here(name):
    assert read_header(images.named(name).data) is None


def test_an_unknown_sample_is_an_error():
    with pytest.raises(KeyError):
        images.named("nothing.png")


def test_samples_are_the_same_at_every_start():
    assert images._small() == images.named("small.png").data


@pytest.mark.parametrize("extension", ["png", "jpg", "gif"])
def test_numbered_images_differ_and_say_their_name(extension):
    found = {images.numbered(f"{number}.{extension}").data for number in range(50)}
    assert len(found) == 50
    sample = images.numbered(f"17.{extension}")
    assert f"imgur-sandbox 17.{extension}\n".encode() in sample.data[:1000]
    assert read_header(sample.data).media_type == sample.media_type


@pytest.mark.parametrize("extension", ["png", "jpg", "gif"])
@pytest.mark.parametrize("size", [10, 5_000, 68_000, 1_000_000])
def test_padding_reaches_the_size(extension, size):
    sample = images.numbered(f"1.{extension}", pad_to=size)
    plain = images.numbered(f"1.{extension}")
    assert abs(len(sample.data) - max(size, len(plain.data))) < 100
    assert read_header(sample.data) == read_header(plain.data)


@pytest.mark.parametrize(
    "name", ["17", "17.tiff", "a b.png", ".png", "x" * 90 + ".png", "../1.png"]
)
def test_other_names_are_refused(name):
    assert images.numbered(name) is None


def test_a_label_is_left_out_where_it_does_not_fit():
    assert draw(20, 10, LAGOON, label="TOO LONG FOR THIS") == draw(20, 10, LAGOON)
    assert draw(200, 100, LAGOON, label="FITS") != draw(200, 100, LAGOON)

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageSequence
from PIL.TiffImagePlugin import AppendingTiffWriter

from converter import moving
from converter.conversion import convert, prepare
from converter.order import ConversionError, ConversionOrder
from tests import picture_corpus as corpus
from tests.picture_corpus import MADE, Picture, difference, encode, photo
from workers.contract.image_type import recognize

TO_CONVERT = [
    name for name in MADE if name.rsplit(".")[-1] not in {"jpg", "png", "gif", "tiff", "bmp"}
]
MEDIA_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "apng": "image/png", "gif": "image/gif"}


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    prepare()


def order_for(content: bytes, **options) -> ConversionOrder:
    kind = recognize(content[:4096])
    assert kind is not None
    return ConversionOrder(kind.decoder, kind.name, **options)


def assert_shows(content: bytes, picture: Picture) -> None:
    with Image.open(io.BytesIO(content)) as image:
        assert getattr(image, "n_frames", 1) == len(picture.shows)
        for number, expected in enumerate(picture.shows):
            image.seek(number)
            assert difference(expected, image) <= picture.tolerance


@pytest.mark.parametrize("name", TO_CONVERT)
def test_looks_the_same(name: str) -> None:
    picture = MADE[name]()
    made = convert(picture.content, order_for(picture.content))

    assert MEDIA_TYPES[made.code] in picture.becomes
    kind = recognize(made.content[:4096])
    assert kind is not None
    assert kind.code == made.code
    assert (made.width, made.height) == picture.shows[0].size
    assert_shows(made.content, picture)


def test_quality_is_that_which_is_promised() -> None:
    """The same quantization tables as Pillow's quality 95, and a full-size chroma."""
    made = convert(encode(photo(), "WEBP", lossless=True), order_for(b"RIFF\0\0\0\0WEBP"))
    with (
        Image.open(io.BytesIO(made.content)) as image,
        Image.open(io.BytesIO(encode(photo(), "JPEG", quality=95, subsampling=0))) as expected,
    ):
        assert image.quantization == expected.quantization
        assert image.layer == expected.layer


@pytest.mark.parametrize(
    ("form", "make", "limit", "code"),
    [
        ("JPEG", lambda: corpus.noisy((900, 600)), 120_000, "jpeg"),
        ("PNG", lambda: corpus.cut_out((900, 600)), 30_000, "png"),
        ("PNG", lambda: corpus.noisy((900, 600)).quantize(64).convert("RGB"), 150_000, "jpeg"),
        ("TIFF", lambda: corpus.noisy((900, 600), "CMYK"), 150_000, "jpeg"),
    ],
)
def test_smaller_until_it_fits(
    form: str, make: Callable[[], Image.Image], limit: int, code: str
) -> None:
    options = {"quality": 98} if form == "JPEG" else {}
    image = make()
    content = encode(image, form, **options)
    made = convert(content, order_for(content, still_bytes=limit))

    assert made.code == code
    assert limit * 0.3 < len(made.content) <= limit < len(content)
    assert made.width <= image.width
    assert made.height <= image.height
    assert made.width / made.height == pytest.approx(1.5, abs=0.02)
    with Image.open(io.BytesIO(made.content)) as shown:
        # Of 255, on average: at less than half its size a picture loses its grain.
        assert difference(image.convert("RGBA"), shown) < 8


def test_what_fits_is_not_made_smaller() -> None:
    content = encode(corpus.noisy((900, 600)), "WEBP", quality=100)
    whole = convert(content, order_for(content))
    tight = convert(content, order_for(content, still_bytes=len(whole.content) - 1))

    assert (whole.width, whole.height) == (tight.width, tight.height) == (900, 600)


def test_animation_is_made_smaller() -> None:
    first, *others = corpus.frames(6, size=(240, 180))
    content = encode(first, "WEBP", save_all=True, append_images=others, quality=60)
    whole = convert(content, order_for(content))
    small = convert(content, order_for(content, animation_bytes=len(whole.content) // 3))

    assert len(small.content) <= len(whole.content) // 3
    assert small.width < whole.width
    with Image.open(io.BytesIO(small.content)) as image:
        assert image.n_frames == 6


def test_of_gif_and_apng_the_smaller_one() -> None:
    content = MADE["moving.webp"]().content
    sizes = {
        code: len(convert(content, order_for(content, targets=("jpeg", "png", code))).content)
        for code in ("gif", "apng")
    }
    assert convert(content, order_for(content)).code == min(sizes, key=lambda code: sizes[code])


def test_an_animation_is_encoded_as_few_times_as_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time takes seconds, of which a conversion has 20."""
    made: list[str] = []
    for code in ("gif", "apng"):
        encode_all = moving._ENCODERS[code]
        monkeypatch.setitem(
            moving._ENCODERS, code, lambda *of, c=code, do=encode_all: made.append(c) or do(*of)
        )
    first, *others = corpus.frames(6, size=(480, 360))
    content = encode(first, "WEBP", save_all=True, append_images=others, quality=60)
    whole = convert(content, order_for(content))
    small = convert(content, order_for(content, animation_bytes=len(whole.content) // 3))
    assert (made[:2], made[2:4]) == (["gif", "apng"], ["gif", "apng"])
    assert set(made[4:]) == {whole.code} == {small.code}

    monkeypatch.setattr(moving, "_MAX_PIXELS_OF_BOTH", 6 * 480 * 360 - 1)
    assert convert(content, order_for(content)).code == "gif"
    assert convert(content, order_for(content, targets=("apng",))).code == "apng"


def test_the_palette_of_a_photograph_is_made_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of all its colours takes up to 0.5 s a frame."""
    counts: list[int] = []
    quantize = Image.Image.quantize

    def count(image: Image.Image, *given: Any, palette: Any = None, **options: Any) -> Image.Image:
        if palette is None:
            counts.append(len(image.getcolors(image.width * image.height)))
        return quantize(image, *given, palette=palette, **options)

    shown = photo((300, 200))
    of_all = difference(shown, shown.quantize(256))
    monkeypatch.setattr(Image.Image, "quantize", count)
    content = encode(shown, "WEBP", save_all=True, append_images=[shown.rotate(180)], lossless=True)
    made = convert(content, order_for(content, targets=("gif",)))

    assert counts
    assert max(counts) <= 4096
    with Image.open(io.BytesIO(made.content)) as image:
        assert difference(shown, image) < 1.1 * of_all


def test_half_transparent_frames_are_no_gif() -> None:
    frames = [corpus.cut_out((90, 60)) for _ in range(2)]
    frames[1].paste((255, 0, 0, 90), (0, 0, 20, 20))
    content = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)

    assert convert(content, order_for(content)).code == "apng"


@pytest.mark.parametrize(
    ("form", "given", "loops"),
    [
        # A GIF counts repeats, the others how often it is shown.
        ("WEBP", 3, {"gif": 2, "apng": 3}),
        ("WEBP", 1, {"gif": None, "apng": 1}),
        ("WEBP", 0, {"gif": 0, "apng": 0}),
        ("PNG", 2**31 - 1, {"gif": 65535, "apng": 2**31 - 1}),
        ("GIF", 1, {"gif": 1, "apng": 2}),
        ("GIF", 0, {"gif": 0, "apng": 0}),
        ("GIF", None, {"gif": None, "apng": 1}),
    ],
)
def test_pace_and_repeats_of_an_animation(
    form: str, given: int | None, loops: dict[str, int | None]
) -> None:
    first, *others = corpus.frames(3)
    options = {} if given is None else {"loop": given}
    content = encode(
        first, form, save_all=True, append_images=others, duration=[70, 200, 40], **options
    )
    for code, loop in loops.items():
        made = convert(content, order_for(content, targets=("png", code)))
        with Image.open(io.BytesIO(made.content)) as image:
            assert _durations(image) == [70, 200, 40]
            assert image.info.get("loop") == loop


@pytest.mark.parametrize(
    ("code", "given", "expected"),
    [
        # A GIF has hundredths of a second: none is lost over several frames.
        ("gif", [29, 29, 29, 33, 33, 33], [30, 30, 30, 30, 30, 40]),
        ("apng", [29, 29, 29, 33, 33, 33], [29, 29, 29, 33, 33, 33]),
        # What browsers take for no duration at all.
        ("gif", [0, 1, 10, 11, 16, 20], [100, 100, 100, 20, 20, 20]),
        ("apng", [0, 1, 10, 11, 16, 20], [100, 100, 100, 11, 16, 20]),
    ],
)
def test_odd_durations(code: str, given: list[int], expected: list[int]) -> None:
    first, *others = corpus.frames(len(given))
    content = encode(first, "WEBP", save_all=True, append_images=others, duration=given)
    made = convert(content, order_for(content, targets=("png", code)))
    with Image.open(io.BytesIO(made.content)) as image:
        assert _durations(image) == expected


def _durations(image: Any) -> list[float]:
    durations = []
    for number in range(image.n_frames):
        image.seek(number)
        durations.append(image.info["duration"])
    return durations


_PREVIEW: dict[int, Any] = {0x00FE: 1}


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([{}, {}], 0),
        ([_PREVIEW, {}], 1),
        ([_PREVIEW, _PREVIEW, {0x00FE: 2}, {}], 2),
        ([_PREVIEW, _PREVIEW], 0),
    ],
)
def test_previews_in_a_tiff(pages: list[dict[int, Any]], expected: int) -> None:
    content = _tiff(pages)

    assert convert(content, order_for(content)).width == 20 + expected


def _tiff(pages: list[dict[int, Any]]) -> bytes:
    """With these tags on its pages, each of which is a pixel wider than the one before."""
    file = io.BytesIO()
    with AppendingTiffWriter(file) as writer:
        for number, tags in enumerate(pages):
            photo((20 + number, 20)).save(writer, "TIFF", tiffinfo=tags)
            writer.newFrame()
    return file.getvalue()


def test_sides_that_no_jpeg_has() -> None:
    content = encode(photo((2, 65_535)), "PPM")
    made = convert(content, order_for(content))
    assert (made.code, made.width, made.height) == ("png", 2, 65_535)


def test_the_picture_for_those_who_know_no_motion_is_no_frame() -> None:
    shown = corpus.frames(3)
    content = encode(
        photo((120, 90)), "PNG", save_all=True, append_images=shown, default_image=True
    )
    made = convert(content, order_for(content))
    assert_shows(made.content, Picture(content, tuple(shown), ()))


@pytest.mark.parametrize("source", [{"blend": 1}, {"disposal": 2}, {"default_image": True}])
def test_frames_of_an_apng_stay_what_they_show(source: dict[str, Any]) -> None:
    first, *others = (_half_transparent(at) for at in range(4))
    content = encode(first, "PNG", save_all=True, append_images=others, duration=70, **source)
    made = convert(content, order_for(content, targets=("apng",))).content
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(made)) as after:
        shown = [frame.tobytes() for frame in ImageSequence.Iterator(before)]
        assert [frame.tobytes() for frame in ImageSequence.Iterator(after)] == shown[
            "default_image" in source :
        ]
        assert not after.default_image


def _half_transparent(at: int) -> Image.Image:
    frame = Image.new("RGBA", (50, 10))
    frame.paste((200, 30, 30, 128), (10 * at, 0, 10 * at + 10, 10))
    return frame


@pytest.mark.parametrize("targets", [("png",), ("jpeg",)])
def test_only_what_imgur_takes(targets: tuple[str, ...]) -> None:
    for name in ("lossy.webp", "transparent.webp"):
        content = MADE[name]().content
        assert convert(content, order_for(content, targets=targets)).code == targets[0]


@pytest.mark.parametrize("targets", [("gif",), ("tiff",)])
def test_nothing_that_imgur_takes(targets: tuple[str, ...]) -> None:
    for name, others in (("lossy.webp", ("gif", "apng")), ("moving.webp", ("jpeg", "tiff"))):
        content = MADE[name]().content
        with pytest.raises(ConversionError, match="none of the types"):
            convert(content, order_for(content, targets=others if targets == ("gif",) else targets))


def with_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    return exif


@pytest.mark.parametrize(
    ("rule", "maker", "place"),
    [("off", "Maker", True), ("location", "Maker", False), ("all", None, False)],
)
@pytest.mark.parametrize("image", [photo(), corpus.cut_out()], ids=["jpeg", "png"])
def test_metadata(rule: str, maker: str | None, image: Image.Image, *, place: bool) -> None:
    content = encode(image, "WEBP", exif=with_exif(6).tobytes(), xmp=b"<x:xmpmeta/>")
    made = convert(content, order_for(content, metadata=rule))

    with Image.open(io.BytesIO(made.content)) as shown:
        exif = shown.getexif()
        assert exif.get(0x010F) == maker
        assert bool(exif.get_ifd(0x8825)) is place
        assert 0x0112 not in exif
        assert ("xmp" in shown.info or "XML:com.adobe.xmp" in shown.info) is (rule == "off")
        assert shown.size == (160, 240)


@pytest.mark.parametrize("rule", ["off", "location", "all"])
def test_comment(rule: str) -> None:
    content = encode(photo(), "JPEG", comment=b"secret")
    made = convert(content, order_for(content, metadata=rule))
    assert (b"secret" in made.content) is (rule != "all")


@pytest.mark.parametrize("rule", ["off", "location", "all"])
def test_comment_of_an_animation(rule: str) -> None:
    frames = [photo((60, 40)), photo((60, 40)).rotate(180)]
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], comment=b"secret")
    made = convert(content, order_for(content, metadata=rule, targets=("gif",)))
    assert (b"secret" in made.content) is (rule != "all")


@pytest.mark.parametrize("tag", [0x02BC, 0x83BB, 0x8649, 0x8482, 0x87B1])
@pytest.mark.parametrize(("rule", "stays"), [("off", True), ("location", False), ("all", False)])
def test_places_in_other_tags(tag: int, rule: str, *, stays: bool) -> None:
    """Of IPTC, Photoshop and GeoTIFF; XMP never stays in Exif, as it has its own segment."""
    exif = with_exif()
    exif[tag] = "In Berlin" if tag == 0x87B1 else (1.5, 2.5) if tag == 0x8482 else b"In Berlin"
    content = encode(photo(), "TIFF", exif=exif)
    made = convert(content, order_for(content, metadata=rule))

    with Image.open(io.BytesIO(made.content)) as shown:
        assert (tag in shown.getexif()) is (stays and tag != 0x02BC)


@pytest.mark.parametrize("exif", [b"MM\0*\0\0\0\x08\xff\xff\x01\x12", b"no Exif", b"II*\0"])
def test_damaged_metadata_is_left_out(exif: bytes) -> None:
    content = encode(photo(), "WEBP", exif=b"Exif\0\0" + exif)
    made = convert(content, order_for(content))
    with Image.open(io.BytesIO(made.content)) as image:
        assert difference(photo(), image) < 4


def test_exif_with_a_value_of_the_wrong_type() -> None:
    """The orientation counts, though Pillow cannot write the other entry, a unit that is a text."""
    exif = struct.pack(
        "<2sHIHHHIIHHI2sHI", *(b"II", 42, 8, 2), *(0x0112, 3, 1, 6), *(0x0128, 2, 2, b"a", 0, 0)
    )
    content = encode(photo(), "WEBP", exif=b"Exif\0\0" + exif)
    made = convert(content, order_for(content))
    assert (made.width, made.height) == (160, 240)


@pytest.mark.parametrize(("form", "name"), [("WEBP", "lossy.webp"), ("AVIF", "lossy.avif")])
def test_an_orientation_in_xmp_alone_does_not_count(form: str, name: str) -> None:
    picture = MADE[name]()
    turned = b'<rdf:Description tiff:Orientation="6"/>'
    content = encode(picture.shows[0], form, quality=85, xmp=turned)

    assert_shows(convert(content, order_for(content)).content, picture)


def test_damaged_profile_is_left_out() -> None:
    content = encode(photo(), "WEBP", lossless=True, icc_profile=b"no profile" * 20)
    made = convert(content, order_for(content))
    with Image.open(io.BytesIO(made.content)) as image:
        assert difference(photo(), image) < 2


@pytest.mark.parametrize("scale", [1, 255, 65535])
def test_floating_point(scale: int) -> None:
    grey = photo().convert("L")
    levels = grey.convert("F").point(lambda level: level * (scale / 255))
    content = encode(levels, "TIFF")
    made = convert(content, order_for(content))
    with Image.open(io.BytesIO(made.content)) as image:
        assert difference(grey, image) < 2


@pytest.mark.parametrize(
    "image",
    [Image.new("F", (9, 9), -7.0), Image.new("I", (9, 9), 70_000)],
    ids=["float", "integer"],
)
def test_pixels_without_a_usual_range(image: Image.Image) -> None:
    content = encode(image, "TIFF")
    with pytest.raises(ConversionError, match="usual range"):
        convert(content, order_for(content))


@pytest.mark.parametrize("colour", [(0x80FF, 0x4001, 0x2000), (0xFFFF,) * 3, (0,) * 3])
def test_a_transparent_colour_of_16_bits(colour: tuple[int, ...]) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    key = struct.pack(">3H", *colour)
    pixels = zlib.compress(b"\0" + key + b"\x10\0\x20\0\x30\0")
    head = struct.pack(">2I5B", 2, 1, 16, 2, 0, 0, 0)
    chunks = {b"IHDR": head, b"tRNS": key, b"IDAT": pixels, b"IEND": b""}
    content = b"\x89PNG\r\n\x1a\n" + b"".join(map(chunk, chunks.keys(), chunks.values()))
    made = convert(content, order_for(content))

    with Image.open(io.BytesIO(made.content)) as image:
        first = (*(level >> 8 for level in colour), 0)
        assert list(image.get_flattened_data()) == [first, (0x10, 0x20, 0x30, 255)]


@pytest.mark.parametrize(
    ("layers", "resources", "shown"),
    [
        pytest.param(-1, {}, (200, 100, 50, 0), id="transparency of the composite"),
        pytest.param(1, {}, (200, 100, 50, 255), id="a selection beside layers"),
        pytest.param(0, {1053: b"\0\0\0\x03"}, (200, 100, 50, 255), id="a selection, named"),
        pytest.param(0, {1053: bytes(4)}, (200, 100, 50, 0), id="transparency, named"),
        pytest.param(0, {}, (200, 100, 50, 0), id="of another program"),
        pytest.param(0, {1057: bytes(5)}, (200, 100, 50, 0), id="without layers"),
        pytest.param(-1, {1057: b"\0\0\0\1\1"}, (200, 100, 50, 0), id="with a composite"),
        pytest.param(-1, {1057: b"\0\0\0\1\0"}, None, id="without a composite"),
    ],
)
def test_a_psd_shows_its_composite(
    layers: int, resources: dict[int, bytes], shown: tuple[int, ...] | None
) -> None:
    content = _psd(layers, resources)
    if shown is None:
        with pytest.raises(ConversionError, match="Maximize compatibility"):
            convert(content, order_for(content))
    else:
        with Image.open(io.BytesIO(convert(content, order_for(content)).content)) as image:
            assert image.convert("RGBA").getpixel((0, 0)) == shown


def _psd(layers: int, resources: dict[int, bytes]) -> bytes:
    """Of four channels, the last of which is 0; its layers are only announced."""
    head = b"8BPS" + struct.pack(">H6xH2I2H", 1, 4, 8, 8, 8, 3)
    blocks = b"".join(
        struct.pack(">4sH2xI", b"8BIM", number, len(data)) + data + bytes(len(data) % 2)
        for number, data in resources.items()
    )
    announced = struct.pack(">2Ih", 6, 2, layers) if layers else bytes(4)
    channels = b"".join(bytes([level]) * 64 for level in (200, 100, 50, 0))
    table = bytes(4)
    return head + table + struct.pack(">I", len(blocks)) + blocks + announced + b"\0\0" + channels


def test_a_variety_that_is_not_known_is_not_only_called_damaged() -> None:
    content = b"8BPS" + struct.pack(">H6x3I2H", 1, 3, 8, 8, 16, 3)  # 16 bits a channel

    with pytest.raises(ConversionError, match="of a variety that is not known"):
        convert(content + bytes(1000), order_for(content))


@pytest.mark.parametrize(("alpha", "shown"), [(0, (200, 30, 60, 255)), (9, (200, 30, 60, 9))])
def test_a_tga_whose_alpha_is_nowhere_set_has_none(alpha: int, shown: object) -> None:
    head = struct.pack("<3B5x4H2B", 0, 0, 2, 0, 0, 8, 8, 32, 0x20)
    content = head + bytes([60, 30, 200, alpha]) * 64
    made = convert(content, order_for(content))

    with Image.open(io.BytesIO(made.content)) as image:
        assert image.convert("RGBA").getpixel((4, 4)) == shown


def icon_entry(
    bits: int, *, alpha: int = 0, mask: bytes = b"", declared: int | None = None
) -> tuple[bytes, bytes]:
    """An entry of the folder, and a bitmap of 8 by 8 pixels, red in 32 bits and black in 4."""
    black = bytes(16 * 4 + 8 * 4)
    pixels = bytes([60, 30, 200, alpha]) * 64 if bits == 32 else black
    bitmap = struct.pack("<I2i2H6I", 40, 8, 16, 1, bits, *bytes(6)) + pixels + mask
    depth = bits if declared is None else declared
    return struct.pack("<4B2HI", 8, 8, 0, 0, 1, depth, len(bitmap)), bitmap


def icon(*entries: tuple[bytes, bytes]) -> bytes:
    at, folder = 6 + 16 * len(entries), b""
    for entry, bitmap in entries:
        folder += entry + struct.pack("<I", at)
        at += len(bitmap)
    return struct.pack("<3H", 0, 1, len(entries)) + folder + b"".join(one for _, one in entries)


UPPER_HALF = bytes(16) + b"\xff\0\0\0" * 4  # is hidden: rows go upwards
RED = (200, 30, 60)


@pytest.mark.parametrize(
    ("content", "upper", "lower"),
    [
        (icon(icon_entry(32, alpha=128)), (*RED, 128), (*RED, 128)),
        (icon(icon_entry(32, mask=UPPER_HALF)), (*RED, 0), (*RED, 255)),
        (icon(icon_entry(32)), (*RED, 255), (*RED, 255)),
        (icon(icon_entry(32, alpha=128, mask=bytes(32), declared=0)), (*RED, 128), (*RED, 128)),
        (icon(icon_entry(4, mask=bytes(32)), icon_entry(32)), (*RED, 255), (*RED, 255)),
        (icon(icon_entry(32), icon_entry(4, mask=bytes(32))), (*RED, 255), (*RED, 255)),
    ],
    ids=["alpha", "a mask", "no mask", "alpha undeclared", "colours last", "colours first"],
)
def test_an_icon_is_what_browsers_show(content: bytes, upper: object, lower: object) -> None:
    made = convert(content, order_for(content))

    with Image.open(io.BytesIO(made.content)) as image:
        shown = image.convert("RGBA")
        assert (shown.getpixel((4, 0)), shown.getpixel((4, 7))) == (upper, lower)

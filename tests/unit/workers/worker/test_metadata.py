import io
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.picture_corpus import drawing, encode, frames, photo
from workers.contract.image_type import APNG, BMP, GIF, JPEG, PNG, TIFF, ImageType
from workers.worker.exif import UnreadableError
from workers.worker.metadata import strip_metadata

GPS, MAKER, ORIENTATION, XMP = 0x8825, 0x010F, 0x0112, 0x02BC
PLACE = (52.0, 31.0, 12.0)
SECRETS = (b"1784", b"Bergstrasse", b"secret")


def exif(orientation: int = 6, order: str = ">") -> bytes:
    made = Image.Exif()
    made.endian = order
    made[MAKER] = "Maker"
    made[ORIENTATION] = orientation
    made[XMP] = b"<x>secret</x>"
    place = made.get_ifd(GPS)
    place[1], place[2], place[29] = "N", PLACE, "1784:01:01"
    return made.tobytes()


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def camera(**options: object) -> bytes:
    """A JPEG that tells much of its maker."""
    plain = encode(photo(), "JPEG", exif=exif(), progressive=True, icc_profile=b"profile" * 9)
    more = (
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>secret</x>")
        + segment(0xE2, b"MPF\0secret")
        + segment(0xEB, b"JP\0\1secret")
        + segment(0xED, b"Photoshop 3.0\0secret Bergstrasse")
        + segment(0xFE, b"comment")
    )
    return plain[:2] + more + plain[2:] + b"\0\0\0\x18ftypmp42secret video"


def drawn() -> bytes:
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", "<x>secret</x>")
    texts.add_text("Raw profile type iptc", "secret")
    texts.add_text("exif:GPSLatitude", "secret")
    texts.add_text("Comment", "comment", zip=True)
    return (
        encode(drawing(), "PNG", exif=exif(), pnginfo=texts, icc_profile=b"profile" * 9) + b"secret"
    )


def stripped(content: bytes, kind: ImageType, rule: str) -> bytes:
    made = b"".join(strip_metadata(memoryview(content), kind, rule))
    assert made
    return made


def pixels_of(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return image.tobytes()


@pytest.mark.parametrize(
    ("content", "kind"), [(camera(), JPEG), (drawn(), PNG)], ids=["jpeg", "png"]
)
@pytest.mark.parametrize("rule", ["location", "all"])
@pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO:UserWarning")
def test_taken_out_and_no_pixel_changed(content: bytes, kind: ImageType, rule: str) -> None:
    made = stripped(content, kind, rule)

    assert pixels_of(made) == pixels_of(content)
    assert not [secret for secret in SECRETS if secret in made]
    with Image.open(io.BytesIO(made)) as image:
        found = image.getexif()
        assert not found.get_ifd(GPS)
        assert found[ORIENTATION] == 6
        assert found.get(MAKER) == ("Maker" if rule == "location" else None)
        assert image.info["icc_profile"] == b"profile" * 9
    assert (b"comment" in made or zlib.compress(b"comment") in made) is (rule == "location")


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_either_byte_order(order: str) -> None:
    content = encode(photo(), "JPEG", exif=exif(order=order))
    with Image.open(io.BytesIO(stripped(content, JPEG, "location"))) as image:
        assert dict(image.getexif()) == {MAKER: "Maker", ORIENTATION: 6}


def test_no_exif_is_left_of_an_upright_image() -> None:
    content = encode(photo(), "JPEG", exif=exif(orientation=1))
    assert b"Exif" not in stripped(content, JPEG, "all")


def test_damaged_exif_goes() -> None:
    content = encode(photo(), "JPEG", exif=exif()[:40])
    assert b"Exif" not in stripped(content, JPEG, "location")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (encode(photo(), "JPEG"), JPEG),
        (encode(photo(), "JPEG", progressive=True), JPEG),
        (encode(drawing(), "PNG"), PNG),
        (encode(frames()[0], "PNG", save_all=True, append_images=frames()[1:]), APNG),
        (encode(drawing(), "GIF"), GIF),
        (encode(frames()[0], "GIF", save_all=True, append_images=frames()[1:], loop=3), GIF),
        (encode(drawing(), "GIF")[:-1], GIF),
        (encode(drawing(), "GIF")[:900], GIF),
        (b"GIF89a", GIF),
        (encode(photo(), "TIFF"), TIFF),
        (encode(photo(), "BMP"), BMP),
        (b"\x89PNG\r\n\x1a\n\0\0\xff\xffIHDR", PNG),
    ],
)
@pytest.mark.parametrize("rule", ["location", "all"])
def test_nothing_to_take_out(content: bytes, kind: ImageType, rule: str) -> None:
    assert not list(strip_metadata(memoryview(content), kind, rule))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8", JPEG),
        (b"\xff\xd8\xff", JPEG),
        (b"\xff\xd8abc", JPEG),
        (b"\xff\xd8\xff\xe1\xff\xff12", JPEG),
        (b"II*\0\xff\xff\xff\xff", TIFF),
        (b"II*\0", TIFF),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(100), TIFF),
        (b"II*\0\x08\0\0\0\0\0\x08\0\0\0" + bytes(100), TIFF),  # a page that follows itself
    ],
)
def test_not_to_be_read(content: bytes, kind: ImageType) -> None:
    with pytest.raises(UnreadableError):
        list(strip_metadata(memoryview(content), kind, "all"))


@pytest.mark.parametrize("rule", ["location", "all"])
def test_metadata_that_is_cut_short_goes_as_well(rule: str) -> None:
    text = b"\0\0\xff\xffiTXtXML:com.adobe.xmp\0\0\0\0\0<x>secret"
    whole = encode(drawing(), "PNG")[:-12]
    assert stripped(whole + text, PNG, rule) == whole


@pytest.mark.parametrize(
    ("begins", "part", "ends", "kind"),
    [
        (b"\xff\xd8", b"\xff\xe1\0\x02", b"\xff\xd9", JPEG),
        (b"\x89PNG\r\n\x1a\n", b"\0\0\0\0caBX\0\0\0\0", b"", PNG),
        (b"GIF89a" + bytes(7), b"!\xff\0", b";", GIF),
    ],
    ids=["jpeg", "png", "gif"],
)
def test_a_file_of_far_too_many_parts_is_not_read_to_its_end(
    begins: bytes, part: bytes, ends: bytes, kind: ImageType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.worker.metadata._MAX_PARTS", 1000)
    with pytest.raises(UnreadableError):
        list(strip_metadata(memoryview(begins + part * 1010 + ends), kind, "location"))


def test_a_scan_without_its_end_goes_as_it_is() -> None:
    content = encode(photo(), "JPEG")[:-2]
    assert not list(strip_metadata(memoryview(content), JPEG, "all"))


def gif_extension(label: int, *blocks: bytes) -> bytes:
    return b"!%c" % label + b"".join(b"%c%b" % (len(block), block) for block in blocks) + b"\0"


@pytest.mark.parametrize("rule", ["location", "all"])
def test_gif(rule: str) -> None:
    first, *others = frames()
    plain = encode(first, "GIF", save_all=True, append_images=others, loop=3, duration=70)
    head = 13 + 3 * (2 << (plain[10] & 7))
    profile = gif_extension(0xFF, b"ICCRGBG1012", b"profile")
    content = (
        plain[:head]
        + gif_extension(0xFF, b"XMP DataXMP", b"secret")
        + profile
        + gif_extension(0xFE, b"comment", b"more")
        + gif_extension(0xFF, b"MGKIPTC0000", b"secret")
        + plain[head:]
        + b"secret"
    )
    comment = gif_extension(0xFE, b"comment", b"more") if rule == "location" else b""
    assert stripped(content, GIF, rule) == plain[:head] + profile + comment + plain[head:]


@pytest.mark.parametrize("rule", ["location", "all"])
def test_tiff(rule: str) -> None:
    content = encode(photo(), "TIFF", exif=exif())

    made = stripped(content, TIFF, rule)

    assert b"1784" in content
    assert not [secret for secret in SECRETS if secret in made]
    assert pixels_of(made) == pixels_of(content)
    with Image.open(io.BytesIO(made)) as image:
        found = image.getexif()
        assert not found.get_ifd(GPS)
        assert found[ORIENTATION] == 6
        assert found.get(MAKER) == ("Maker" if rule == "location" else None)


def test_each_page_of_a_tiff() -> None:
    told = {MAKER: "Maker", XMP: b"<x>secret</x>"}
    pages = [drawing(), photo()]
    content = encode(photo(), "TIFF", tiffinfo=told, save_all=True, append_images=pages)
    assert (content.count(b"secret"), content.count(b"Maker")) == (3, 3)

    made = stripped(content, TIFF, "all")

    assert (made.count(b"secret"), made.count(b"Maker")) == (0, 0)
    with Image.open(io.BytesIO(made)) as image, Image.open(io.BytesIO(content)) as original:
        assert image.n_frames == original.n_frames == 3
        for number in range(3):
            image.seek(number)
            original.seek(number)
            assert image.tobytes() == original.tobytes()


def test_values_that_overlap_are_damage() -> None:
    """Else each entry of a large file could have nearly all of it overwritten."""
    count = 10
    end = 8 + 2 + 12 * count + 4
    entry = b"\2\xbc\0\1" + (1000).to_bytes(4, "big") + end.to_bytes(4, "big")
    told = b"MM\0*\0\0\0\x08\0\x0a" + entry * count + bytes(4) + b"x" * 1000
    content = b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + told) + encode(photo(), "JPEG")[2:]
    assert stripped(content, JPEG, "location") == encode(photo(), "JPEG")

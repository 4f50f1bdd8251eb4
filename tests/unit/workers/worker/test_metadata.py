import io
import zlib

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.picture_corpus import drawing, encode, frames, photo
from workers.contract.image_type import APNG, GIF, JPEG, PNG, ImageType
from workers.worker.metadata import UnreadableError, strip_metadata

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
    texts.add_text("Comment", "comment", zip=True)
    return (
        encode(drawing(), "PNG", exif=exif(), pnginfo=texts, icc_profile=b"profile" * 9) + b"secret"
    )


def stripped(content: bytes, kind: ImageType, rule: str) -> bytes:
    parts = strip_metadata(memoryview(content), kind, rule)
    assert parts is not None
    return b"".join(parts)


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
        (b"\x89PNG\r\n\x1a\n\0\0\xff\xffIHDR", PNG),
    ],
)
@pytest.mark.parametrize("rule", ["location", "all"])
def test_nothing_to_take_out(content: bytes, kind: ImageType, rule: str) -> None:
    assert strip_metadata(memoryview(content), kind, rule) is None


@pytest.mark.parametrize(
    "content", [b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8abc", b"\xff\xd8\xff\xe1\xff\xff12"]
)
def test_not_to_be_read(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        strip_metadata(memoryview(content), JPEG, "all")


def test_a_scan_without_its_end_goes_as_it_is() -> None:
    content = encode(photo(), "JPEG")[:-2]
    assert strip_metadata(memoryview(content), JPEG, "all") is None

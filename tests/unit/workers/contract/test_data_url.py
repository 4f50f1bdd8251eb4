"""Data URLs are read as browsers read them (WHATWG Fetch, "data: URL processor")."""

import base64
import hashlib
import random

import pytest

from workers.contract.data_url import beginning_of, is_data_url, read_data_url
from workers.contract.errors import DownloadError, Reason
from workers.contract.url import mask_url

MOST = 1_000_000
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
PACKED = base64.b64encode(GIF).decode()


@pytest.mark.parametrize(
    ("url", "content"),
    [
        (f"data:image/gif;base64,{PACKED}", GIF),
        (f"DATA:image/gif;BASE64,{PACKED}", GIF),
        (f" \t\n\x00data:image/gif;base64,{PACKED} \n", GIF),
        (f"da\nta:image/gif;base64,{PACKED}", GIF),
        (f"data:image/gif; base64,{PACKED}", GIF),
        (f"data: image/gif;base64 ,{PACKED}", GIF),
        (f"data:;base64,{PACKED}", GIF),
        (f"data:image/gif;name=a.gif;base64,{PACKED}", GIF),
        (f"data:no type at all;base64,{PACKED}", GIF),
        # Forgiving base64: white space anywhere, padding or none, bits that are left over.
        (f"data:;base64,{PACKED[:4]}\r\n {PACKED[4:]}", GIF),
        ("data:;base64, Y Q = = ", b"a"),
        ("data:;base64,Y%0AQ%20%3D%3D", b"a"),
        ("data:;base64,YQ==", b"a"),
        ("data:;base64,YQ", b"a"),
        ("data:;base64,YR", b"a"),
        ("data:;base64,YWI=", b"ab"),
        ("data:;base64,YWI", b"ab"),
        ("data:;base64,%2B%2f+/", base64.b64decode("+/+/")),
        # Without base64: text, with escapes for what is none.
        ("data:,a", b"a"),
        ("data:image/gif,GIF89a%01%00%01%00%00%00%00%3B", GIF),
        ("data:image/gif,GIF89a%01%00%01%00%00%00%00;", GIF),
        ("data:,a,b%2Cc", b"a,b,c"),
        ("data:,%", b"%"),
        ("data:,%4", b"%4"),
        ("data:,%zz%41", b"%zzA"),
        ("data:,%2541%%34%351", b"%41%451"),
        (r"data:,\x41\%5c%5Cn\\N{DIGIT ONE}", rb"\x41\\\n\\N{DIGIT ONE}"),
        ("data:,%4\u00fc%C3", "%4\u00fc".encode() + b"\xc3"),
        ("data:, a b", b" a b"),
        ("data:,a+b", b"a+b"),
        ("data:,\u00fc%FF", "\u00fc".encode() + b"\xff"),
        ("data:,a?b", b"a?b"),
        # The mark must be the last parameter of the type.
        ("data:;base64;charset=x,YQ==", b"YQ=="),
        ("data:base64,YQ==", b"YQ=="),
        ("data:4,YQ==", b"YQ=="),
        ("data:;base64;base64,YQ==", b"a"),
        ("data:;base64=,YQ==", b"YQ=="),
        ("data:;base64x,YQ==", b"YQ=="),
        # A fragment belongs to no URL that is sent.
        (f"data:;base64,{PACKED}#part", GIF),
        ("data:,a%23b#c", b"a#b"),
    ],
)
def test_what_a_data_url_holds(url: str, content: bytes) -> None:
    assert is_data_url(url)
    assert read_data_url(url, MOST).content == content


@pytest.mark.parametrize(
    ("url", "reason", "tells"),
    [
        ("data:", Reason.URL_INVALID, "no comma"),
        ("data:image/png;base64", Reason.URL_INVALID, "no comma"),
        ("data:#,a", Reason.URL_INVALID, "no comma"),
        ("data:;base64,Y", Reason.URL_INVALID, "cut short"),
        ("data:;base64,YWJjY", Reason.URL_INVALID, "cut short"),
        ("data:;base64,YQ=", Reason.URL_INVALID, "character"),
        ("data:;base64,YQ===", Reason.URL_INVALID, "cut short"),
        ("data:;base64,=", Reason.URL_INVALID, "cut short"),
        ("data:;base64,Y=Q=", Reason.URL_INVALID, "character"),
        ("data:;base64,Y-_Q", Reason.URL_INVALID, "character"),
        ("data:;base64,Y%00Q", Reason.URL_INVALID, "character"),
        ("data:;base64,Y\x0bQ=", Reason.URL_INVALID, "character"),
        ("data:;base64,\u00fc", Reason.URL_INVALID, "character"),
        ("data:,\ud800", Reason.URL_INVALID, "half a character"),
        ("data:,", Reason.EMPTY, "no bytes"),
        ("data:image/png;base64,", Reason.EMPTY, "no bytes"),
        ("data:;base64,==", Reason.URL_INVALID, "character"),
        ("data:;base64, = = = =", Reason.URL_INVALID, "character"),
    ],
)
def test_what_cannot_be_read(url: str, reason: Reason, tells: str) -> None:
    with pytest.raises(DownloadError, match=tells) as caught:
        read_data_url(url, MOST)
    assert caught.value.reason is reason
    assert not caught.value.transient


@pytest.mark.parametrize("url", ["", "data", "date:,a", "http://data:80/", "data/,a", " xdata:,"])
def test_others_are_no_data_urls(url: str) -> None:
    assert not is_data_url(url)


def test_an_image_may_have_as_many_bytes_as_any_other() -> None:
    for url in ("data:,%41%41%41%41", "data:;base64,QUFBQQ=="):
        assert read_data_url(url, 4).content == b"AAAA"
        with pytest.raises(DownloadError, match="larger than 3 bytes") as caught:
            read_data_url(url, 3)
        assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_large_ones_are_read_in_pieces(size: int) -> None:
    content = random.Random(size).randbytes(160_000 + size)
    packed = base64.b64encode(content).decode()
    escaped = "".join(f"%{byte:02X}" for byte in content)
    broken = "\r\n".join(packed[at : at + 76] for at in range(0, len(packed), 76))
    for url in (f"data:;base64,{packed}", f"data:;base64,{broken}", f"data:,a{escaped}"):
        assert read_data_url(url, MOST).content.removeprefix(b"a") == content.removeprefix(b"a")


def test_its_shown_form_says_what_it_is_and_is_short() -> None:
    content = bytes(range(200)) * 100
    digest = hashlib.sha256(content).hexdigest()[:16]
    url = f"data:Image/PNG;x=y;base64,{base64.b64encode(content).decode()}"

    shown = read_data_url(url, MOST).shown

    assert shown == f"data:image/png;base64,AAECAwQFBgcICQoL… (20,000 bytes, SHA-256 {digest})"
    assert is_data_url(shown)
    assert mask_url(shown) == shown
    with pytest.raises(DownloadError, match="short form"):
        read_data_url(shown, MOST)


@pytest.mark.parametrize("size", range(8, 14))
def test_a_shown_form_is_told_by_its_mark_whatever_its_length(size: int) -> None:
    with pytest.raises(DownloadError, match="short form"):
        read_data_url(read_data_url(f"data:,{'a' * size}", MOST).shown, MOST)


def test_what_holds_the_same_is_shown_as_the_same_and_nothing_else_is() -> None:
    same = {
        read_data_url(url, MOST).shown
        for url in (
            f"data:image/gif;base64,{PACKED}",
            f" data:IMAGE/GIF;base64,\n{PACKED}#x",
            "data:image/gif,GIF89a%01%00%01%00%00%00%00;",
        )
    }
    others = {
        read_data_url(url, MOST).shown
        for url in (
            f"data:image/png;base64,{PACKED}",
            "data:image/gif,GIF89a%01%00%01%00%00%00%01;",
            "data:image/gif,GIF89a%01%00%01%00%00%00%00;;",
        )
    }
    assert len(same) == 1
    assert len(others) == 3
    assert not same & others


@pytest.mark.parametrize(
    "declared", ["", "x", "image/", "/png", "image/p ng", "image/" + "x" * 5000, "\u00fc/png"]
)
def test_a_type_that_is_none_is_shown_as_text(declared: str) -> None:
    shown = read_data_url(f"data:{declared},a", MOST).shown
    assert shown.startswith("data:text/plain;base64,YQ==… (1 byte, SHA-256 ")


def test_of_one_that_cannot_be_read_only_its_type_is_shown() -> None:
    assert beginning_of("data:image/png;base64,secret") == "data:image/png;base64,…"
    assert len(beginning_of("data:" + "x" * 10_000_000)) < 100

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

from workers.contract.errors import DownloadError, Reason
from workers.contract.url import are_plain, mask_url
from workers.contract.wire_url import MAX_URL_LENGTH, wire_url

GOOD = [
    "https://farm3.staticflickr.com/2879/11234651086_681b3c2c00_b_d.jpg",
    "http://example.com",
    "http://example.com/",
    "http://example.com?x=1",
    "http://example.com#top",
    "HTTPS://EXAMPLE.COM/A.JPG",
    "http://example.com:8080/a.jpg",
    "http://example.com:1/a.jpg",
    "http://example.com:65535/a.jpg",
    "http://example.com:0080/a.jpg",
    "http://example.com./a.jpg",
    "http://my_bucket.s3.example.com/a.jpg",
    "http://localhost/a.jpg",
    "http://127.0.0.1/a.jpg",
    "http://0x7f000001/a.jpg",
    "http://2130706433/a.jpg",
    "http://[2606:4700::1111]/a.jpg",
    "http://[::1]:8080/a.jpg",
    "http://bücher.example/bild.jpg",
    "http://xn--bcher-kva.example/bild.jpg",
    "http://例え.テスト/絵.png",
    "https://example.com/@user/a.jpg?to=a@b.example",
    "https://example.com/a%20b.jpg?q=%zz&r=[1]",
    'https://example.com/a"b|c^d`{e}.jpg',
    "https://example.com/" + "a" * (MAX_URL_LENGTH - 20),
]

BAD = [
    ("", Reason.URL_INVALID),
    ("example.com/a.jpg", Reason.URL_SCHEME),
    ("//example.com/a.jpg", Reason.URL_SCHEME),
    ("/a.jpg", Reason.URL_SCHEME),
    ("ftp://example.com/a.jpg", Reason.URL_SCHEME),
    ("file:///etc/passwd", Reason.URL_SCHEME),
    ("gopher://example.com/", Reason.URL_SCHEME),
    ("data:image/png;base64,iVBORw0KGgo=", Reason.URL_SCHEME),
    ("javascript:alert(1)", Reason.URL_SCHEME),
    ("httpss://example.com/", Reason.URL_SCHEME),
    ("http:example.com/a.jpg", Reason.URL_INVALID),
    ("http:////example.com/a.jpg", Reason.URL_INVALID),
    ("http://", Reason.URL_INVALID),
    ("http:///", Reason.URL_INVALID),
    ("http://user%40example.com/a.jpg", Reason.URL_INVALID),
    ("http://example.com%3A80/a.jpg", Reason.URL_INVALID),
    ("http://example.com%2fa.jpg", Reason.URL_INVALID),
    ("http://%5B::1%5D/a.jpg", Reason.URL_INVALID),
    ("http://%2531.0.0.1/a.jpg", Reason.URL_INVALID),
    ("http://b%fccher.example/a.jpg", Reason.URL_INVALID),
    ("http://?x", Reason.URL_INVALID),
    ("http://:80/a.jpg", Reason.URL_INVALID),
    ("http://example.com:0/a.jpg", Reason.URL_INVALID),
    ("http://example.com:00/a.jpg", Reason.URL_INVALID),
    ("http://example.com:65536/a.jpg", Reason.URL_INVALID),
    ("http://example.com:-1/a.jpg", Reason.URL_INVALID),
    ("http://example.com:http/a.jpg", Reason.URL_INVALID),
    ("http://example.com:\uff18\uff10/a.jpg", Reason.URL_INVALID),
    ("http://example.com\uff1a80/a.jpg", Reason.URL_INVALID),
    ("http://user:secret@example.com/a.jpg", Reason.URL_CREDENTIALS),
    ("http://user@example.com/a.jpg", Reason.URL_CREDENTIALS),
    ("http://@example.com/a.jpg", Reason.URL_CREDENTIALS),
    ("http://127.0.0.1@example.com/a.jpg", Reason.URL_CREDENTIALS),
    (" \n", Reason.URL_INVALID),
    ("\xa0http://example.com/a.jpg", Reason.URL_SCHEME),
    ("\ufeffhttp://example.com/a.jpg", Reason.URL_SCHEME),
    ("http://exa mple.com/a.jpg", Reason.URL_INVALID),
    ("http://example.com\xa0", Reason.URL_INVALID),
    ("http://exa\tmple.com/a.jpg", Reason.URL_INVALID),
    ("http://example.com\r\nHost: evil/", Reason.URL_INVALID),
    ("http://example.com/\ud800", Reason.URL_INVALID),
    ("http://example.com\\@evil.example/a.jpg", Reason.URL_INVALID),
    ("http:\\\\example.com\\a.jpg", Reason.URL_INVALID),
    ("http://example.com\\a.jpg", Reason.URL_INVALID),
    ("http://example.com\uff0fa.jpg", Reason.URL_INVALID),
    ("http://exam\u2100ple.com/", Reason.URL_INVALID),
    ("http://\u202eexample.com/", Reason.URL_INVALID),
    ("http://user\uff20example.com/", Reason.URL_INVALID),
    ("http://xn--ü.example/", Reason.URL_INVALID),
    ("http://ü..example/", Reason.URL_INVALID),
    ("http://*.example.com/a.jpg", Reason.URL_INVALID),
    ("http://.example.com/a.jpg", Reason.URL_INVALID),
    ("http://a..example.com/a.jpg", Reason.URL_INVALID),
    ("http://" + "a" * 64 + ".example.com/a.jpg", Reason.URL_INVALID),
    ("http://" + "ü" * 64 + ".example/a.jpg", Reason.URL_INVALID),
    ("http://exam|ple.com/a.jpg", Reason.URL_INVALID),
    ("http://[::1/a.jpg", Reason.URL_INVALID),
    ("http://[::zz]/a.jpg", Reason.URL_INVALID),
    ("http://[fe80::1%25eth0]/a.jpg", Reason.URL_INVALID),
    ("http://[fe80::1%eth0]/a.jpg", Reason.URL_INVALID),
    ("http://[127.0.0.1]/a.jpg", Reason.URL_INVALID),
    ("https://example.com/" + "a" * MAX_URL_LENGTH, Reason.URL_TOO_LONG),
    ("https://example.com/" + '"' * 8000, Reason.URL_TOO_LONG),
]


@pytest.mark.parametrize("url", GOOD, ids=lambda url: ascii(url[:50]))
def test_takes_what_can_be_sent(url: str) -> None:
    wire_url(url)


@pytest.mark.parametrize(("url", "reason"), BAD, ids=lambda value: ascii(str(value)[:50]))
def test_refuses_with_its_reason(url: str, reason: Reason) -> None:
    with pytest.raises(DownloadError) as caught:
        wire_url(url)

    assert caught.value.reason is reason
    assert not caught.value.transient


def test_the_sentence_does_not_repeat_credentials() -> None:
    with pytest.raises(DownloadError) as caught:
        wire_url("http://user:secret@example.com/a.jpg")

    assert "secret" not in caught.value.message
    assert caught.value.message.endswith(".")


@given(st.text(st.characters(codec=None), max_size=80).map("http://".__add__))
def test_ends_in_a_decision_for_any_text(url: str) -> None:
    with suppress(DownloadError):
        wire_url(url)


MASKED = [
    ("https://example.com/a.jpg", "https://example.com/a.jpg"),
    ("https://example.com:8080/a.jpg", "https://example.com:8080/a.jpg"),
    ("https://example.com/@user/a.jpg", "https://example.com/@user/a.jpg"),
    ("https://[::1]:80/a.jpg", "https://[::1]:80/a.jpg"),
    ("https://example.com/a.jpg?sig=SECRET&w=10", "https://example.com/a.jpg?sig=…&w=…"),
    ("https://example.com/a.jpg?sig=SEC=RET", "https://example.com/a.jpg?sig=…"),
    ("https://example.com/a.jpg?SECRET", "https://example.com/a.jpg?…"),
    ("https://example.com?sig=SECRET", "https://example.com?sig=…"),
    ("https://example.com/a.jpg#SECRET", "https://example.com/a.jpg"),
    ("https://example.com/a.jpg?x=1#?sig=SECRET", "https://example.com/a.jpg?x=…"),
    ("https://user:SECRET@example.com/a.jpg", "https://example.com/a.jpg"),
    ("https://user:SE@CRET@example.com/a.jpg", "https://example.com/a.jpg"),
    ("https://user:SEC/RET@example.com/a.jpg", "https://…"),
    ("https://user:SEC?RET@example.com/a.jpg", "https://…"),
    ("https://user:SEC#RET@example.com/a.jpg", "https://…"),
    ("https:///user:SECRET@example.com/a.jpg", "https:///example.com/a.jpg"),
    ("http:/user:SECRET@example.com://a", "http:/example.com://a"),
    ("user:SECRET@example.com/a.jpg", "example.com/a.jpg"),
    ("http:user:SECRET@example.com/a.jpg", "example.com/a.jpg"),
    ("https://example.com/a\r\nb", "https://example.com/a��b"),
    ("", ""),
]


@pytest.mark.parametrize(("url", "masked"), MASKED, ids=lambda value: ascii(value[:50]))
def test_masks(url: str, masked: str) -> None:
    assert mask_url(url) == masked


@given(st.text(st.characters(codec=None), max_size=400))
def test_masks_any_text(url: str) -> None:
    masked = mask_url(url)

    assert len(masked) <= 300
    assert masked.isprintable() or not url.isprintable()
    masked.encode()


def test_bounds_the_length() -> None:
    masked = mask_url("https://example.com/" + "a" * 5000)

    assert len(masked) == 300
    assert masked.endswith("…")


@given(
    st.lists(
        st.text(alphabet='htps:/.?#@[]aA0-_%\\ \n\r"é', max_size=30) | st.sampled_from(GOOD),
        max_size=4,
    )
)
def test_what_is_plain_is_taken(urls: list[str]) -> None:
    if urls and are_plain(urls):
        for url in urls:
            wire_url(url)


def test_the_common_form_is_plain() -> None:
    assert are_plain([f"https://images.example.com:8443/a/{n}.jpg?w=1#top" for n in range(3)])
    assert are_plain(["http://a.test", "http://127.0.0.1:1/"])


@pytest.mark.parametrize("url", [url for url, _ in BAD], ids=lambda value: ascii(value[:50]))
def test_what_is_refused_is_not_plain(url: str) -> None:
    assert not are_plain(["http://a.test/", url])
    assert not are_plain([url])
    assert not are_plain([*map("http://a.test/{}".format, range(1000)), url])


@pytest.mark.parametrize("char", ["\ufeff", "\xa0", "\u200b", "\u202a"])
def test_an_invisible_beginning_is_named(char: str) -> None:
    with pytest.raises(DownloadError, match=rf"\(U\+{ord(char):04X}\); remove it\.$"):
        wire_url(f" {char}http://example.com/a.jpg")

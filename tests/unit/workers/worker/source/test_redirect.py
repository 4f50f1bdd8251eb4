"""A Location as browsers read it."""

import pytest
from hypothesis import given, strategies as st

from workers.contract.errors import DownloadError, Reason
from workers.contract.wire_url import MAX_URL_LENGTH, wire_url
from workers.worker.source.redirect import redirect_target

BASE = "http://a.test:8080/d/e?q=1"

FOLLOWED = [
    # absolute: its path goes out as it is
    ("https://b.test/x/../y//./%7e?", "https://b.test/x/../y//./%7e?"),
    ("HTTP://B.Test", "http://b.test"),
    ("http://b.test?x", "http://b.test?x"),
    ("//b.test/x/../y", "http://b.test/x/../y"),
    ("http:///image.jpg", "http://a.test:8080/image.jpg"),
    ("https:///b.test/x", "https://b.test/x"),
    ("http://b%2etest/", "http://b.test/"),
    ("http:image.jpg", "http://a.test:8080/d/image.jpg"),
    # relative
    ("/x", "http://a.test:8080/x"),
    ("x", "http://a.test:8080/d/x"),
    ("x/", "http://a.test:8080/d/x/"),
    ("./x/../b/./c", "http://a.test:8080/d/b/c"),
    ("../../../x", "http://a.test:8080/x"),
    ("/x/../y/.", "http://a.test:8080/y/"),
    ("..", "http://a.test:8080/"),
    ("/%2e%2e/x//y", "http://a.test:8080/%2e%2e/x//y"),
    ("?x=%2c", "http://a.test:8080/d/e?x=%2c"),
    ("?", "http://a.test:8080/d/e?"),
    ("#x", "http://a.test:8080/d/e?q=1"),
    ("x#/?y", "http://a.test:8080/d/x"),
    ("x?y=http://b.test/../", "http://a.test:8080/d/x?y=http://b.test/../"),
    # spaces, line breaks, backslashes
    (" \t/x y ", "http://a.test:8080/x%20y"),
    ("/x\r\n y", "http://a.test:8080/x%20y"),
    ("http://b.te\tst/x", "http://b.test/x"),
    ("\\x\\y?z\\", "http://a.test:8080/x/y?z\\"),
    ("\\\\b.test\\x", "http://b.test/x"),
    ("https:\\\\b.test\\x", "https://b.test/x"),
    ("http://b.test\\x/@c.test", "http://b.test/x/@c.test"),
    ("x//y\\@z", "http://a.test:8080/d/x//y/@z"),
    ("\\x\\@y", "http://a.test:8080/x/@y"),
    # bytes beyond ASCII
    ("/b\xc3\xbccher", "http://a.test:8080/b%C3%BCcher"),
    ("/b\xfccher", "http://a.test:8080/b%FCcher"),
    ("/\xff\xfe?\xc3\xbc\xfc", "http://a.test:8080/%FF%FE?%C3%BC%FC"),
    ("http://b\xc3\xbccher.test/", "http://xn--bcher-kva.test/"),
    ("http://xn--bcher-kva.test/", "http://xn--bcher-kva.test/"),
    ("http://\xf0\x9f\x98\x80.test:/\xfc", "http://xn--e28h.test/%FC"),
]

REFUSED = [
    ("", Reason.SOURCE_BAD_ANSWER),
    (" \t ", Reason.SOURCE_BAD_ANSWER),
    ("http://[::1/", Reason.SOURCE_BAD_ANSWER),
    ("http://b\xfccher.test/", Reason.URL_INVALID),
    ("http://b.test:0/", Reason.URL_INVALID),
    ("http://b%2ftest/", Reason.URL_INVALID),
    ("https:///", Reason.URL_INVALID),
    ("https:x", Reason.URL_INVALID),
    ("x:y", Reason.URL_SCHEME),
    ("file:///etc/passwd", Reason.URL_SCHEME),
    ("javascript:alert(1)", Reason.URL_SCHEME),
    ("http://me:secret@b.test/", Reason.URL_CREDENTIALS),
    ("//me@b.test/", Reason.URL_CREDENTIALS),
    ("http:\\\\me:secret@b.test/", Reason.URL_CREDENTIALS),
    ("http://b.test\\@c.test/", Reason.URL_CREDENTIALS),
    ("\\\\b.test\\x\\@c.test/", Reason.URL_CREDENTIALS),
    ("/" + "x" * MAX_URL_LENGTH, Reason.URL_TOO_LONG),
    ("//" + "\\" * 200_000, Reason.URL_TOO_LONG),  # in no time
]


@pytest.mark.parametrize(("location", "target"), FOLLOWED, ids=lambda value: ascii(value[:50]))
def test_leads_to(location: str, target: str) -> None:
    assert redirect_target(location, BASE) == target


@pytest.mark.parametrize(("location", "reason"), REFUSED, ids=lambda value: ascii(value[:50]))
def test_leads_nowhere(location: str, reason: Reason) -> None:
    with pytest.raises(DownloadError) as caught:
        redirect_target(location, BASE)

    assert caught.value.reason is reason
    assert caught.value.message.startswith("The source redirects ")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("base", "target"),
    [
        ("http://a.test", "http://a.test/x"),
        ("http://a.test?q", "http://a.test/x"),
        (" HTTP://BÜCHER.test/ü/y#z ", "http://xn--bcher-kva.test/%C3%BC/x"),
        ("http://a.test/d/?q=/e/f", "http://a.test/d/x"),
    ],
)
def test_is_relative_to_any_url_that_is_taken(base: str, target: str) -> None:
    assert redirect_target("x", base) == target


@given(
    st.text(bytes(range(256)).decode("latin-1"), max_size=60), st.sampled_from(["", "//", "http:"])
)
def test_ends_in_a_url_or_a_reason_for_any_bytes(location: str, beginning: str) -> None:
    try:
        target = redirect_target(beginning + location, BASE)
    except DownloadError:
        return

    assert wire_url(target) == target

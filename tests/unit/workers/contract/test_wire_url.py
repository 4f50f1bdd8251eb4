"""What goes out for a URL: its host as browsers read it, of the rest only what must change."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, strategies as st

from tests.characters import CHARACTERS
from workers.contract.errors import DownloadError
from workers.contract.wire_url import MAX_URL_LENGTH, origin_and_target, wire_url

AS_SUBMITTED = [
    "http://a.test",
    "http://a.test/",
    "http://a.test?",
    "http://a.test/?",
    "http://a.test/a?b?c",
    "http://a.test/summer%20sale%2050%.png",
    "http://a.test/%7e%7E%2c%2C%zz%",
    "http://a.test/a.png?sig=a%2cb%7E",
    "http://a.test//a/./b/../c//",
    "http://a.test/[1]|^`{}~'!$&()*+,;=:@",
    "http://a.test/?[1]|^`{}~'!$&()*+,;=:@/?",
    "http://a.test/?a\\b",
    "http://a.test:8080/",
    "http://a.test./",
    "http://my_name.a.test/",
    "http://-a-.test/",
    "http://xn--bcher-kva.test/",
    "http://xn--.test/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://[::1]:8080/",
]

CHANGED = [
    ("HTTP://A.Test/A?B", "http://a.test/A?B"),
    ("http://a.test/a#b", "http://a.test/a"),
    ("http://a.test#b", "http://a.test"),
    ("http://a.test/a?#b?c", "http://a.test/a?"),
    # around it, and broken by a mail program
    (" http://a.test/a \r\n", "http://a.test/a"),
    ("\0\x1f http://a.test \x00", "http://a.test"),
    ("http://a.test/a\r\n  b", "http://a.test/a%20%20b"),
    ("http://a.test/a\tb?c\nd", "http://a.test/ab?cd"),
    # what cannot be sent
    ("http://a.test/a b?c d", "http://a.test/a%20b?c%20d"),
    ('http://a.test/"<>?"<>', "http://a.test/%22%3C%3E?%22%3C%3E"),
    ("http://a.test/\0\x1f\x7f\x85", "http://a.test/%00%1F%7F%C2%85"),
    ("http://a.test/\xa0\u2028\u3000\ufeff", "http://a.test/%C2%A0%E2%80%A8%E3%80%80%EF%BB%BF"),
    ("http://a.test/ü%fc?ü=😀", "http://a.test/%C3%BC%fc?%C3%BC=%F0%9F%98%80"),
    ("http://a.test/u\u0308", "http://a.test/u%CC%88"),
    # a backslash behind the host
    ("http://a.test/a\\b?c\\d", "http://a.test/a/b?c\\d"),
    # ports
    ("http://a.test:/a", "http://a.test/a"),
    ("http://a.test:0080/a", "http://a.test:80/a"),
    ("http://a.test:" + "0" * 5000 + "8080/a", "http://a.test:8080/a"),
    # names
    ("http://BÜCHER.test/", "http://xn--bcher-kva.test/"),
    ("http://bu\u0308cher.test./", "http://xn--bcher-kva.test./"),
    ("http://faß.test/", "http://xn--fa-hia.test/"),
    ("http://😀.test/", "http://xn--e28h.test/"),
    ("http://☃.test:80/", "http://xn--n3h.test:80/"),
    ("http://my_bücher.test/", "http://xn--my_bcher-95a.test/"),
    ("http://例え。テスト/", "http://xn--r8jz45g.xn--zckzah/"),
    ("http://\uff45xample\uff0etest/", "http://example.test/"),
    ("http://①②⑦.⓪.⓪.①/", "http://127.0.0.1/"),
    ("http://0\u00ad.0.0.0/", "http://0.0.0.0/"),
    ("http://b%C3%BCcher%2Etest/", "http://xn--bcher-kva.test/"),
    ("http://127%2e0.0.%31/", "http://127.0.0.1/"),
    # the number of slashes
    ("http:/a.test/a", "http://a.test/a"),
    ("http:///a.test:80/a", "http://a.test:80/a"),
    # addresses
    ("http://[2001:DB8:0:0::1]/", "http://[2001:db8::1]/"),
]


@pytest.mark.parametrize("url", AS_SUBMITTED)
def test_goes_out_as_submitted(url: str) -> None:
    assert wire_url(url) == url


@pytest.mark.parametrize(("url", "sent"), CHANGED, ids=lambda value: ascii(value[:50]))
def test_changes_what_cannot_be_sent(url: str, sent: str) -> None:
    assert wire_url(url) == sent


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://a.test", "/"),
        ("http://a.test?b/c", "/?b/c"),
        ("https://a.test:8443/a/../b//?", "/a/../b//?"),
        ("http://[::1]/http://b.test/%7e", "/http://b.test/%7e"),
    ],
)
def test_the_target_of_the_request(url: str, target: str) -> None:
    assert origin_and_target(url)[1] == target


def test_the_length_counts_as_sent() -> None:
    most = (MAX_URL_LENGTH - len("http://a.test/")) // len("%C3%BC")

    assert len(wire_url("http://a.test/" + "ü" * most)) <= MAX_URL_LENGTH
    with pytest.raises(DownloadError) as caught:
        wire_url("http://a.test/" + "ü" * (most + 1))
    assert caught.value.reason == "url-too-long"


HOSTS = st.text(
    st.sampled_from("abAZ09-_.") | CHARACTERS, min_size=1, max_size=12
) | st.sampled_from(["[::1]", "[2001:DB8::0:1]", "127.1", "😀.test", "my_bücher。test"])
RESTS = st.text(st.sampled_from("/\\?#%.;:@[]|^ \t\r\n\"'<>{}") | st.characters(), max_size=30)
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["http://", "HTTPS://", " http://"]),
    HOSTS,
    st.sampled_from(["", ":", ":80", ":08443", "."]),
    st.sampled_from(["", "/", "?", "#"]),
    RESTS,
)


@example("http://a.test/%")
@given(URLS)
def test_what_is_taken_goes_out_as_one_plain_text(url: str) -> None:
    try:
        sent = wire_url(url)
    except DownloadError:
        return

    assert sent.isascii()
    assert sent.isprintable()
    assert not set(sent) & set(' "<>#')
    assert wire_url(sent) == sent
    # Another reader finds the same host, port and target.
    parts = urlsplit(sent)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port is None else f":{parts.port}"
    assert (
        sent == f"{parts.scheme}://{host}{port}{sent[len(parts.scheme) + 3 + len(parts.netloc) :]}"
    )
    assert origin_and_target(sent)[1].startswith("/")
    assert sent.endswith(origin_and_target(sent)[1].removeprefix("/"))


def test_a_long_name_is_refused_at_once() -> None:
    """Its encoding would take the square of its length."""
    with pytest.raises(DownloadError):
        wire_url("http://" + "".join(chr(0x4E00 + n % 20_000) for n in range(8_000)))

"""URLs that mean one thing to this parser and another to the next, or nothing at all."""

from typing import Any

import pytest

from workers.contract.errors import Reason

JPEG = b"\xff\xd8\xff\xe0" + bytes(5000)

SCHEMES = [
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "ftp://8.8.8.8/a.jpg",
    "gopher://8.8.8.8:6379/_FLUSHALL",
    "dict://8.8.8.8:11211/stats",
    "ldap://8.8.8.8/",
    "jar:http://8.8.8.8/a.jar!/a.jpg",
    "javascript:alert(1)",
    "view-source:http://8.8.8.8/",
    "//8.8.8.8/a.jpg",
    "8.8.8.8/a.jpg",
    "/etc/passwd",
]

CREDENTIALS = [
    "http://me@8.8.8.8/",
    "http://me:secret@8.8.8.8/",
    "http://@8.8.8.8/",
    "http://:@8.8.8.8/",
    "http://8.8.8.8@127.0.0.1/",
    "http://8.8.8.8:80@127.0.0.1:80/",
    "http://a@b@127.0.0.1/",
    "https://me:secret@[::1]/",
]

INVALID = [
    "",
    "http:",
    "http://",
    "http:///",
    "http:////8.8.8.8/",
    "http:8.8.8.8/",
    # what ends the host for one reader and not for the next
    "http://8.8.8.8\r\n/a",
    "http://8.8.8.8\tb/a",
    "http://8.8.8.8 b/a",
    "http://8.8.8.8/a\ud800b",
    "http://127.0.0.1\\@8.8.8.8/",
    "http:\\\\8.8.8.8\\a",
    "http://8.8.8.8\\.example/",
    # ports
    "http://8.8.8.8:0/",
    "http://8.8.8.8:-1/",
    "http://8.8.8.8:65536/",
    "http://8.8.8.8:99999999999999999999/",
    "http://8.8.8.8:0x50/",
    "http://8.8.8.8:80:80/",
    "http://8.8.8.8:http/",
    # hosts
    "http://[::1/",
    "http://::1/",
    "http://[127.0.0.1]/",
    "http://[v1.a]/",
    "http://[]/",
    "http://127%2f0%2e0%2e1/",
    "http://%25%33%31%32%37.0.0.1/",
    "http://8.8.8.8%00.example/",
    "http://a..example/",
    "http://.example/",
    "http://" + "a" * 64 + ".example/",
    "http://*.example/",
    "http://a,b.example/",
    "http://a'b.example/",
    "http://\u202e8.8.8.8/",
    "http://xn--.example\u3002\u3002/",
    "http://" + "ü" * 64 + ".example/",
]

TOO_LONG = [
    "http://8.8.8.8/" + "a" * 65_536,
    "http://8.8.8.8/?" + "a=1&" * 16_384,
    "http://" + "a." * 32_768 + "example/",
    "http://8.8.8.8/#" + "a" * 65_536,
    "http://8.8.8.8/" + "ü" * 8_192,
    "x" * 65_536,
]

ROWS = {
    f"{reason}: {url[:40]!a}": (url, reason)
    for urls, reason in (
        (SCHEMES, Reason.URL_SCHEME),
        (CREDENTIALS, Reason.URL_CREDENTIALS),
        (INVALID, Reason.URL_INVALID),
        (TOO_LONG, Reason.URL_TOO_LONG),
    )
    for url in urls
}


@pytest.mark.parametrize(("url", "reason"), ROWS.values(), ids=ROWS.keys())
def test_url(corpus: Any, url: str, reason: Reason) -> None:
    corpus.check(url, reason, dials=[])


READ = {
    "a space": ("/a b", "/a%20b"),
    "a line separator": ("/a\u2028b", "/a%E2%80%A8b"),
    "a zero byte": ("/a\0b", "/a%00b"),
    "DEL": ("/a\x7fb", "/a%7Fb"),
    "a control character beyond ASCII": ("/a\x85b", "/a%C2%85b"),
    "a header behind the path": ("/a\r\nX-Evil: 1", "/aX-Evil:%201"),
    "a request behind the path": ("/a\r\n\r\nGET /b HTTP/1.1", "/aGET%20/b%20HTTP/1.1"),
    "a line feed": ("/a\nb", "/ab"),
    "a tab": ("/a\tb", "/ab"),
    "a space at the end": ("/a ", "/a"),
    "escapes, a stray % and a bare ?": ("/%7e%2c50%.jpg?", "/%7e%2c50%.jpg?"),
    "dots": ("/a/../b/./c", "/a/../b/./c"),
}


# Other letters, digits and dots, for which browsers read the usual ones (UTS 46).
ADDRESSES = [
    "http://127\u30020\u30020\u30021/",
    "http://127\uff0e0\uff0e0\uff0e1/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "http://\uff11\uff12\uff17.0.0.1/",
    "http://169\uff61254\uff61169\uff61254/",
    "http://0\u00ad.0.0.0/",
    "http://127.0.0.1./",
    "http://127%2e0%2e0%2e1/",
    "http://%31%32%37.0.0.1/",
    "http://%EF%BC%91%32%37.0.0.1/",
    "http:/127.0.0.1/",
    "http:///127.0.0.1/",
]

# Names that no name server is asked for.
LOCAL = [
    "http://localhost/",
    "http://localhost./",
    "http://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/",
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_address_in_other_letters(corpus: Any, url: str) -> None:
    result = corpus.check(url, Reason.ADDRESS_NOT_ALLOWED, dials=[])

    assert result.asked == []


@pytest.mark.parametrize("url", LOCAL)
def test_localhost(corpus: Any, url: str) -> None:
    corpus.check(url, Reason.NAME_NOT_FOUND, dials=[])


@pytest.mark.parametrize(("path", "sent"), READ.values(), ids=READ.keys())
def test_what_cannot_be_sent_goes_out_encoded(corpus: Any, path: str, sent: str) -> None:
    answers = {sent: (b"HTTP/1.1 200 OK\r\nContent-Length: 5004\r\n\r\n" + JPEG, "keep")}

    corpus.check(f"{{source}}{path}", JPEG, answers=answers)


NAMES = {
    "an international name": (
        "http://\u043f\u0440\u0438\u043c\u0435\u0440.example/",
        "xn--e1afmkfd.example",
    ),
    "capitals": ("http://NAME.Example/", "name.example"),
    "a dot at its end": ("http://name.example./", "name.example"),
    "an underscore": ("http://my_name.example/", "my_name.example"),
    "an empty port": ("http://name.example:/", "name.example"),
    "a name with an address in it": ("http://127.0.0.1.nip.example/", "127.0.0.1.nip.example"),
    "a fragment with a host": ("http://name.example#@8.8.8.8/", "name.example"),
    "a query with a host": ("http://name.example?@8.8.8.8/", "name.example"),
}


@pytest.mark.parametrize(("url", "name"), NAMES.values(), ids=NAMES.keys())
def test_name_is_judged_by_what_it_resolves_to(corpus: Any, url: str, name: str) -> None:
    names = {name: [["10.0.0.1"]]}

    result = corpus.check(url, Reason.NAME_NOT_FOUND, names=names, dials=[])

    assert result.asked == [name]

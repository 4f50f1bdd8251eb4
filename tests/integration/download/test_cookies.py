"""Cookies of sources, within one download and no longer; and what a client sends along."""

import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from workers.worker.source.fetch import Downloader

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
IMAGE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(GIF), GIF)

Serve = Callable[..., Any]
MakeDownloader = Callable[..., Downloader]


def redirect(location: str, *cookies: str) -> bytes:
    fields = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
    head = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {location}\r\n{fields}\r\n"
    return head.encode()


def site(answers: Mapping[str, Callable[[], bytes]]) -> Callable[..., bool]:
    """Answers by path; with the image, where nothing else is said."""

    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        connection.sendall(answers.get(path, lambda: IMAGE)())
        return True

    return answer


def sent(source: Any, name: str = "cookie") -> dict[str, list[str]]:
    """The values of a header field, by the path of the request."""
    found = {}
    for path, head in zip(source.paths, source.heads, strict=True):
        fields = [line.partition(": ") for line in head.split("\r\n")[1:]]
        found[path] = [value for field, _, value in fields if field.lower() == name]
    return found


@pytest.mark.parametrize(
    ("cookie", "other_path", "other_name"),
    [
        pytest.param("a=1; Path=/", ["a=1"], [], id="of its host"),
        pytest.param("a=1; Path=/else", [], [], id="of another path"),
        pytest.param("a=1; Path=/; Domain=localhost", [], [], id="of another host"),
        pytest.param("a=1; Path=/; Max-Age=0", [], [], id="taken back"),
    ],
)
def test_cookies_go_back_to_their_site_by_the_usual_rules(
    serve: Serve,
    make_downloader: MakeDownloader,
    cookie: str,
    other_path: list[str],
    other_name: list[str],
) -> None:
    answers = {
        "/a": lambda: redirect("/b", cookie),
        "/b": lambda: redirect(f"http://localhost:{source.port}/c"),
        "/c": lambda: redirect(f"{source.url}/d"),
    }
    source = serve(site(answers))

    make_downloader().fetch(f"{source.url}/a").file.close()

    assert sent(source) == {"/a": [], "/b": other_path, "/c": other_name, "/d": other_path}


def test_cookies_are_gone_in_the_next_download(
    serve: Serve, make_downloader: MakeDownloader
) -> None:
    source = serve(site({"/a": lambda: redirect("/b", "a=1", "b=2")}))
    lane, another = (make_downloader() for _ in range(2))

    for path, downloader in (("/a", lane), ("/c", lane), ("/d", another)):
        downloader.fetch(source.url + path).file.close()

    got = sent(source)
    assert [sorted(got["/b"][0].split("; ")), got["/c"], got["/d"]] == [["a=1", "b=2"], [], []]
    assert source.connections == 1  # the lanes share it, but not what it has set


def test_a_clients_own_cookies_and_those_of_the_site_are_one_line(
    serve: Serve, make_downloader: MakeDownloader
) -> None:
    source = serve(site({"/a": lambda: redirect("/b", "seen=yes")}))
    downloader = make_downloader()
    headers = ((source.url, (("Cookie", "session=x%2c; theme=dark"), ("X-Key", "k"))),)

    downloader.fetch(f"{source.url}/a", headers).file.close()
    downloader.fetch(f"{source.url}/c").file.close()

    got = sent(source)
    assert got["/a"] == ["session=x%2c; theme=dark"]
    (line,) = got["/b"]
    assert sorted(line.split("; ")) == ["seen=yes", "session=x%2c", "theme=dark"]
    assert got["/c"] == []
    assert sent(source, "x-key") == {"/a": ["k"], "/b": ["k"], "/c": []}


def test_what_a_client_sends_along_stops_at_the_first_redirect_elsewhere(
    serve: Serve, make_downloader: MakeDownloader
) -> None:
    answers = {
        "/a": lambda: redirect("/b", "seen=yes"),
        "/b": lambda: redirect(f"http://localhost:{source.port}/c"),
        "/c": lambda: redirect(f"{source.url}/d"),
    }
    source = serve(site(answers))
    names = ("Authorization", "Cookie")
    headers = ((source.url, tuple((name, "secret=1") for name in names)),)

    make_downloader().fetch(f"{source.url}/a", headers).file.close()

    given = ["secret=1"]
    assert sent(source, "authorization") == {"/a": given, "/b": given, "/c": [], "/d": []}
    cookies = sent(source)
    assert (cookies["/a"], cookies["/c"]) == (given, [])
    # Back there, the site's own one alone.
    assert (len(cookies["/b"]), cookies["/d"]) == (1, ["seen=yes"])

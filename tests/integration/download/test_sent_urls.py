"""What libcurl makes of the URLs that it is given: nothing."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given

from tests.hostile.servers import Source
from tests.unit.workers.contract.test_wire_url import AS_SUBMITTED, CHANGED, URLS
from workers.contract.errors import DownloadError
from workers.contract.wire_url import origin_and_target, wire_url

pycurl = pytest.importorskip("pycurl")

Send = Callable[[str], tuple[str, str]]


@pytest.fixture(scope="module")
def send() -> Iterator[Send]:
    """Sends a request, wherever the URL leads to, to a server here; gives target and Host."""
    source = Source()
    curl = pycurl.Curl()
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.PATH_AS_IS, 1)
    curl.setopt(pycurl.CONNECT_TO, [f"::{source.address}:{source.port}"])
    curl.setopt(pycurl.WRITEFUNCTION, lambda _: None)

    def send_one(url: str) -> tuple[str, str]:
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.REQUEST_TARGET, origin_and_target(url)[1])
        curl.perform()
        line, host, *_ = source.requests[-1].decode("ascii").split("\r\n")
        return line.split(" ")[1], host.removeprefix("Host: ")

    yield send_one
    curl.close()
    source.close()


def host_field(url: str) -> str:
    """As clients write it: without the usual port, an IPv4 address with its four numbers."""
    name, colon, port = urlsplit(url).netloc.removesuffix(":80").partition(":")
    with suppress(OSError):
        name = socket.inet_ntoa(socket.inet_aton(name.removesuffix(".")))
    return name + colon + port


@pytest.mark.parametrize("url", [*AS_SUBMITTED, *(sent for _, sent in CHANGED)])
def test_it_is_sent_as_it_is(send: Send, url: str) -> None:
    assert send(url) == (origin_and_target(url)[1], host_field(url))


@pytest.mark.unmeasured
@given(URLS)
def test_whatever_is_taken_is_sent_as_it_is(send: Send, url: str) -> None:
    try:
        url = wire_url(url).replace("https:", "http:", 1)
    except DownloadError:
        return

    assert send(url) == (origin_and_target(url)[1], host_field(url))

"""Proxies connect to sources and to Imgur: SOURCE_PROXY and IMGUR_PROXY against real ones."""

import contextlib
import io
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.servers import RecordingImgur
from tests.proxies import Proxy, SocksProxy
from tests.running_service import Launch
from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import DownloadError, ImgurError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.outcomes import Done
from workers.contract.messages.round_trip import Lease
from workers.contract.webhook_policy import WebhookPolicy
from workers.state.token_store import TokenStore
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.client import ImgurClient
from workers.worker.source.fetch import Downloader
from workers.worker.webhook import WebhookSender

JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
IMAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
LINK = "https://i.imgur.com/abc.jpg"
STORED = json.dumps({"data": {"link": LINK, "deletehash": "d"}, "success": True}).encode()

NAME = "photos.example"  # resolves at the proxy only
LOGIN = "some-user:p@ss/w:rd"
SECRETS = ("some-user", "p@ss/w:rd", "p%40ss")

NAMES = {"inside.example": "10.0.0.1", "localhost": "127.0.0.1", "public.example": "8.8.8.8"}
"""What this machine resolves."""

Serve = Callable[..., Any]
MakeDownloader = Callable[..., Downloader]
OpenProxy = Callable[..., Proxy]


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def getaddrinfo(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs["flags"] = socket.AI_NUMERICHOST  # no other name is known, nor asked for
        return look_up(NAMES.get(host, host), port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def open_proxy() -> Iterator[OpenProxy]:
    with contextlib.ExitStack() as stack:

        def start(kind: type[Proxy], *arguments: Any, **more: Any) -> Proxy:
            return stack.enter_context(contextlib.closing(kind(*arguments, **more)))

        yield start


def sends(data: bytes) -> Callable[[socket.socket, str, threading.Event], bool]:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        connection.sendall(data)
        return True

    return answer


def failure(downloader: Downloader, url: str) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        downloader.fetch(url)
    return caught.value


def shows(error: BaseException | None) -> str:
    """All that a log could make of an error and of what it comes from."""
    texts = []
    while error is not None:
        texts.append(f"{error} {error!r} {vars(error)}")
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


# --- sources --------------------------------------------------------------------------------

KINDS = [
    pytest.param(Proxy, "", id="HTTP"),
    pytest.param(Proxy, LOGIN, id="HTTP with a login"),
    pytest.param(SocksProxy, "", id="SOCKS"),
    pytest.param(SocksProxy, LOGIN, id="SOCKS with a login"),
]


@pytest.mark.parametrize(("kind", "login"), KINDS)
def test_a_name_is_left_to_the_proxy(
    serve: Serve,
    make_downloader: MakeDownloader,
    open_proxy: OpenProxy,
    kind: type[Proxy],
    login: str,
) -> None:
    source = serve(sends(IMAGE))
    proxy = open_proxy(kind, {(NAME, 80): ("127.0.0.1", source.port)}, login)
    downloader = make_downloader(proxy=proxy.url, allowed_networks=())

    with downloader.fetch(f"http://{NAME}/a.jpg") as image:
        assert image.file.read() == JPEG

    assert proxy.asked == [(NAME, 80)]
    assert proxy.logins == [login]
    assert source.paths == ["/a.jpg"]
    assert not any(secret in source.heads[0] for secret in SECRETS)


@pytest.mark.parametrize(("kind", "login"), KINDS)
def test_tls_goes_through_a_tunnel(
    serve: Serve,
    make_downloader: MakeDownloader,
    open_proxy: OpenProxy,
    tls: Any,
    certificate: Path,
    *,
    kind: type[Proxy],
    login: str,
) -> None:
    answers = iter([MISSING, IMAGE])
    source = serve(lambda connection, *_: connection.sendall(next(answers)) or True, tls=tls)
    origin = ("127.0.0.1", source.port)
    proxy = open_proxy(kind, {origin: origin}, login)
    downloader = make_downloader(proxy=proxy.url, authorities=str(certificate))
    secret = ((source.url, (("Authorization", "Bearer secret"), ("Cookie", "secret=1"))),)

    # The status is the source's, not the proxy's answer to CONNECT.
    assert failure(downloader, f"{source.url}/a.jpg").reason is Reason.SOURCE_NOT_FOUND
    with downloader.fetch(f"{source.url}/b.jpg", secret) as image:
        assert image.file.read() == JPEG

    assert proxy.asked == [origin]
    assert proxy.logins == [login]
    # What is for the source is not for the proxy.
    assert "secret" in source.heads[1]
    assert "secret" not in "".join(proxy.heads)


def test_over_tls_to_the_proxy_itself(
    serve: Serve,
    make_downloader: MakeDownloader,
    open_proxy: OpenProxy,
    tls: Any,
    certificate: Path,
) -> None:
    source = serve(sends(IMAGE))
    proxy = open_proxy(Proxy, {(NAME, 80): ("127.0.0.1", source.port)}, LOGIN, tls)
    downloader = make_downloader(proxy=proxy.url, authorities=str(certificate))

    downloader.fetch(f"http://{NAME}/a.jpg").file.close()

    assert (proxy.asked, proxy.logins) == ([(NAME, 80)], [LOGIN])


def test_http_goes_in_the_absolute_form_as_it_was_submitted(
    serve: Serve, make_downloader: MakeDownloader, open_proxy: OpenProxy
) -> None:
    source = serve(sends(IMAGE))
    proxy = open_proxy(Proxy, {(NAME, 8080): ("127.0.0.1", source.port)})
    path = "/a%2cb/../%7e//50%.jpg?sig=a%2Cb%7E&c=%2f?"

    make_downloader(proxy=proxy.url).fetch(f"http://{NAME}:8080{path}").file.close()

    lines = proxy.heads[0].split("\r\n")
    assert lines[0] == f"GET http://{NAME}:8080{path} HTTP/1.1"
    assert f"Host: {NAME}:8080" in lines
    assert source.paths == [path]


@pytest.mark.parametrize("kind", [Proxy, SocksProxy])
def test_an_odd_head_is_mended_behind_a_proxy_too(
    serve: Serve, make_downloader: MakeDownloader, open_proxy: OpenProxy, kind: type[Proxy]
) -> None:
    source = serve(sends(IMAGE.replace(b"OK\r\n", b"OK\r\n<br />\r\n")))
    proxy = open_proxy(kind, {(NAME, 80): ("127.0.0.1", source.port)}, LOGIN)

    with make_downloader(proxy=proxy.url).fetch(f"http://{NAME}/a%2c.jpg") as image:
        assert image.file.read() == JPEG

    assert set(proxy.asked) == {(NAME, 80)}
    assert set(source.paths) == {"/a%2c.jpg"}


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", Reason.ADDRESS_NOT_ALLOWED),
        ("127.1", Reason.ADDRESS_NOT_ALLOWED),
        ("0x7f000001", Reason.ADDRESS_NOT_ALLOWED),
        ("2130706433", Reason.ADDRESS_NOT_ALLOWED),
        ("0177.0.0.1", Reason.ADDRESS_NOT_ALLOWED),
        ("127.0.0.1.", Reason.ADDRESS_NOT_ALLOWED),
        ("\uff11\uff12\uff17.0.0.1", Reason.ADDRESS_NOT_ALLOWED),
        ("[::1]", Reason.ADDRESS_NOT_ALLOWED),
        ("[::ffff:127.0.0.1]", Reason.ADDRESS_NOT_ALLOWED),
        ("[64:ff9b::7f00:1]", Reason.ADDRESS_NOT_ALLOWED),
        ("169.254.169.254", Reason.ADDRESS_NOT_ALLOWED),
        ("localhost", Reason.NAME_NOT_FOUND),
        ("inside.example", Reason.NAME_NOT_FOUND),
        ("public.example:25", Reason.PORT_NOT_ALLOWED),
    ],
)
@pytest.mark.parametrize("kind", [Proxy, SocksProxy])
def test_the_proxy_is_not_asked_for_what_is_inside(
    make_downloader: MakeDownloader,
    open_proxy: OpenProxy,
    kind: type[Proxy],
    host: str,
    reason: Reason,
) -> None:
    proxy = open_proxy(kind, {})
    downloader = make_downloader(proxy=proxy.url, allowed_networks=())

    for scheme in ("http", "https"):
        assert failure(downloader, f"{scheme}://{host}/a.jpg").reason is reason
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://127.0.0.1/secret", Reason.ADDRESS_NOT_ALLOWED),
        ("http://0x7f.1/secret", Reason.ADDRESS_NOT_ALLOWED),
        ("https://inside.example/secret", Reason.NAME_NOT_FOUND),
    ],
)
def test_a_redirect_inside_is_not_followed(
    serve: Serve,
    make_downloader: MakeDownloader,
    open_proxy: OpenProxy,
    target: str,
    reason: Reason,
) -> None:
    head = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {target}\r\n\r\n"
    source = serve(sends(head.encode()))
    proxy = open_proxy(Proxy, {("public.example", 80): ("127.0.0.1", source.port)})
    downloader = make_downloader(proxy=proxy.url, allowed_networks=())

    assert failure(downloader, "http://public.example/a").reason is reason
    assert proxy.asked == [("public.example", 80)]


# --- proxies that do not connect ------------------------------------------------------------

Failing = Callable[[OpenProxy], str]


def is_down(kind: type[Proxy]) -> Failing:
    def start(_: OpenProxy) -> str:
        proxy = kind({}, LOGIN)
        proxy.close()
        return proxy.url

    return start


def refuses(kind: type[Proxy]) -> Failing:
    return lambda open_proxy: open_proxy(kind, {}, LOGIN).url


def wants_another_login(kind: type[Proxy]) -> Failing:
    return lambda open_proxy: open_proxy(kind, {}, LOGIN).url.replace("w:rd", "other")


def is_silent(kind: type[Proxy]) -> Failing:
    return lambda open_proxy: open_proxy(_silent(kind), {}, LOGIN).url


def _silent(kind: type[Proxy]) -> type[Proxy]:
    class Silent(kind):  # type: ignore[misc, valid-type]
        def _serve(self, client: socket.socket, stream: Any) -> None:
            while stream.read(65536):
                pass

    return Silent


FAILING = [
    pytest.param(
        fails(kind), 0.5 if fails is is_silent else 30.0, id=f"{kind.scheme} {fails.__name__}"
    )
    for kind in (Proxy, SocksProxy)
    for fails in (is_down, refuses, wants_another_login, is_silent)
]


@pytest.mark.parametrize(("failing", "seconds"), FAILING)
def test_a_source_proxy_that_does_not_connect_is_named(
    make_downloader: MakeDownloader,
    open_proxy: OpenProxy,
    caplog: pytest.LogCaptureFixture,
    failing: Failing,
    seconds: float,
) -> None:
    caplog.set_level(logging.DEBUG)
    proxy = failing(open_proxy)
    error = failure(
        make_downloader(proxy=proxy, connect_seconds=seconds),
        f"https://{NAME}/a.jpg",
    )

    assert (error.reason, error.transient) == (Reason.CONNECT_FAILED, True)
    assert "The proxy (SOURCE_PROXY)" in error.message
    assert not any(secret in shows(error) + caplog.text for secret in SECRETS)
    # Where the proxy is does not concern who submits URLs.
    assert "127." not in error.message


@pytest.mark.parametrize("fails", [is_down, wants_another_login])
def test_a_proxy_that_does_not_forward_is_named(
    make_downloader: MakeDownloader, open_proxy: OpenProxy, fails: Callable[..., Failing]
) -> None:
    downloader = make_downloader(proxy=fails(Proxy)(open_proxy))
    error = failure(downloader, f"http://{NAME}/a.jpg")

    assert (error.reason, error.transient) == (Reason.CONNECT_FAILED, True)
    assert "The proxy (SOURCE_PROXY)" in error.message
    assert not any(secret in shows(error) for secret in SECRETS)


def test_a_bad_certificate_behind_a_proxy_is_the_sources(
    serve: Serve, make_downloader: MakeDownloader, open_proxy: OpenProxy, tls: Any
) -> None:
    source = serve(sends(IMAGE), tls=tls)
    origin = ("127.0.0.1", source.port)
    downloader = make_downloader(proxy=open_proxy(Proxy, {origin: origin}).url)

    assert failure(downloader, source.url).reason is Reason.TLS_FAILED


# --- Imgur, and webhooks --------------------------------------------------------------------


@pytest.fixture
def upload(transfers: TransferLoop, certificate: Path) -> Iterator[Callable[[str, str], str]]:
    """Upload an image to this API through this proxy; gives the link."""
    with contextlib.ExitStack() as stack:

        def run(api_url: str, proxy: str, connect_seconds: float = 10.0) -> str:
            access = ImgurAccess(
                api_url,
                "the-client-id",
                proxy=proxy,
                authorities=str(certificate),
                connect_seconds=connect_seconds,
            )
            client = ImgurClient(access, TokenStore(), transfers)
            stack.callback(client.close)
            return client.upload(io.BytesIO(JPEG), len(JPEG), "image/jpeg", "image.jpg").link

        yield run


@pytest.mark.parametrize(("kind", "login"), KINDS)
def test_an_upload_goes_through_the_proxy(
    serve: Serve,
    open_proxy: OpenProxy,
    tls: Any,
    upload: Callable[..., str],
    *,
    kind: type[Proxy],
    login: str,
) -> None:
    def answer(connection: socket.socket, path: str, stopping: threading.Event) -> bool:
        body = source.heads[-1].encode("latin-1")
        while not body.endswith(b"--\r\n"):
            body += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(STORED) + STORED)
        return True

    source = serve(answer, tls=tls)
    origin = ("127.0.0.1", source.port)
    proxy = open_proxy(kind, {origin: origin}, login)

    assert upload(source.url, proxy.url) == LINK

    assert (proxy.asked, proxy.logins) == ([origin], [login])
    assert source.paths == ["/3/image"]
    assert "the-client-id" in source.heads[0]
    assert "the-client-id" not in "".join(proxy.heads)


@pytest.mark.parametrize(("failing", "seconds"), FAILING)
def test_an_imgur_proxy_that_does_not_connect_is_named(
    open_proxy: OpenProxy,
    caplog: pytest.LogCaptureFixture,
    upload: Callable[..., str],
    failing: Failing,
    seconds: float,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ImgurError) as caught:
        upload("https://api.imgur.example", failing(open_proxy), seconds)

    assert caught.value.reason is Reason.IMGUR_UNREACHABLE
    assert caught.value.transient
    # Nothing has reached Imgur, so nothing can be stored twice.
    assert not caught.value.maybe_stored
    assert "The proxy (IMGUR_PROXY)" in caught.value.message
    assert not any(secret in shows(caught.value) + caplog.text for secret in SECRETS)


def test_a_webhook_goes_directly(
    serve: Serve, open_proxy: OpenProxy, transfers: TransferLoop
) -> None:
    target = serve(sends(b"HTTP/1.1 204 No Content\r\n\r\n"))
    proxy = open_proxy(Proxy, {})
    download = DownloadPolicy(proxy=proxy.url, allowed_networks=("127.0.0.0/8",))
    sender = WebhookSender(WebhookPolicy((b"k" * 24,)), download, transfers)

    with contextlib.closing(sender):
        assert sender.send(Lease(1, "the-job", 0, f"{target.url}/hook", 1, body=b"{}")) == Done(204)

    assert target.paths == ["/hook"]
    assert proxy.connections == 0


# --- the whole product ----------------------------------------------------------------------


def test_proxies_of_the_settings_are_used_and_those_of_the_environment_are_not(
    launch: Launch, open_proxy: OpenProxy, serve: Serve
) -> None:
    origin = serve(sends(IMAGE))
    with contextlib.closing(RecordingImgur()) as api:
        source = open_proxy(Proxy, _ToItself(), LOGIN)
        imgur = open_proxy(SocksProxy, _ToItself(), LOGIN)
        unwanted = open_proxy(Proxy, {})
        service = launch(
            HTTP_PROXY=unwanted.url,
            https_proxy=unwanted.url,
            ALL_PROXY=unwanted.url,
            SOURCE_PROXY=source.url,
            IMGUR_PROXY=imgur.url,
            SANDBOX="off",
            IMGUR_API_URL=api.url,
            IMGUR_CLIENT_ID="the-client-id",
            SOURCE_ALLOWED_NETWORKS="127.0.0.0/8",
            MAX_ATTEMPTS="1",
        ).wait_until_ready()

        job = service.upload_all([f"{origin.url}/a.jpg"])
        assert len(job["uploaded"]["complete"]) == 1
        assert (len(source.asked), len(imgur.asked), unwanted.connections) == (1, 1, 0)
        assert (source.logins, imgur.logins) == ([LOGIN], [LOGIN])

        source.close()
        failed = json.dumps(service.upload_all([f"{origin.url}/b.jpg"]))
        service.close()  # before the servers that it keeps connections to

    (event,) = service.events(
        "proxies of the environment have no effect; set SOURCE_PROXY and IMGUR_PROXY"
    )
    assert event["ignored"] == ["HTTP_PROXY", "https_proxy", "ALL_PROXY"]
    assert "The proxy (SOURCE_PROXY)" in failed
    assert not any(secret in failed + service.log_text for secret in SECRETS)


class _ToItself(dict[Any, Any]):
    """Routes of a proxy that connects to whatever it is asked for."""

    def __contains__(self, origin: object) -> bool:
        return True

    def __missing__(self, origin: Any) -> Any:
        return origin

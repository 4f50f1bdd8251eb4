"""Callback URLs come from strangers, as image URLs do: the same guard, and answers of any kind."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.hostile.servers import Answer, Source
from workers.contract.download_policy import DownloadPolicy
from workers.contract.messages.outcomes import Done, Failed, Outcome, RetryLater
from workers.contract.messages.round_trip import Lease
from workers.contract.webhook_policy import WebhookPolicy
from workers.worker.http.loop import TransferLoop
from workers.worker.webhook import WebhookSender

HASTY_SECONDS, PATIENT_SECONDS = 1.0, 60.0
OK = b"HTTP/1.1 200 OK\r\n"

Send = Callable[..., Outcome]


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    source = Source()
    yield source
    source.close()


@pytest.fixture
def send(source: Source, transfers: TransferLoop) -> Iterator[Send]:
    senders = []

    def send_to(url: str, policy: DownloadPolicy, seconds: float = PATIENT_SECONDS) -> Outcome:
        webhooks = WebhookPolicy((b"k" * 24,), seconds=seconds, connect_seconds=seconds)
        senders.append(WebhookSender(webhooks, policy, transfers))
        return senders[-1].send(Lease(1, "the-job", 0, url, 1, body=b"{}"))

    source.play({})
    yield send_to
    for sender in senders:
        sender.close()


@pytest.fixture
def tell(source: Source, send: Send) -> Callable[..., Outcome]:
    """Have the source answer like this, and be told; its network is let through."""

    def tell_it(answer: Answer, seconds: float = PATIENT_SECONDS) -> Outcome:
        source.play({"/hook": answer})
        allowed = DownloadPolicy(allowed_networks=("127.0.0.0/8",))
        return send(f"{source.url}/hook", allowed, seconds)

    return tell_it


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "100.64.0.1",
        "255.255.255.255",
    ],
)
def test_nothing_but_the_public_internet_is_told(source: Source, send: Send, host: str) -> None:
    # Also where the source of images on this machine, the sandbox, is let through.
    policy = DownloadPolicy(allowed_origins=(("127.0.0.1", source.port),))
    outcome = send(f"http://{host}:{source.port}/hook", policy)
    assert isinstance(outcome, Failed)
    # Some notations are no host at all, which one depends on the system's own reading.
    assert outcome.reason in {"address-not-allowed", "url-invalid"}
    assert source.requests == []
    assert "127." not in outcome.message


def test_a_name_that_leads_inside_is_told_like_one_that_does_not_exist(
    source: Source, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def look_up_here(host: str, *args: Any, **more: Any) -> Any:
        if host.endswith(".invalid"):  # no name server is asked
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    outcomes = [
        send(f"http://{host}:{source.port}/hook", DownloadPolicy())
        for host in ("localhost", "localhost.invalid")
    ]

    for outcome in outcomes:
        assert isinstance(outcome, RetryLater)
        assert outcome.reason == "name-not-found"
        assert "127." not in outcome.message
    assert source.requests == []


def test_a_public_address_on_a_port_of_something_else(send: Send) -> None:
    outcome = send("http://8.8.8.8:6379/", DownloadPolicy())
    assert isinstance(outcome, Failed)
    assert outcome.reason == "port-not-allowed"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    source: Source, tell: Callable[[Answer], Outcome], status: int
) -> None:
    head = b"HTTP/1.1 %d Moved\r\nLocation: {source}/good.gif\r\nContent-Length: 0\r\n\r\n"
    outcome = tell((head % status, "close"))
    assert isinstance(outcome, RetryLater)
    assert outcome.status == status
    assert [request.split(b" ")[:2] for request in source.requests] == [[b"POST", b"/hook"]]


@pytest.mark.parametrize(
    "answer",
    [
        (OK + b"Content-Length: 2\r\n\r\nok", "close"),
        (OK + b"\r\n", "flood", b"x" * 65536),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", "flood", b"5\r\nhello\r\n"),
        (OK + b"Content-Length: 999999999999\r\n\r\n", "drip", b"x"),
        (OK + b"Content-Length: 5\r\n\r\n", "stall"),
        (OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "close"),
    ],
    ids=["short", "endless", "endless-chunks", "drip", "stall", "not-gzip"],
)
def test_the_body_of_an_answer_is_nobodys_business(
    tell: Callable[[Answer], Outcome], answer: Answer
) -> None:
    assert tell(answer) == Done(200)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((b"", "stall"), "timeout"),
        ((OK, "stall"), "timeout"),
        ((OK, "drip", b"X-More: y\r\n"), "timeout"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", "drip", b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout"),
        ((OK, "flood", b"X-More: " + b"y" * 1000 + b"\r\n"), "bad-answer"),
        ((OK + b"X: ", "flood", b"y" * 65536), "bad-answer"),
        ((b"SSH-2.0-OpenSSH_9.6\r\n", "close"), "bad-answer"),
        ((b"", "close"), "connection-lost"),
        ((b"", "reset"), "connection-lost"),
        ((OK + b"X-Half", "close"), "connection-lost"),
    ],
    ids=[
        "silence",
        "half a head",
        "a head in drops",
        "interim answers in drops",
        "endless fields",
        "an endless line",
        "another protocol",
        "closed",
        "reset",
        "cut short",
    ],
)
def test_what_is_no_answer_is_tried_again(
    tell: Callable[..., Outcome], answer: Answer, reason: str
) -> None:
    outcome = tell(answer, HASTY_SECONDS if reason == "timeout" else PATIENT_SECONDS)
    assert isinstance(outcome, RetryLater)
    assert (outcome.reason, outcome.status) == (reason, None)


def test_nobody_there(send: Send, source: Source) -> None:
    with socket.socket() as bound:  # nobody else gets its port, and nobody listens
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        outcome = send(url, DownloadPolicy(allowed_networks=("127.0.0.1",)))
    assert isinstance(outcome, RetryLater)
    assert outcome.reason == "connect-failed"
    assert source.requests == []

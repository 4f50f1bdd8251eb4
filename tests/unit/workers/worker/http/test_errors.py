import socket
import threading
from typing import Any

import pytest
import requests

from workers.contract.errors import Reason
from workers.worker.http.errors import Fault, TransferError, download_error, in_words
from workers.worker.http.guard import AddressGuard

URL = "http://images.example/a.jpg"
GUARD = AddressGuard((), (80,))


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_sentence(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])

    error = download_error(TransferError(fault, "of this"), URL, GUARD)

    assert error.message.endswith(".")
    assert "images.example" in error.message or fault is Fault.URL


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ReadTimeout(), Reason.DOWNLOAD_TIMEOUT),
        (requests.ConnectTimeout(), Reason.DOWNLOAD_TIMEOUT),
        (requests.ConnectionError(), Reason.SOURCE_CUT_SHORT),
    ],
)
def test_errors_of_other_adapters(error: requests.RequestException, reason: Reason) -> None:
    assert download_error(error, URL, GUARD).reason is reason


def test_the_sentence_says_what_is_wrong_with_a_certificate() -> None:
    error = TransferError(Fault.CERTIFICATE, "certificate has expired")

    assert download_error(error, URL, GUARD).message == (
        "The certificate of images.example is not valid: certificate has expired."
    )


@pytest.mark.parametrize(
    ("answer", "reason", "transient"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), Reason.NAME_NOT_FOUND, False),
        (socket.gaierror(socket.EAI_NODATA, "x"), Reason.NAME_NOT_FOUND, False),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Reason.NAME_LOOKUP_FAILED, True),
        (socket.gaierror(socket.EAI_FAIL, "x"), Reason.NAME_LOOKUP_FAILED, True),
    ],
)
def test_whether_a_name_exists_is_asked_of_the_system(
    monkeypatch: pytest.MonkeyPatch, answer: OSError, reason: Reason, *, transient: bool
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> None:
        raise answer

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    error = download_error(TransferError(Fault.LOOKUP), URL, GUARD)

    assert (error.reason, error.transient) == (reason, transient)


def test_without_another_thread_nobody_knows_whether_a_name_exists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    error = download_error(TransferError(Fault.LOOKUP), URL, GUARD)
    assert (error.reason, error.transient) == (Reason.NAME_LOOKUP_FAILED, True)


def test_a_name_that_leads_inside_by_another_family_is_told_like_one_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a family that this machine has no route for, libcurl looks up no addresses."""
    addresses = [(socket.AF_INET6, socket.SOCK_STREAM, 0, "", ("fd00::1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

    error = download_error(TransferError(Fault.LOOKUP), URL, GUARD)

    assert error.reason is Reason.NAME_NOT_FOUND


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "SSL certificate problem: certificate has expired (10)",
            "certificate has expired",
        ),
        # Where the proxy is does not concern who submits URLs.
        (
            "Failed to connect to a:1 over proxy 10.0.0.1 after 1 ms: Could not connect to server",
            "Could not connect to server",
        ),
        ("Could not resolve proxy: proxy.internal", "Could not resolve proxy"),
        ("CONNECT tunnel failed, response 407", "CONNECT tunnel failed, response 407"),
    ],
)
def test_what_libcurl_says_in_words_for_others(text: str, words: str) -> None:
    assert in_words(text) == words

import socket
import threading
from typing import Any

import pytest

from workers.download.lookup import look_up


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "2130706433", "127.1", "::1"])
def test_address_needs_no_thread(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a thread for an address")

    monkeypatch.setattr(threading, "Thread", refuse)

    assert look_up(host, 80, 1.0)[0][4][:2] in [("127.0.0.1", 80), ("::1", 80)]


def test_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)

    assert look_up("name.example", 80, None) == answer


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "x"), UnicodeError("x")])
def test_no(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def getaddrinfo(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    with pytest.raises(type(error)) as caught:
        look_up("name.example", 80, 5.0)
    assert caught.value is error


def test_name_that_cannot_be_encoded() -> None:
    with pytest.raises(UnicodeError):
        look_up("a" * 64 + ".ü", 80, 5.0)


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    has_ended = threading.Event()

    def getaddrinfo(*args: Any, **kwargs: Any) -> list[Any]:
        is_over.wait()
        has_ended.set()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        with pytest.raises(TimeoutError):
            look_up("name.example", 80, 0.05)
    finally:
        is_over.set()
    assert has_ended.wait(30)

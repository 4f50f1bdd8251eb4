"""The sandbox's application without a network, and something that records what is written."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.answers import Answer, Performance
from sandbox.application import Application
from sandbox.http_message import Request, Response, parse_head

BOUNDARY = "a-boundary-of-the-tests"


class RecordingWire:
    """Takes what a performance writes; `most` bytes end it, as a client would that has enough."""

    def __init__(self, most: int = 50_000_000) -> None:
        self.data = b""
        self.was_reset = False
        self._most = most

    async def send(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > self._most:
            raise ConnectionResetError

    def reset(self) -> None:
        self.was_reset = True


class Client:
    """Asks an application directly."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def answer(
        self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        fields = {"Host": "sandbox.test:8001"} | (headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        request = parse_head(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        request.body = body
        return self.application.handle(request)

    def get(self, target: str, headers: dict[str, str] | None = None) -> Response:
        return finish(self.answer("GET", target, headers))

    def json(self, target: str) -> Any:
        return json.loads(self.get(target).body)

    def upload(
        self,
        image: bytes,
        *,
        path: str = "/3/image",
        headers: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> Answer:
        fields = {
            "Authorization": "Client-ID tests",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        return self.answer("POST", path, fields | (headers or {}), multipart(image, form or {}))


def multipart(image: bytes | None, form: dict[str, str]) -> bytes:
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in form.items()
    ]
    if image is not None:
        head = (
            b'Content-Disposition: form-data; name="image"; filename="image.bin"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n"
        )
        parts.append(head + image)
    start = f"--{BOUNDARY}\r\n".encode()
    return b"".join(start + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def finish(answer: Answer) -> Response:
    """The response of an answer that may be late."""
    if isinstance(answer, Response):
        return answer
    assert not isinstance(answer, Performance)
    prepare = answer.prepare

    async def wait() -> Response:
        return await prepare()

    return asyncio.run(wait())


def play(answer: Answer, most: int = 50_000_000) -> RecordingWire:
    """Let a performance write to a wire that takes `most` bytes."""
    assert isinstance(answer, Performance)
    performance = answer.play
    wire = RecordingWire(most)

    async def run() -> None:
        await performance(wire)

    with contextlib.suppress(ConnectionResetError):
        asyncio.run(run())
    return wire


@pytest.fixture
def now() -> list[float]:
    """The time that the application sees, in seconds since the epoch; change it in place."""
    return [1_700_000_000.0]


@pytest.fixture
def client(now: list[float]) -> Client:
    return Client(Application("http://own.test:8001", token_seconds=3600, clock=lambda: now[0]))


@pytest.fixture
def finished() -> Callable[[Answer], Response]:
    return finish


@pytest.fixture
def played() -> Callable[..., RecordingWire]:
    return play


@pytest.fixture
def form_body() -> Callable[[bytes | None, dict[str, str]], bytes]:
    return multipart


@pytest.fixture
def request_for() -> Callable[[str], Request]:
    """Make the request that a GET of the target is."""
    return lambda target: parse_head(f"GET {target} HTTP/1.1\r\n\r\n".encode("latin-1"))

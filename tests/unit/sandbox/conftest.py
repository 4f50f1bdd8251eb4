"""The sandbox's application behind a real socket, served by a thread of the test process."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from aiohttp import web

from sandbox.application import Application
from tests.clock import Clock

KEY = "key-of-the-tests"
PATIENCE_SECONDS = 60


class Client:
    """A client of the application at a port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers = {"Host": "sandbox.test:8001"}

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        more.setdefault("allow_redirects", False)
        url = f"http://127.0.0.1:{self.port}{path}"
        return self.http.request(method, url, timeout=PATIENCE_SECONDS, **more)

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return self.ask("GET", path, headers=headers)

    def upload(
        self,
        image: bytes,
        *,
        path: str = "/3/image",
        headers: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> requests.Response:
        headers = {"Authorization": "Client-ID tests"} | (headers or {})
        files = {"image": ("image.bin", image, "application/octet-stream")}
        return self.ask("POST", path, headers=headers, files=files, data=form)

    def uploads(self) -> dict[str, Any]:
        return self.get(f"/sandbox/uploads?key={KEY}").json()

    def forget_uploads(self) -> requests.Response:
        return self.ask("DELETE", f"/sandbox/uploads?key={KEY}")

    def raw(self, method: str, path: str, most: int = 50_000_000) -> bytes:
        """Return what is sent before the end of the connection, at most about `most` bytes.

        Raises:
            ConnectionResetError: the connection was reset.
        """
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS) as own:
            head = f"{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            own.sendall(head.encode())
            data = b""
            while len(data) < most and (piece := own.recv(1_000_000)):
                data += piece
        return data


def serve(application: web.Application, listener: socket.socket) -> Callable[[], None]:
    """Serve on a thread; returns a function that stops it."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(
        application, access_log=None, handler_cancellation=True, shutdown_timeout=0.0
    )

    def run() -> None:
        loop.run_until_complete(runner.setup())
        loop.run_until_complete(web.SockSite(runner, listener).start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, name="sandbox")
    thread.start()

    def stop() -> None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_SECONDS)

    return stop


@pytest.fixture
def clock() -> Clock:
    """The application's, in seconds since the epoch."""
    return Clock(1_700_000_000.0)


@pytest.fixture
def client(clock: Clock) -> Iterator[Client]:
    application = Application("http://own.test:8001", KEY, 3600, clock=clock)
    listener = socket.create_server(("127.0.0.1", 0))
    stop = serve(application.make_web(), listener)
    client = Client(listener.getsockname()[1])
    yield client
    client.http.close()
    stop()

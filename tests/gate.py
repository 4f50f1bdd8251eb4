"""A source of images that come when the test wants them: no test bets on how long work takes."""

import math
import threading

from tests.loopback_server import LoopbackHandler, LoopbackServer

ADDRESS = "127.0.0.9"
"""Of its own: a service lets this one through and still refuses the rest of loopback."""

ALLOWED = {"SOURCE_ALLOWED_NETWORKS": f"{ADDRESS}/32", "DOWNLOAD_SECONDS": "300"}
"""The settings of a service that is to ask here, and to wait for as long as a test may keep it."""


class Gate:
    """Redirects each request to the sandbox of a service, but keeps it until there is leave for it.

    Attributes:
        asked: requests that have come.
    """

    def __init__(self) -> None:
        self.asked = 0
        self._leaves = 0.0
        self._changed = threading.Condition()
        gate = self

        class Handler(LoopbackHandler):
            protocol_version = "HTTP/1.0"  # a connection each

            def get(self) -> None:
                gate._wait()
                self.answer(302, headers={"Location": self.path.partition("?")[2]})

        class Server(LoopbackServer):
            def handle_error(self, *_args: object) -> None:
                """Whoever has asked may be killed meanwhile."""

        self._server = Server(Handler, ADDRESS)

    def urls(self, sandbox: str, name: str, count: int) -> list[str]:
        """So many images, each told from all others by this name and its number."""
        names = [f"{name}-{n}.png" for n in range(count)]
        return [f"{self._server.url}/{image}?{sandbox}/images/numbered/{image}" for image in names]

    def let(self, count: float) -> None:
        """Let so many more requests go on, those that wait and those to come."""
        with self._changed:
            self._leaves += count
            self._changed.notify_all()

    def open(self) -> None:
        """Keep nothing any more."""
        self.let(math.inf)

    def close(self) -> None:
        self.open()
        self._server.close()

    def _wait(self) -> None:
        with self._changed:
            self.asked += 1
            number = self.asked  # who has asked first goes first, whichever thread wakes first
            self._changed.wait_for(lambda: self._leaves >= number)

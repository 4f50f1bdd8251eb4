"""A source of images that come when the test wants them: no test bets on how long work takes."""

import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "127.0.0.9"
"""Of its own: a service lets this one through and still refuses the rest of loopback."""

ALLOWED = {"SOURCE_ALLOWED_NETWORKS": f"{ADDRESS}/32"}
"""The setting of a service that is to ask here."""


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

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gate._wait()
                self.send_response(302)
                self.send_header("Location", self.path.partition("?")[2])
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

            def handle_error(self, *_args: object) -> None:
                """Whoever has asked may be killed meanwhile."""

        self._server = Server((ADDRESS, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def urls(self, sandbox: str, name: str, count: int) -> list[str]:
        """So many images, each told from all others by this name and its number."""
        here = f"http://{ADDRESS}:{self._server.server_port}"
        names = [f"{name}-{n}.png" for n in range(count)]
        return [f"{here}/{image}?{sandbox}/images/numbered/{image}" for image in names]

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
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _wait(self) -> None:
        with self._changed:
            self.asked += 1
            self._changed.wait_for(lambda: self._leaves >= 1)
            self._leaves -= 1

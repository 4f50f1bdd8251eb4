"""A source of pictures on loopback."""

import threading
from collections.abc import Callable

from tests.loopback_server import LoopbackHandler, LoopbackServer


class PictureSite(LoopbackServer):
    """Serves pictures.

    Args:
        content: the picture of a name, which is the path of a URL; called once at a time.
    """

    def __init__(self, content: Callable[[str], bytes]) -> None:
        self.content = content
        self.lock = threading.Lock()
        super().__init__(_Handler)


class _Handler(LoopbackHandler):
    server: PictureSite

    def get(self) -> None:
        with self.server.lock:
            body = self.server.content(self.path.partition("?")[0].removeprefix("/"))
        self.answer(200, body)

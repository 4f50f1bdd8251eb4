"""A stand-in for Imgur that takes images or refuses them all, as a test tells it; and the site
that the images come from.
"""

import itertools
import json
import struct
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.loopback_server import LoopbackHandler, LoopbackServer

MOVED_CLOCK: Final = Path(__file__).with_name("moved_clock")
JSON: Final = "application/json"
OVER_CAPACITY: Final = "Imgur is temporarily over capacity. Please try again later."


@dataclass(frozen=True)
class Refusal:
    """How all images are refused."""

    status: int
    sentence: str
    headers: tuple[tuple[str, str], ...] = ()


BLOCKED: Final = Refusal(403, OVER_CAPACITY)
FORBIDDEN: Final = Refusal(400, "These actions are forbidden.", (("CDN-Error", "yes"),))
BUSY: Final = Refusal(503, OVER_CAPACITY)
BAD_CLIENT: Final = Refusal(403, "Invalid client_id")


class MoodyImgur(LoopbackServer):
    """Counts what it is sent.

    Attributes:
        refusal: how it refuses what comes from now on; None takes it.
        turns: after so many images it refuses, like `then`.
        taken: the images that it took, by their number.
        refused: calls that it refused.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.lock = threading.Lock()
        self.refusal: Refusal | None = None
        self.turns: int | None = None
        self.then = BLOCKED
        self.taken: list[int] = []
        self.refused = 0
        self._numbers = itertools.count(1)

    @property
    def settings(self) -> dict[str, str]:
        """Of a service that uploads here."""
        return {
            "SANDBOX": "off",
            "IMGUR_CLIENT_ID": "x",
            "IMGUR_API_URL": self.url,
            "SOURCE_ALLOWED_NETWORKS": "127.0.0.1/32",
            "SOURCE_CONCURRENCY": "0",
            "ACCESS_LOG": "off",
        }

    def urls(self, count: int) -> list[str]:
        """Images, each different from all others."""
        return [f"{self.url}/{next(self._numbers)}.png" for _ in range(count)]

    def has_taken(self, count: int) -> bool:
        """Whether it took so many images."""
        return len(self.taken) >= count

    def judge(self, number: int) -> Refusal | None:
        """Take an image, or not."""
        with self.lock:
            if self.turns is not None and len(self.taken) >= self.turns:
                self.refusal, self.turns = self.then, None
            if self.refusal is None:
                self.taken.append(number)
            else:
                self.refused += 1
            return self.refusal


class _Handler(LoopbackHandler):
    server: MoodyImgur

    def get(self) -> None:
        if self.path.startswith("/3/"):
            self._tell(404, {"success": False, "status": 404})
            return
        number = int(self.path.strip("/").partition(".")[0])
        self.answer(200, _picture(number), {"Content-Type": "image/png"})

    def post(self) -> None:
        body = self.read_body()
        if self.path.startswith("/3/album") and self.server.refusal is None:
            self._tell(200, {"data": {"id": "a", "deletehash": "h"}, "success": True})
            return
        number = int(body.partition(b"number ")[2].partition(b"\0")[0] or 0)  # 0: an album
        refusal = self.server.judge(number)
        if refusal is None:
            data = {"link": f"{self.server.url}/{number}.png", "deletehash": f"d{number}"}
            self._tell(200, {"data": data, "success": True, "status": 200})
            return
        told = {"data": {"error": refusal.sentence}, "success": False, "status": refusal.status}
        self._tell(refusal.status, told, refusal.headers)

    def _tell(self, status: int, answer: object, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.answer(status, json.dumps(answer).encode(), dict(headers) | {"Content-Type": JSON})


def _picture(number: int) -> bytes:
    """A PNG of one pixel, with its number in a comment."""

    def chunk(name: bytes, data: bytes) -> bytes:
        sum_of = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", sum_of)

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    comment = b"Comment\0number %d\0" % number
    pixels = zlib.compress(b"\0\0")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            chunk(b"IHDR", header),
            chunk(b"tEXt", comment),
            chunk(b"IDAT", pixels),
            chunk(b"IEND", b""),
        )
    )


class MovedClock:
    """The clock of a service, see `tests/moved_clock`.

    Args:
        folder: for its file.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-ahead"
        self.seconds = 0.0
        self._write()

    @property
    def settings(self) -> dict[str, str]:
        return {"PYTHONPATH": str(MOVED_CLOCK), "CLOCK_AHEAD_FILE": str(self._file)}

    def advance(self, seconds: float) -> None:
        """So much time passes at once."""
        self.seconds += seconds
        self._write()

    def _write(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(self.seconds))
        fresh.replace(self._file)

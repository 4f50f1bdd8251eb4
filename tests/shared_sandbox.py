"""A sandbox of no service: services that upload to it start none, and it outlives them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import requests

from tests.waiting import PATIENCE_SECONDS

ADDRESS: Final = "127.0.0.8"
"""Of its own: a service lets this one through and still refuses the rest of loopback."""

ITS_OWN: Final = {"SANDBOX", "SANDBOX_PORT", "IMGUR_CLIENT_ID"}
"""Whoever sets one of these says where to upload to."""


class SharedSandbox:
    """Runs until it is closed.

    Attributes:
        origin: its URL.
        uploads_link: where it lists all uploads.
    """

    def __init__(self) -> None:
        where = ("--host", ADDRESS, "--port", "0", "--leave-with-stdin")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *where],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        links = json.loads(self._process.stdout.readline())
        self.origin: str = links["origin"]
        self.uploads_link: str = links["uploads"]

    def settings(self, environ: dict[str, str]) -> dict[str, str]:
        """Of a service that is to upload here, besides these of its own."""
        allowed = filter(None, (f"{ADDRESS}/32", environ.get("SOURCE_ALLOWED_NETWORKS")))
        here = {
            "IMGUR_CLIENT_ID": "x",
            "IMGUR_API_URL": self.origin,
            "IMGUR_UPLOADS_PER_DAY": "0",
            "IMGUR_UPLOADS_PER_HOUR": "0",
        }
        return here | environ | {"SOURCE_ALLOWED_NETWORKS": ",".join(allowed)}

    def forget(self) -> None:
        """Be as new: without uploads, albums and counts."""
        assert requests.delete(self.uploads_link, timeout=PATIENCE_SECONDS).ok

    def close(self) -> None:
        log, _ = self._process.communicate(timeout=PATIENCE_SECONDS)  # it ends with its input
        assert b"Traceback" not in log, log.decode()

"""A sandbox of no service: services that upload to it start none, and it outlives them."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import requests

from tests.waiting import PATIENCE_SECONDS

ADDRESS: Final = "127.0.0.8"
"""Of its own: a service lets this one through and still refuses the rest of loopback."""

ITS_OWN: Final = {"SANDBOX", "SANDBOX_HOST", "SANDBOX_PORT", "IMGUR_API_URL", "IMGUR_CLIENT_ID"}
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
            stdout=subprocess.PIPE,  # its log; what Python itself says is seen where tests say it
        )
        assert self._process.stdout is not None
        links = json.loads(self._process.stdout.readline())
        self._http = requests.Session()
        self._http.trust_env = False
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
        assert self._http.delete(self.uploads_link, timeout=PATIENCE_SECONDS).ok

    def close(self) -> None:
        self._http.close()
        with self._process, contextlib.ExitStack() as otherwise:
            otherwise.callback(self._process.kill)
            log, _ = self._process.communicate(timeout=PATIENCE_SECONDS)  # it ends with its input
            otherwise.pop_all()
        assert self._process.returncode == 0, log.decode()
        assert b"Traceback" not in log, log.decode()

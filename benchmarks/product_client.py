"""A client of the product's API that takes little CPU from what is measured."""

import datetime as dt
import http.client
import json
import time
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import urlsplit

_PATIENCE_SECONDS = 600.0
_SHORTEST_WAIT_SECONDS = 0.02
_JOBS = "/v1/images/upload"


class ProductClient:
    """One connection.

    Args:
        url: where the service is.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._host = urlsplit(url).netloc

    def __enter__(self) -> Self:
        self._http = http.client.HTTPConnection(self._host, timeout=60)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._http.close()

    def submit(self, urls: Sequence[str]) -> str:
        """Send a job; give its id."""
        return self.submit_body(job_body(urls))

    def submit_body(self, body: bytes) -> str:
        """Send a job whose body is made already."""
        answer = self._ask("POST", _JOBS, body)
        return str(json.loads(answer)["jobId"])

    def status(self, job: str, limit: int | None = None) -> bytes:
        """A job's status as it comes; `limit`: the most entries wanted of each list."""
        query = "" if limit is None else f"?limit={limit}"
        return self._ask("GET", f"{_JOBS}/{job}{query}")

    def can_limit(self, job: str) -> bool:
        """Whether the status of this job, of many URLs, is much shorter when asked so."""
        return 2 * len(self.status(job, limit=1)) < len(self.status(job))

    def wait_complete(self, job: str, count: int) -> float:
        """Wait for a job's end.

        The waits are long beside the answers, so that asking costs the service little.

        Returns:
            When it ended, by the service's own stamp, in seconds since the epoch.

        Raises:
            RuntimeError: a URL failed, or the end does not come within ten minutes.
        """
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            asked = time.monotonic()
            if b'"status":"complete"' in self.status(job, limit=1):
                break
            now = time.monotonic()
            if now > give_up:
                raise RuntimeError(f"job {job} of {count} URLs is not complete")
            time.sleep(max(_SHORTEST_WAIT_SECONDS, 10 * (now - asked)))
        status = json.loads(self.status(job))
        if len(status["uploaded"]["complete"]) != count:
            raise RuntimeError(f"failed: {status['uploaded']['failed'][:3]}")
        return dt.datetime.fromisoformat(status["finished"]).timestamp()

    def wait_until_ready(self, workers: int = 1) -> None:
        """Wait until /readyz says so; `workers`: how many there must be."""
        while True:
            self._http.request("GET", "/readyz")
            answer = self._http.getresponse()
            health = json.loads(answer.read())
            if answer.status == http.client.OK and health["workers_ready"] >= workers:
                return
            time.sleep(0.005)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        headers: dict[str, Any] = {} if body is None else {"Content-Type": "application/json"}
        self._http.request(method, path, body, headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status not in {http.client.OK, http.client.ACCEPTED}:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content


def job_body(urls: Sequence[str]) -> bytes:
    """The body of a POST."""
    return json.dumps({"urls": list(urls)}).encode()

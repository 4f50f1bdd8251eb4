"""One key's flood: a job of 16 MB every two seconds, each watched until it ends or is forgotten.

``python -m tests.soak.large_jobs URL KEY URLS`` posts until its standard input ends, waits for what
was accepted, and prints as JSON each request, and what became of the jobs.
"""

import http.client
import json
import sys
import threading
import time
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

from tests.soak.crowd import ADDRESS

BODY_BYTES = 16_000_000

_EVERY_SECONDS = 2.0
_LOOK_SECONDS = 0.5
_TIMEOUT_SECONDS = 60.0
_STALL_SECONDS = 120.0
_HOST = "http://10.0.0.1/"  # refused without a packet: a URL costs memory and its turn only
_QUOTES_AND_COMMA = 4


class LargeJobs:
    """Posts the same body again and again, and looks at the jobs it became.

    Args:
        url: of the service.
        key: the API key.
        count: URLs of a job; as long as makes a body of `BODY_BYTES`.

    Attributes:
        requests: when, with which status (0: no answer) and after how many seconds.
        ended: jobs whose URLs were all seen in a final state.
        wrong: sentences about answers that contradict what was posted.
        forgotten: jobs that were not found any more, before they were seen complete.
        open: jobs that are neither.
    """

    def __init__(self, url: str, key: str, count: int) -> None:
        self._netloc = urlsplit(url).netloc
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._count = count
        length = BODY_BYTES // count - _QUOTES_AND_COMMA
        urls = [f"{_HOST}{number}?".ljust(length, "x") for number in range(count)]
        self._body = json.dumps({"urls": urls}).encode()
        self._stopping = threading.Event()
        self.requests: list[tuple[float, int, float]] = []
        self.open: list[str] = []
        self.ended = 0
        self.forgotten = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Post until standard input ends, then wait for the jobs."""
        poster = threading.Thread(target=self._post_on, name="poster")
        watcher = threading.Thread(target=self._watch_on, name="watcher")
        poster.start()
        watcher.start()
        sys.stdin.read()
        self._stopping.set()
        poster.join()  # a last job may have been accepted meanwhile
        watcher.join()
        last_end = time.monotonic()
        while self.open and time.monotonic() - last_end < _STALL_SECONDS:
            if self._look():
                last_end = time.monotonic()
            time.sleep(_LOOK_SECONDS)

    def _post_on(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(due - time.monotonic()):
            began = time.monotonic()
            status, answer = self._ask("POST", "/v1/images/upload", self._body)
            self.requests.append((began, status, time.monotonic() - began))
            if status == http.client.ACCEPTED:
                self.open.append(answer["jobId"])
            due = max(due + _EVERY_SECONDS, time.monotonic())

    def _watch_on(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> bool:
        """Ask how the open jobs stand, all at once and without their URLs, so that watching is no
        load of its own; whether one of them is no longer open.
        """
        known = list(self.open)
        status, answer = self._ask("GET", "/v1/jobs?limit=1000")
        if status != http.client.OK:
            return False
        jobs = {job["id"]: job for job in answer["jobs"]}
        for job_id in known:
            job = jobs.get(job_id)
            if job is None:
                self.forgotten += 1
            elif job["status"] == "complete":
                self.ended += 1
                if job["counts"]["failed"] != self._count:
                    self.wrong.append(f"{job_id}: {job['counts']}")
            else:
                continue
            self.open.remove(job_id)
        return any(job_id not in self.open for job_id in known)

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(
            self._netloc, timeout=_TIMEOUT_SECONDS, source_address=(ADDRESS, 0)
        )
        with closing(connection):
            try:
                # A body may be refused before its end.
                with suppress(ConnectionError):
                    connection.request(method, path, body, self._headers)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except (OSError, http.client.HTTPException):
                return 0, None


def _main(url: str, key: str, count: str) -> None:
    jobs = LargeJobs(url, key, int(count))
    jobs.run()
    result = {"ended": jobs.ended, "forgotten": jobs.forgotten, "unended": len(jobs.open)}
    json.dump(result | {"wrong": jobs.wrong, "requests": jobs.requests}, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])

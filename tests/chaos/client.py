"""A client that sends jobs and reads all the time, and tells the checker what it is answered."""

import itertools
import threading
import time
from collections.abc import Sequence
from typing import Self

import requests

from tests.chaos.checker import Checker

_PAUSE_SECONDS = 0.01
_TIMEOUT_SECONDS = 20.0


class Client:
    """Reads from construction on, until it is closed.

    Args:
        url: where the service is.
        checker: is told each answer.
        rereads: whether complete jobs and all links are read again and again; not where jobs are
            forgotten after a while.
        api_key: sent with each request, if there is one.
        pause_seconds: between two reads: this client shares the machine with what it watches.

    Attributes:
        errors: reads that were not answered, or not with 200.
    """

    def __init__(
        self,
        url: str,
        checker: Checker,
        *,
        rereads: bool = True,
        api_key: str = "",
        pause_seconds: float = _PAUSE_SECONDS,
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._pause_seconds = pause_seconds
        self._rereads = rereads
        self._checker = checker
        self._lock = threading.Lock()
        self._open: list[str] = []
        self._done: list[str] = []
        self._stopping = threading.Event()
        self.errors: list[str] = []
        self._reader = threading.Thread(target=self._read_on, name="chaos-client", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def submit(self, urls: Sequence[str]) -> str:
        """Send a job; may be called from any thread."""
        with self._session() as http:
            answer = http.post(
                self._url + "/v1/images/upload", json={"urls": urls}, timeout=_TIMEOUT_SECONDS
            )
        assert answer.status_code == 202, answer.text
        job_id = str(answer.json()["jobId"])
        self.follow(job_id, urls)
        return job_id

    def follow(self, job_id: str, urls: Sequence[str]) -> None:
        """Read a job that was just accepted; may be called from any thread."""
        with self._lock:
            self._checker.accepted(job_id, urls, time.monotonic())
            self._open.append(job_id)

    def wait_until_done(self, stall_seconds: float = 30.0) -> bool:
        """Wait until every URL has ended; False when none has for so long."""
        began = time.monotonic()
        while True:
            with self._lock:
                if not self._checker.open_urls:
                    return True
                last = max(began, self._checker.last_end)
            if time.monotonic() - last > stall_seconds:
                return False
            time.sleep(self._pause_seconds)

    def close(self) -> None:
        """End the reading, then read everything once more."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._reader.join()
            with self._session() as http:
                self._read_all(http)

    # --- the reader's thread ----------------------------------------------------------------

    def _read_on(self) -> None:
        with self._session() as http:
            for turn in itertools.count():
                if self._stopping.is_set():
                    return
                with self._lock:
                    # One that is complete, too: it must stay as it is.
                    old = self._done[turn % len(self._done) :][:1] if self._done else []
                    jobs = [*self._open, *old]
                for job_id in jobs:
                    self._read_status(http, job_id)
                    self._stopping.wait(self._pause_seconds)
                if self._rereads:
                    self._read_images(http)
                self._stopping.wait(self._pause_seconds)

    def _read_all(self, http: requests.Session) -> None:
        for job_id in [*self._open, *self._done]:
            self._read_status(http, job_id)
        self._read_images(http)

    def _read_status(self, http: requests.Session, job_id: str) -> None:
        answer = self._get(http, f"/v1/images/upload/{job_id}")
        if answer is None:
            return
        with self._lock:
            if answer.status_code == requests.codes.not_found:
                self._checker.missing(job_id)
                return
            status = answer.json()
            self._checker.status(job_id, status, time.monotonic())
            if status["status"] == "complete" and job_id in self._open:
                self._open.remove(job_id)
                if self._rereads:
                    self._done.append(job_id)

    def _read_images(self, http: requests.Session) -> None:
        with self._lock:
            known = self._checker.known_links()
        answer = self._get(http, "/v1/images")
        if answer is not None:
            with self._lock:
                self._checker.images(answer.json()["uploaded"], known)

    def _get(self, http: requests.Session, path: str) -> requests.Response | None:
        for last_try in (False, True):
            try:
                answer = http.get(self._url + path, timeout=_TIMEOUT_SECONDS)
                break
            except requests.RequestException as error:
                # A kept connection may have been closed meanwhile; reading is asked again on a new
                # one (RFC 9110, section 9.2.2).
                if last_try:
                    self.errors.append(f"{path} {type(error).__name__}")
                    return None
        if answer.status_code in {requests.codes.ok, requests.codes.not_found}:
            return answer
        self.errors.append(f"{path} {answer.status_code}")
        return None

    def _session(self) -> requests.Session:
        http = requests.Session()
        http.trust_env = False
        if self._api_key:
            http.headers["X-API-Key"] = self._api_key
        return http

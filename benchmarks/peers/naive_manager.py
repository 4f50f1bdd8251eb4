"""The obvious shape: Queue, dict and Lock of a stock Manager, and a pool of worker processes."""

import multiprocessing
import time
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.front import Upload
from benchmarks.transfer import transfer

if TYPE_CHECKING:
    from queue import Queue

PROCESSES = 4
_JOB = "job"
_EVERY_SECONDS = 0.1  # the job is copied whole with each look at it

Jobs = MutableMapping[str, dict[str, list[str]]]


def work(messages: "Queue[Any]", jobs: Jobs, lock: AbstractContextManager[Any]) -> None:
    """Take a URL, do the work, rewrite the job."""
    while (message := messages.get()) is not None:
        url, sink = message
        try:
            link, kind = transfer(url, sink), "complete"
        except requests.RequestException:
            link, kind = url, "failed"
        with lock:
            job = jobs[_JOB]
            job["pending"].remove(url)
            job[kind].append(link)
            jobs[_JOB] = job


@contextmanager
def opened() -> Iterator[Upload]:
    with multiprocessing.Manager() as manager:
        messages, jobs, lock = manager.Queue(), manager.dict(), manager.Lock()
        workers = [
            multiprocessing.Process(target=work, args=(messages, jobs, lock))
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            worker.start()

        def upload_all(urls: Sequence[str], sink: str) -> None:
            jobs[_JOB] = {"pending": list(urls), "complete": [], "failed": []}
            for url in urls:
                messages.put((url, sink))
            while jobs[_JOB]["pending"]:
                time.sleep(_EVERY_SECONDS)
            if jobs[_JOB]["failed"]:
                raise RuntimeError(f"failed: {jobs[_JOB]['failed'][0]}")

        yield upload_all
        for _ in workers:
            messages.put(None)
        for worker in workers:
            worker.join()

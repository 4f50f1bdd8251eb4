"""Celery with Redis as broker and result backend."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from celery import Celery

from benchmarks.front import Upload
from benchmarks.peers.addresses import connect, redis_url
from benchmarks.peers.results import wait_for_results
from benchmarks.transfer import transfer

_QUEUE, _RESULTS = 0, 1

app = Celery("bench", broker=redis_url(_QUEUE), backend=redis_url(_RESULTS))
upload = app.task(transfer, name="upload")


@contextmanager
def opened() -> Iterator[Upload]:
    # A database of their own, so that their number is one call.
    with connect(_RESULTS) as results:

        def upload_all(urls: Sequence[str], sink: str) -> None:
            results.flushdb()
            queued = [upload.delay(url, sink) for url in urls]
            wait_for_results(len(urls), results.dbsize, lambda: queued[-1].get(timeout=10))

        yield upload_all

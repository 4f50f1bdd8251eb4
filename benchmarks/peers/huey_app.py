"""Huey with Redis."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from huey import RedisHuey

from benchmarks.front import Upload
from benchmarks.peers.addresses import redis_url
from benchmarks.peers.results import wait_for_results
from benchmarks.transfer import transfer

huey = RedisHuey("bench", url=redis_url(0))
upload = huey.task()(transfer)


@contextmanager
def opened() -> Iterator[Upload]:
    def upload_all(urls: Sequence[str], sink: str) -> None:
        huey.storage.flush_results()
        queued = [upload(url, sink) for url in urls]
        wait_for_results(
            len(urls), huey.result_count, lambda: queued[-1].get(blocking=True, timeout=10)
        )

    yield upload_all

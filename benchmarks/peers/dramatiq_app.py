"""Dramatiq with Redis as broker and result backend."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from benchmarks.front import Upload
from benchmarks.peers.addresses import connect, redis_url
from benchmarks.peers.results import wait_for_results
from benchmarks.transfer import transfer

_QUEUE, _RESULTS = 0, 1

broker = RedisBroker(url=redis_url(_QUEUE))
broker.add_middleware(Results(backend=RedisBackend(url=redis_url(_RESULTS))))
dramatiq.set_broker(broker)
upload = dramatiq.actor(store_results=True)(transfer)


@contextmanager
def opened() -> Iterator[Upload]:
    # A database of their own, so that their number is one call.
    with connect(_RESULTS) as results:

        def upload_all(urls: Sequence[str], sink: str) -> None:
            results.flushdb()
            queued = [upload.send(url, sink) for url in urls]
            wait_for_results(
                len(urls),
                results.dbsize,
                lambda: queued[-1].get_result(block=True, timeout=10_000),
            )

        yield upload_all

"""RQ with Redis."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rq import Queue

from benchmarks.front import Upload
from benchmarks.peers.addresses import connect
from benchmarks.peers.results import wait_for_results
from benchmarks.transfer import transfer

QUEUE = "bench"


@contextmanager
def opened() -> Iterator[Upload]:
    with connect(0) as connection:
        queue = Queue(QUEUE, connection=connection)
        ended = queue.finished_job_registry

        def upload_all(urls: Sequence[str], sink: str) -> None:
            connection.delete(ended.key)
            queued = queue.enqueue_many([Queue.prepare_data(transfer, (url, sink)) for url in urls])
            wait_for_results(
                len(urls), lambda: connection.zcard(ended.key), queued[-1].return_value
            )

        yield upload_all

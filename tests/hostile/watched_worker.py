"""A real worker process whose network is watched: started by the fixtures, never imported.

What is real: the worker's code from `run_worker` down, its mailbox, job table, lanes, downloads
and uploads. What is not: it has the mailbox in its own process; a connection outside loopback is
noted and refused; and names resolve to what the row says, by a name server of its own.

Orders come in and results go out as JSON, one a line.
"""

import ipaddress
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

import pycurl

from tests.hostile.name_server import NameServer
from tests.job_snapshot import ImageResult, snapshot_of
from workers.contract.backoff import Backoff
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.download_policy import DownloadPolicy, ImgurLimits
from workers.contract.imgur_access import ImgurAccess
from workers.contract.logs import LogConfig
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState
from workers.contract.messages.submission import Submission
from workers.contract.worker_config import WorkerConfig
from workers.runtime.local.worker_process import run_worker
from workers.state.jobs.job_table import JobTable
from workers.state.mailbox import Mailbox
from workers.state.token_store import TokenStore

WORKER_ID = "worker-1"
# A retry never comes round while the suite runs: the row is over when it has been announced.
NEVER = Backoff(base_seconds=100_000.0, cap_seconds=100_000.0)


class Watch:
    """Stands between the worker and the network.

    Attributes:
        dialled: the addresses connected to since the last row, as "address port".
    """

    def __init__(self) -> None:
        self.dialled: list[str] = []

    def install(self) -> None:
        watch = self

        class WatchedCurl(pycurl.Curl):
            """Notes each connection, also where the product has no say in it."""

            def __init__(self) -> None:
                super().__init__()
                self.setopt(
                    pycurl.OPENSOCKETFUNCTION, lambda _, where: socket.socket(*where[:3]).detach()
                )

            def setopt(self, option: int, value: Any) -> None:
                is_opening = option == pycurl.OPENSOCKETFUNCTION
                super().setopt(option, watch.over(value) if is_opening else value)

        pycurl.Curl = WatchedCurl  # type: ignore[misc]

    def over(self, open_socket: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def open_on_loopback(purpose: int, where: Any) -> int:
            descriptor = open_socket(purpose, where)
            if descriptor == pycurl.SOCKET_BAD:
                return descriptor
            host, port = where[3][:2]
            self.dialled.append(f"{host} {port}")
            if ipaddress.ip_address(host).is_loopback:
                return descriptor
            os.close(descriptor)
            return pycurl.SOCKET_BAD

        return open_on_loopback


def serve(
    watch: Watch,
    name_server: NameServer | None,
    mailbox: Mailbox,
    table: JobTable,
    results: TextIO,
) -> None:
    for number, line in enumerate(sys.stdin):
        order = json.loads(line)
        watch.dialled.clear()
        if name_server is not None:
            name_server.names = order["names"]
            name_server.asked.clear()
        start = time.monotonic()
        mailbox.put(Submission(str(number), (order["url"],)))
        while not is_over(image := result_of(table, str(number))):
            time.sleep(0.002)
        answer = {
            "link": image.link,
            "reason": image.reason,
            "message": image.message,
            "transient": image.state == ImageState.PENDING,
            "seconds": time.monotonic() - start,
            "dialled": watch.dialled,
            "asked": [] if name_server is None else name_server.asked,
        }
        print(json.dumps(answer), file=results, flush=True)
    mailbox.close()


def result_of(table: JobTable, job_id: str) -> ImageResult:
    snapshot = snapshot_of(table, job_id)
    assert snapshot is not None
    return next(snapshot.results())


def is_over(image: ImageResult) -> bool:
    return image.state != ImageState.PENDING or image.reason is not None


def main() -> None:
    order = json.loads(sys.stdin.readline())
    watch = Watch()
    watch.install()
    name_server = NameServer(order["name_server"]) if order["name_server"] else None
    table = JobTable()
    # Rows follow each other on the same hosts; what one answers must not hold up the next.
    mailbox = Mailbox(table, MailboxLimits(source_concurrency=0))
    mailbox.register(WORKER_ID)
    policy = DownloadPolicy(
        deadline_seconds=order["deadline_seconds"],
        connect_seconds=order["connect_seconds"],
        max_image_bytes=10_000_000,  # a flood has passed it long before the deadline
        authorities=order["authority"],
        allowed_origins=tuple((address, port) for address, port in order["origins"]),
        imgur=ImgurLimits(order["imgur_bytes"], order["imgur_bytes"]),
    )
    config = WorkerConfig(
        lanes=1,
        max_attempts=2,
        download=policy,
        imgur=ImgurAccess(api_url=order["imgur"], client_id="hostile"),
        backoff=NEVER,
        logs=LogConfig(level="INFO"),
        conversion=ConversionPolicy(enabled=order["convert"], seconds=100.0),
    )
    results = os.fdopen(order["results"], "w", encoding="utf-8")
    arguments = (watch, name_server, mailbox, table, results)
    threading.Thread(target=serve, args=arguments, daemon=True).start()
    run_worker(config, WORKER_ID, mailbox, TokenStore())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

"""A real worker process whose network is watched: started by the fixtures, never imported.

What is real: the worker's code from `run_worker` down, its mailbox, job table, lanes, downloads
and uploads. What is not: it has the mailbox in its own process; a connection outside loopback is
noted and refused; and names resolve to what the row says.

Orders come in and results go out as JSON, one a line.
"""

import ipaddress
import json
import os
import socket
import sys
import threading
import time
from typing import Any, TextIO

import certifi

from tests.job_snapshot import ImageResult, snapshot_of
from workers.backoff import Backoff
from workers.download import DownloadPolicy
from workers.imgur import ImgurAccess
from workers.imgur.auth import TokenStore
from workers.job_table import JobTable
from workers.logs import LogConfig
from workers.mailbox import Mailbox
from workers.messages import ImageState, Submission
from workers.queueing.mailbox_limits import MailboxLimits
from workers.worker import WorkerConfig, run_worker

WORKER_ID = "worker-1"
# A retry never comes round while the suite runs: the row is over when it has been announced.
NEVER = Backoff(base_seconds=100_000.0, cap_seconds=100_000.0)


class Watch:
    """Stands between the worker and the network.

    Attributes:
        dialled: the addresses connected to since the last row, as "address port".
        asked: the names looked up since then.
        names: what they resolve to: each lookup takes the next list of addresses, and the last
            one stays. An entry that is text is an error.
    """

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self.asked: list[str] = []
        self.names: dict[str, list[Any]] = {}
        self._connect = socket.socket.connect
        self._getaddrinfo = socket.getaddrinfo

    def install(self, *, resolve: bool) -> None:
        watch = self

        def connect(sock: socket.socket, address: Any) -> None:
            watch.dialled.append(f"{address[0]} {address[1]}")
            if not ipaddress.ip_address(address[0]).is_loopback:
                raise OSError(113, "No route to host")
            watch._connect(sock, address)

        socket.socket.connect = connect  # type: ignore[assignment,method-assign]
        if not resolve:
            socket.getaddrinfo = self.look_up  # type: ignore[assignment]

    def look_up(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        try:
            numeric = kwargs | {"flags": socket.AI_NUMERICHOST}
            return self._getaddrinfo(host, port, *args, **numeric)
        except socket.gaierror:
            self.asked.append(host)
        answers = self.names.get(host, ["EAI_NONAME"])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, str):
            raise socket.gaierror(getattr(socket, answer), answer)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answer
        ]


def serve(watch: Watch, mailbox: Mailbox, table: JobTable, results: TextIO) -> None:
    for number, line in enumerate(sys.stdin):
        order = json.loads(line)
        watch.names = order["names"]
        watch.dialled, watch.asked = [], []
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
            "asked": watch.asked,
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
    watch.install(resolve=order["resolve"])
    if order["authority"]:
        certifi.where = lambda: order["authority"]
    table = JobTable()
    # Rows follow each other on the same hosts; what one answers must not hold up the next.
    mailbox = Mailbox(table, MailboxLimits(source_concurrency=0))
    mailbox.register(WORKER_ID)
    policy = DownloadPolicy(
        deadline_seconds=order["deadline_seconds"],
        connect_seconds=order["connect_seconds"],
        allowed_origins=tuple((address, port) for address, port in order["origins"]),
    )
    config = WorkerConfig(
        lanes=1,
        max_attempts=2,
        download=policy,
        imgur=ImgurAccess(api_url=order["imgur"], client_id="hostile"),
        backoff=NEVER,
        logs=LogConfig(level="INFO"),
    )
    results = os.fdopen(order["results"], "w", encoding="utf-8")
    threading.Thread(target=serve, args=(watch, mailbox, table, results), daemon=True).start()
    run_worker(config, WORKER_ID, mailbox, TokenStore())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

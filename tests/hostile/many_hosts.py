"""Fetches a list of URLs in many lanes of one process: started by a test, never imported."""

import json
import sys
import threading
from queue import Empty, SimpleQueue
from typing import Any

from tests.hostile.name_server import NameServer
from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import DownloadError
from workers.worker.http.loop import TransferLoop
from workers.worker.source.fetch import Downloader


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    NameServer(order["name_server"]).names = order["names"]
    policy = DownloadPolicy(
        deadline_seconds=100.0,
        connect_seconds=60.0,
        authorities=order["authority"],
        allowed_networks=("127.0.0.0/8",),
    )
    urls: SimpleQueue[str] = SimpleQueue()
    for url in order["urls"]:
        urls.put(url)
    failures: list[str] = []
    transfers = TransferLoop()

    def lane() -> None:
        downloader = Downloader(policy, transfers)
        while True:
            try:
                downloader.fetch(urls.get_nowait()).file.close()
            except Empty:
                break
            except DownloadError as error:
                failures.append(error.message)
        downloader.close()

    lanes = [threading.Thread(target=lane) for _ in range(order["lanes"])]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    transfers.close()
    sys.stdout.write(json.dumps(failures))


if __name__ == "__main__":
    main()

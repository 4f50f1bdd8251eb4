"""Fetches from many names without an answer, and then one image: started by a test."""

import os
import sys
import threading
from contextlib import suppress

from tests.hostile.name_server import NameServer, _name
from tests.hostile.servers import GOOD_PATH, Source
from tests.waiting import wait_until
from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import DownloadError
from workers.worker.http.loop import TransferLoop
from workers.worker.source.fetch import Downloader

LIBCURLS_NAMES = 10  # at once: 20 threads, one for each family of addresses


class SelectiveNameServer(NameServer):
    """Answers for `names` only."""

    def _serve_datagrams(self) -> None:
        while True:
            query, sender = self._udp.recvfrom(4096)
            answer = self._answer(query, is_new=True)
            if _name(query) in self.names:
                self._udp.sendto(answer, sender)


def main() -> None:
    name_server = SelectiveNameServer(sys.argv[1])
    name_server.names = {"known.example": [["127.0.0.1"]]}
    source, transfers = Source(), TransferLoop()
    networks = ("127.0.0.0/8",)

    def wait(number: int) -> None:
        policy = DownloadPolicy(deadline_seconds=60.0, connect_seconds=60.0)
        with suppress(DownloadError):
            Downloader(policy, transfers).fetch(f"http://silent{number}.example/")

    for number in range(4 * LIBCURLS_NAMES):
        threading.Thread(target=wait, args=(number,), daemon=True).start()
    wait_until(lambda: len(set(name_server.asked)) >= LIBCURLS_NAMES)
    policy = DownloadPolicy(deadline_seconds=30.0, connect_seconds=20.0, allowed_networks=networks)
    try:
        Downloader(policy, transfers).fetch(f"http://known.example:{source.port}{GOOD_PATH}")
    except DownloadError as error:
        sys.stdout.write(error.message)
    sys.stdout.flush()
    os._exit(0)  # the lookups cannot be interrupted


if __name__ == "__main__":
    main()

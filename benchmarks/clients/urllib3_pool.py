"""One urllib3 pool manager, one image after the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import urllib3

from benchmarks.front import Upload


@contextmanager
def opened() -> Iterator[Upload]:
    with urllib3.PoolManager() as pool:

        def upload_all(urls: Sequence[str], sink: str) -> None:
            for url in urls:
                image = pool.request("GET", url).data
                answer = pool.request(
                    "POST",
                    sink,
                    headers={"Authorization": "Client-ID bench"},
                    fields={"image": ("image.jpg", image, "image/jpeg")},
                )
                answer.json()["data"]["link"]

        yield upload_all

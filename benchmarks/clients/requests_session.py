"""The bare loop: one `requests.Session`, `get` and `post`, one image after the other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.front import Upload
from benchmarks.transfer import transfer


@contextmanager
def opened() -> Iterator[Upload]:
    def upload_all(urls: Sequence[str], sink: str) -> None:
        for url in urls:
            transfer(url, sink)

    yield upload_all

import hashlib
from contextlib import closing

import pytest

from tests.mocked_source import MockedSource
from workers.contract.download_policy import DownloadPolicy
from workers.worker.http.loop import TransferLoop
from workers.worker.source.fetch import Downloader

URL = "https://images.example/a.jpg"
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


@pytest.mark.parametrize("memory_bytes", [1_000_000, 10], ids=["in memory", "in a file"])
@pytest.mark.parametrize("with_digest", [True, False], ids=["on", "off"])
def test_an_image_is_named_by_its_bytes_where_that_is_wanted(
    memory_bytes: int, transfers: TransferLoop, *, with_digest: bool
) -> None:
    policy = DownloadPolicy(memory_bytes=memory_bytes, with_digest=with_digest)
    with closing(Downloader(policy, transfers)) as downloader:
        source = MockedSource(downloader)
        source.register_uri("GET", URL, content=JPEG, headers={"Content-Length": str(len(JPEG))})

        with downloader.fetch(URL) as image:
            assert image.digest == (hashlib.sha256(JPEG).digest() if with_digest else None)
            assert image.file.read() == JPEG

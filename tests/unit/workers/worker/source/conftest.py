from collections.abc import Iterator
from contextlib import closing

import pytest
import requests_mock

from tests.dialled import note_dialled
from tests.mocked_source import MockedSource
from workers.contract.download_policy import DownloadPolicy
from workers.worker.http.loop import TransferLoop
from workers.worker.source.fetch import Downloader


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return note_dialled(monkeypatch)


@pytest.fixture
def downloader(transfers: TransferLoop) -> Iterator[Downloader]:
    with closing(Downloader(DownloadPolicy(max_image_bytes=10_000), transfers)) as downloader:
        yield downloader


@pytest.fixture
def source(downloader: Downloader) -> requests_mock.Adapter:
    return MockedSource(downloader)

import ipaddress
import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pycurl
import pytest
import requests_mock

from workers.download import Downloader, DownloadPolicy
from workers.transfer.handle import Handle
from workers.transfer.loop import TransferLoop


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a test connected to; those outside loopback are never reached."""
    addresses: list[str] = []
    open_socket = Handle.open_socket

    def open_on_loopback(handle: Handle, purpose: int, address: Any) -> int:
        descriptor: int = open_socket(handle, purpose, address)
        if descriptor == pycurl.SOCKET_BAD:
            return descriptor
        addresses.append(address[3][0])
        if not ipaddress.ip_address(address[3][0]).is_loopback:
            os.close(descriptor)
            return pycurl.SOCKET_BAD
        return descriptor

    monkeypatch.setattr(Handle, "open_socket", open_on_loopback)
    return addresses


@pytest.fixture
def downloader(transfers: TransferLoop) -> Iterator[Downloader]:
    with closing(Downloader(DownloadPolicy(max_image_bytes=10_000), transfers)) as downloader:
        yield downloader


@pytest.fixture
def source(downloader: Downloader) -> requests_mock.Adapter:
    """Takes the place of the network below the downloader's session."""
    adapter = requests_mock.Adapter()
    downloader._session.mount("http://", adapter)
    downloader._session.mount("https://", adapter)
    return adapter

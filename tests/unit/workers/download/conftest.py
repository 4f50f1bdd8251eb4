import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests_mock

from workers.download import Downloader, DownloadPolicy
from workers.transfer.line import Watchdog


@pytest.fixture(autouse=True)
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a test connected to; those outside loopback are never reached."""
    addresses: list[str] = []
    connect = socket.socket.connect

    def connect_to_loopback(sock: socket.socket, address: Any) -> None:
        addresses.append(address[0])
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise OSError(113, "No route to host")
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect_to_loopback)
    return addresses


@pytest.fixture
def downloader() -> Iterator[Downloader]:
    watchdog = Watchdog()
    downloader = Downloader(DownloadPolicy(max_image_bytes=10_000), watchdog)
    yield downloader
    downloader.close()
    watchdog.close()


@pytest.fixture
def source(downloader: Downloader) -> requests_mock.Adapter:
    """Takes the place of the network below the downloader's session."""
    adapter = requests_mock.Adapter()
    downloader._session.mount("http://", adapter)
    downloader._session.mount("https://", adapter)
    return adapter

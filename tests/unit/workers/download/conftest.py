import ipaddress
import socket
from typing import Any

import pytest


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

"""Where transfers of a test connect to."""

import ipaddress
import os
from typing import Any

import pycurl
import pytest

from workers.worker.http.transfer import Transfer


def note_dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the test connects to from now on; none outside loopback is reached."""
    addresses: list[str] = []
    open_socket = Transfer.open_socket

    def open_on_loopback(transfer: Transfer, purpose: int, address: Any) -> int:
        descriptor: int = open_socket(transfer, purpose, address)
        if descriptor == pycurl.SOCKET_BAD:
            return descriptor
        addresses.append(address[3][0])
        if not ipaddress.ip_address(address[3][0]).is_loopback:
            os.close(descriptor)
            return pycurl.SOCKET_BAD
        return descriptor

    monkeypatch.setattr(Transfer, "open_socket", open_on_loopback)
    return addresses

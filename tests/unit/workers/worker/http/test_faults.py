import socket
from typing import Any

import pytest
import requests

from workers.contract.errors import Reason
from workers.worker.http import faults
from workers.worker.http.errors import Fault, TransferError
from workers.worker.http.faults import download_error


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_sentence(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_may_exist", lambda _: True)

    error = download_error(TransferError(fault, "of this"), "images.example")

    assert error.message.endswith(".")
    assert "images.example" in error.message or fault is Fault.URL


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ReadTimeout(), Reason.DOWNLOAD_TIMEOUT),
        (requests.ConnectTimeout(), Reason.DOWNLOAD_TIMEOUT),
        (requests.ConnectionError(), Reason.SOURCE_CUT_SHORT),
    ],
)
def test_errors_of_other_adapters(error: requests.RequestException, reason: Reason) -> None:
    assert download_error(error, "images.example").reason is reason


def test_the_sentence_says_what_is_wrong_with_a_certificate() -> None:
    error = TransferError(Fault.CERTIFICATE, "certificate has expired")

    assert download_error(error, "images.example").message == (
        "The certificate of images.example is not valid: certificate has expired."
    )


@pytest.mark.parametrize(
    ("answer", "reason", "transient"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), Reason.NAME_NOT_FOUND, False),
        (socket.gaierror(socket.EAI_NODATA, "x"), Reason.NAME_NOT_FOUND, False),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Reason.NAME_LOOKUP_FAILED, True),
        (socket.gaierror(socket.EAI_FAIL, "x"), Reason.NAME_LOOKUP_FAILED, True),
    ],
)
def test_whether_a_name_exists_is_asked_of_the_system(
    monkeypatch: pytest.MonkeyPatch, answer: OSError, reason: Reason, *, transient: bool
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> None:
        raise answer

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    error = download_error(TransferError(Fault.LOOKUP), "images.example")

    assert (error.reason, error.transient) == (reason, transient)

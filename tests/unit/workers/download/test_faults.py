import ssl
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected

import pytest
import requests
from urllib3.exceptions import InvalidHeader, MaxRetryError, ProtocolError, ReadTimeoutError
from urllib3.exceptions import SSLError as PoolTlsError

from workers.download.faults import fault_of
from workers.errors import Reason


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    return error


def wrapped(cause: Exception) -> Exception:
    """The way urllib3 and requests wrap what happens while a request is sent."""
    return requests.ConnectionError(ProtocolError("Connection aborted.", cause))


def wrapped_tls(cause: ssl.SSLError) -> Exception:
    return requests.exceptions.SSLError(raised_from(PoolTlsError(cause)))


def raised_from(cause: Exception) -> Exception:
    error = MaxRetryError(None, "/", cause)  # type: ignore[arg-type]
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason", "transient"),
    [
        (wrapped(RemoteDisconnected()), Reason.SOURCE_CUT_SHORT, True),
        (wrapped(ConnectionResetError(104, "reset")), Reason.SOURCE_CUT_SHORT, True),
        (wrapped(OSError(113, "No route to host")), Reason.SOURCE_CUT_SHORT, True),
        (wrapped(BadStatusLine("nonsense")), Reason.SOURCE_BAD_ANSWER, False),
        (wrapped(LineTooLong("header line")), Reason.SOURCE_BAD_ANSWER, False),
        (ProtocolError("broken", IncompleteRead(b"")), Reason.SOURCE_CUT_SHORT, True),
        (requests.exceptions.InvalidHeader(InvalidHeader()), Reason.SOURCE_BAD_ANSWER, False),
        (requests.exceptions.InvalidURL("no host"), Reason.URL_INVALID, False),
        (requests.ReadTimeout(), Reason.DOWNLOAD_TIMEOUT, True),
        (ReadTimeoutError(None, "/", ""), Reason.DOWNLOAD_TIMEOUT, True),  # type: ignore[arg-type]
        (wrapped_tls(certificate_error()), Reason.TLS_FAILED, False),
        (wrapped_tls(ssl.SSLError(1, "handshake failure")), Reason.TLS_FAILED, False),
        (wrapped_tls(ssl.SSLEOFError(8, "EOF")), Reason.SOURCE_CUT_SHORT, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_reason(error: Exception, reason: Reason, *, transient: bool) -> None:
    fault = fault_of(error, "images.example")

    assert fault.reason is reason
    assert fault.transient is transient


def test_the_sentence_says_what_is_wrong_with_a_certificate() -> None:
    message = fault_of(wrapped_tls(certificate_error()), "images.example").message

    assert message == "The certificate of images.example is not valid: certificate has expired."


def test_exceptions_that_hold_each_other() -> None:
    one, two = ProtocolError("one"), ProtocolError("two")
    one.args, two.args = (two,), (one,)

    assert fault_of(one, "images.example").reason is Reason.SOURCE_BAD_ANSWER

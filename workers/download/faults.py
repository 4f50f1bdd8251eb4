"""What the HTTP libraries' exceptions mean for a download."""

import ssl
from collections.abc import Iterator
from http.client import IncompleteRead, RemoteDisconnected

from requests.exceptions import InvalidURL
from requests.exceptions import Timeout as RequestTimeout
from urllib3.exceptions import TimeoutError as PoolTimeout

from workers.download.guard import shown
from workers.errors import DownloadError, Reason


def fault_of(error: Exception, host: str) -> DownloadError:
    """The download error that an exception of requests or urllib3 stands for.

    Args:
        error: what was raised.
        host: whom the transfer was with.
    """
    source = shown(host)
    causes = tuple(_causes(error))
    for cause in causes:
        match cause:
            case InvalidURL():
                return DownloadError(Reason.URL_INVALID, "The URL cannot be sent to a server.")
            case RequestTimeout() | PoolTimeout():
                return timed_out(f"{source} stopped sending")
            case ssl.SSLError():
                return _tls_fault(cause, source)
            # A broken connection, in the words of http.client and of the system.
            case IncompleteRead() | RemoteDisconnected() | OSError(errno=int()):
                return cut_short(source)
    return bad_answer(f"What {source} answered is not valid HTTP.")


def timed_out(what: str) -> DownloadError:
    return DownloadError(
        Reason.DOWNLOAD_TIMEOUT, f"The download took too long: {what}.", transient=True
    )


def cut_short(source: str) -> DownloadError:
    return DownloadError(
        Reason.SOURCE_CUT_SHORT,
        f"{source} closed the connection before the image was complete.",
        transient=True,
    )


def bad_answer(message: str) -> DownloadError:
    return DownloadError(Reason.SOURCE_BAD_ANSWER, message)


def _tls_fault(error: ssl.SSLError, source: str) -> DownloadError:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return DownloadError(Reason.TLS_FAILED, f"The certificate of {source} is not valid: {why}.")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return cut_short(source)
    # Only errors that come from OpenSSL itself have a reason.
    why = (getattr(error, "reason", None) or "unknown error").replace("_", " ").lower()
    return DownloadError(
        Reason.TLS_FAILED, f"No secure connection with {source} could be set up: {why}."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exceptions wrapped in each other, from the outermost to what happened first."""
    todo: list[BaseException] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        # The libraries hand the inner exception on as an argument, or raise from it.
        todo += [inner for inner in (*one.args, one.__cause__) if isinstance(inner, BaseException)]

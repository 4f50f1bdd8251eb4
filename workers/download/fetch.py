"""Fetching one image: each hop checked, bytes counted while they come, all within a deadline."""

import socket
from typing import Any
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, Response
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri
from urllib3.exceptions import HTTPError

from workers.download import faults, statuses
from workers.download.body import Download, Intake
from workers.download.guard import AddressGuard
from workers.download.policy import DownloadPolicy
from workers.download.source_headers import SourceHeaders
from workers.download.url import check_url
from workers.errors import DownloadError, Reason
from workers.jobs.job_options import HeadersByOrigin
from workers.transfer.byte_budget import ByteBudget
from workers.transfer.line import Line, TransferTimeoutError, Watchdog
from workers.transfer.transport import open_session

# The body of a redirect or an error is of no use. A short one is read away, which keeps the
# connection usable; a connection with more to come is closed.
_SHORT_BODY_BYTES = 16 * 1024

_OK = 200

# One set for all requests; nothing below changes it. Sources that can choose between formats
# are asked for one that Imgur takes. Coded answers are declined: a few KB could unpack to GBs.
_HEADERS: CaseInsensitiveDict[str] = CaseInsensitiveDict(
    {
        "User-Agent": "imgup/0.1",
        "Accept": "image/jpeg, image/png, image/gif, image/tiff, image/bmp,"
        " image/*;q=0.5, */*;q=0.1",
        "Accept-Encoding": "identity",
    }
)


class Downloader:
    """Fetches one image at a time; a lane has its own.

    Connections are kept for the next image of the same host. Cookies are not kept, and what a
    client wants sent along stays with its origin, so a redirect from https to http is followed: it
    reveals no more than the http URL would have by itself.

    Args:
        policy: the limits.
        watchdog: cuts the transfer at its deadline.
        budget: the memory that the lanes of a worker share for images; one of its own by default.
    """

    def __init__(
        self, policy: DownloadPolicy, watchdog: Watchdog, budget: ByteBudget | None = None
    ) -> None:
        self._policy = policy
        if budget is None:
            budget = ByteBudget(policy.held_bytes)
        self._intake = Intake(policy, budget)
        self._watchdog = watchdog
        self._guard = AddressGuard(
            policy.allowed_networks, policy.allowed_ports, policy.allowed_origins
        )
        self._line = Line(self._dial)
        self._session = open_session(self._line)
        self._has_dialled = False
        watchdog.watch(self._line)

    def close(self) -> None:
        self._watchdog.forget(self._line)
        self._session.close()

    def fetch(self, url: str, headers: HeadersByOrigin = ()) -> Download:
        """Download the image at `url`.

        Args:
            url: where to begin.
            headers: to be sent along; see `SourceHeaders`.

        Raises:
            DownloadError: there is none that could be uploaded, or not now.
        """
        check_url(url)
        image: Download | None = None
        try:
            with self._line.within(self._policy.deadline_seconds):
                image = self._follow(url, SourceHeaders(headers, url))
        except TransferTimeoutError as error:
            if image is not None:
                image.file.close()
            seconds = self._policy.deadline_seconds
            raise faults.timed_out(f"it was not complete after {seconds:g} seconds") from error
        return image

    def _follow(self, url: str, headers: SourceHeaders) -> Download:
        for _ in range(self._policy.max_redirects + 1):
            response = self._request(url, headers)
            try:
                if response.status_code not in statuses.REDIRECTS:
                    return self._receive(response, url)
                _finish_short_body(response.raw)
            except HTTPError as error:
                raise faults.fault_of(error, _host(url)) from error
            finally:
                # Closes the connection, unless the whole answer has been read.
                response.raw.close()
            url = _redirect_target(response, url)
        raise DownloadError(
            Reason.TOO_MANY_REDIRECTS,
            f"The source redirects more than {self._policy.max_redirects} times.",
        )

    def _dial(self, host: str, port: int, timeout: float | None) -> socket.socket:
        self._has_dialled = True
        return self._guard.dial(host, port, timeout)

    def _request(self, url: str, headers: SourceHeaders) -> Response:
        self._has_dialled = False
        try:
            return self._send(url, headers)
        except DownloadError as error:
            # A source may close a kept connection at any time, also while the next request is
            # on its way; that is no failure, and a GET may be sent again (RFC 9110, 9.2.2).
            if self._has_dialled or error.reason is not Reason.SOURCE_CUT_SHORT:
                raise
        return self._send(url, headers)

    def _send(self, url: str, headers: SourceHeaders) -> Response:
        request = PreparedRequest()
        request.method = "GET"
        further = headers.at(url)
        request.headers = _HEADERS
        if further:
            request.headers = CaseInsensitiveDict({**_HEADERS, **dict(further)})
        remaining = self._line.remaining()
        try:
            request.prepare_url(url, None)
            # The adapter is called without the session around it: Session.send reads the whole
            # body of a redirect (psf/requests#1952), and keeps cookies.
            return self._session.get_adapter(url).send(
                request,
                stream=True,
                timeout=(min(self._policy.connect_seconds, remaining), remaining),
                verify=self._session.verify or True,
            )
        except (RequestException, HTTPError) as error:
            raise faults.fault_of(error, _host(url)) from error

    def _receive(self, response: Response, url: str) -> Download:
        raw = response.raw
        if response.status_code != _OK:
            _finish_short_body(raw)
            raise statuses.error_for(response.status_code, response.headers)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise DownloadError(
                Reason.ENCODING_UNSUPPORTED,
                "The source sent the image compressed, though it was asked not to.",
            )
        return self._intake.take(raw, _host(url))


def _finish_short_body(raw: Any) -> None:  # noqa: ANN401 - urllib3's response, or a stand-in
    if raw.length_remaining is not None and raw.length_remaining <= _SHORT_BODY_BYTES:
        raw.read(raw.length_remaining)


def _redirect_target(response: Response, url: str) -> str:
    location = response.headers.get("Location", "").strip()
    if not location:
        raise faults.bad_answer("The source redirects without saying where to.")
    try:
        # Header bytes arrive as Latin-1 (RFC 9110, section 5.5); most servers mean UTF-8.
        location = location.encode("latin-1").decode("utf-8", "replace")
        target = urljoin(url, requote_uri(location))
        check_url(target)
    except (ValueError, RequestException) as error:
        raise faults.bad_answer("The source redirects to something that is no URL.") from error
    except DownloadError as error:
        raise DownloadError(
            error.reason, f"The source redirects to a URL that cannot be used. {error.message}"
        ) from error
    return target


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the source"

"""Downloads one image: checks each hop, limits the bytes, keeps a deadline."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from requests import PreparedRequest, Response
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict

from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import DownloadError, Reason
from workers.contract.job_options import HeadersByOrigin
from workers.contract.wire_url import wire_url
from workers.worker.http import statuses
from workers.worker.http.adapter import CurlAdapter
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.http.errors import Fault, TransferError, download_error
from workers.worker.http.guard import AddressGuard
from workers.worker.http.head import Head
from workers.worker.http.loop import TransferLoop
from workers.worker.http.options import Body, TransferOptions
from workers.worker.source.body import Download, ImageBody, UnwantedBody
from workers.worker.source.page import Page, image_of
from workers.worker.source.redirect import redirect_target
from workers.worker.source.share_links import direct_link
from workers.worker.source.source_headers import SourceHeaders

_PROXY_LOGIN = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED

# Sources with several formats are asked for one that Imgur accepts. Content codings are declined,
# as decoding is wasted work.
_HEADERS = {
    "Accept": "image/jpeg, image/png, image/gif, image/tiff, image/bmp, image/*;q=0.5, */*;q=0.1",
    "Accept-Encoding": "identity",
}


class Downloader:
    """Downloads one image at a time; each lane has its own downloader.

    Cookies of a source are sent back during the same download only. A client's headers are sent to
    their origin only, so a redirect from https to http is followed: it discloses no more than the
    http URL itself.

    Args:
        policy: the limits.
        transfers: performs the transfers.
        budget: memory for images that a worker's lanes share; None for one of its own.
    """

    def __init__(
        self, policy: DownloadPolicy, transfers: TransferLoop, budget: ByteBudget | None = None
    ) -> None:
        self._policy = policy
        self._headers = CaseInsensitiveDict({"User-Agent": policy.user_agent, **_HEADERS})
        self._budget = budget or ByteBudget(policy.held_bytes)
        self._guard = AddressGuard(
            policy.allowed_networks,
            policy.allowed_ports,
            policy.allowed_origins,
            policy.refused_networks,
        )
        guard = None if policy.proxy else self._guard.check
        options = TransferOptions(
            self._open_body, guard, policy.proxy, policy.authorities, keeps_cookies=True
        )
        self._adapter = CurlAdapter(transfers, options)
        # Of the download in hand:
        self._converts = False
        self._takes_pages = False  # a page may come in place of the image

    def close(self) -> None:
        self._adapter.close()

    def fetch(
        self,
        url: str,
        headers: HeadersByOrigin = (),
        *,
        resolve_pages: bool | None = None,
        converts: bool = False,
    ) -> Download:
        """Download the image at `url`, or that of the page there.

        Args:
            url: where to begin.
            headers: of the client; see `SourceHeaders`.
            resolve_pages: whether it may be a page; None: as the policy says.
            converts: see `ImageBody`.

        Raises:
            DownloadError: there is none that could be uploaded, or not now.
        """
        deadline = time.monotonic() + self._policy.deadline_seconds
        self._adapter.forget_cookies()
        self._converts = converts
        self._takes_pages = self._policy.resolve_pages if resolve_pages is None else resolve_pages
        sent = SourceHeaders(headers, url)
        wire = wire_url(url)
        fragment = url.partition("#")[2].strip()
        resolved_to = direct_link(wire, fragment) if self._takes_pages else None
        try:
            found, at = self._follow(wire_url(resolved_to or wire), sent, deadline)
            if isinstance(found, Page):
                self._takes_pages = False
                resolved_to = image_of(found, at)
                found, _ = self._follow(resolved_to, sent, deadline)
        except DownloadError as error:
            error.resolved_to = resolved_to
            raise
        assert isinstance(found, Download)  # noqa: S101 - a page comes only where pages are taken
        return found if resolved_to is None else replace(found, resolved_to=resolved_to)

    def take(self, pieces: Iterable[bytes], *, converts: bool = False) -> Download:
        """Take in an image that is here already, piece by piece: one of a data URL.

        Raises:
            DownloadError: it is none that could be uploaded.
        """
        body = ImageBody(
            self._policy, self._budget, None, origin="The data URL holds", converts=converts
        )
        try:
            for piece in pieces:
                body.write(piece)
        except BaseException:
            body.discard()
            raise
        found = body.finish()
        assert isinstance(found, Download)  # noqa: S101 - as above
        return found

    def _follow(
        self, url: str, headers: SourceHeaders, deadline: float
    ) -> tuple[Download | Page, str]:
        """What redirects lead to, and where it is."""
        for _ in range(self._policy.max_redirects + 1):
            response = self._send(url, headers, deadline)
            if response.status_code not in statuses.REDIRECTS:
                return self._receive(response), url
            url = redirect_target(response.headers.get("Location", ""), url)
            if statuses.is_placeholder(url):
                raise DownloadError(
                    Reason.SOURCE_NOT_FOUND,
                    "The source no longer has the image: it redirects to its placeholder for "
                    "removed ones.",
                )
        raise DownloadError(
            Reason.TOO_MANY_REDIRECTS,
            f"The source redirects more than {self._policy.max_redirects} times.",
        )

    def _send(self, url: str, headers: SourceHeaders, deadline: float) -> Response:
        request = PreparedRequest()
        request.method, request.url = "GET", url
        further = headers.at(url)
        request.headers = (
            CaseInsensitiveDict({**self._headers, **dict(further)}) if further else self._headers
        )
        if self._policy.proxy:
            with suppress(OSError, UnicodeError):  # a name that the proxy may know
                self._guard.check_host(url)
        left = deadline - time.monotonic()
        try:
            # Without a session, which would read the whole body of a redirect (psf/requests#1952).
            response = self._adapter.send(
                request, timeout=(min(self._policy.connect_seconds, left), left)
            )
            if self._policy.proxy and response.status_code == _PROXY_LOGIN:
                raise TransferError(Fault.PROXY, "it wants a login")
        except RequestException as error:
            raise download_error(error, url, self._guard) from error
        return response

    def _open_body(self, head: Head) -> Body:
        if not statuses.is_image(head.status, head.fields):
            is_http = head.status != HTTPStatus.SWITCHING_PROTOCOLS
            return UnwantedBody(head.length() if is_http else None)
        return ImageBody(
            self._policy,
            self._budget,
            head.length(),
            head.fields.get("Content-Encoding", ""),
            converts=self._converts,
            page_type=head.fields.get("Content-Type", "") if self._takes_pages else None,
        )

    def _receive(self, response: Response) -> Download | Page:
        if not statuses.is_image(response.status_code, response.headers):
            raise statuses.error_for(response.status_code, response.headers)
        body: Any = response.raw
        found: Download | Page = body.finish()  # see `_open_body`
        return found

"""Fetching one image: each hop checked, bytes counted while they come, all within a deadline."""

import hashlib
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import urljoin, urlsplit

from requests import PreparedRequest, Response
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri
from urllib3.exceptions import HTTPError

from workers.byte_budget import ByteBudget, HeldBytes
from workers.download import faults, statuses
from workers.download.dimensions import read_dimensions
from workers.download.guard import AddressGuard, shown
from workers.download.image_type import HEAD_BYTES, ImageType, describe, recognize
from workers.download.source_headers import SourceHeaders
from workers.download.storage import Storage
from workers.download.url import check_url
from workers.errors import DownloadError, Reason
from workers.job_options import HeadersByOrigin
from workers.line import Line, TransferTimeoutError, Watchdog
from workers.transport import open_session

_PIECE_BYTES = 256 * 1024
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


@dataclass(frozen=True, slots=True)
class DownloadPolicy:
    """The limits of a download.

    Attributes:
        max_image_bytes: larger images are refused.
        deadline_seconds: for the whole download, from the first name lookup to the last byte,
            with all redirects.
        connect_seconds: for looking up the name and connecting, at each hop.
        allowed_networks: CIDR networks that are let through besides public addresses, on any port.
        allowed_ports: of public addresses.
        allowed_origins: single addresses, each with its port, that are let through.
        max_redirects: hops after the first request.
        memory_bytes: what an image may take of the memory; a larger one lies in a temporary file.
        held_bytes: what all images of a worker may take of the memory together; beyond that, small
            ones lie in temporary files too.
        max_pixels: width times height; images that claim more are refused. Imgur names no limit;
            the largest sensors of telephones have 200 million.
        with_digest: whether images are told apart by their content.
    """

    max_image_bytes: int = 20_000_000
    deadline_seconds: float = 30.0
    connect_seconds: float = 10.0
    allowed_networks: tuple[str, ...] = ()
    allowed_ports: tuple[int, ...] = (80, 443)
    allowed_origins: tuple[tuple[str, int], ...] = ()
    max_redirects: int = 5
    memory_bytes: int = 1_000_000
    held_bytes: int = 256_000_000
    max_pixels: int = 250_000_000
    with_digest: bool = False


@dataclass(frozen=True, slots=True)
class Download:
    """A fetched image; leaving the ``with`` block closes its file.

    Attributes:
        file: the bytes, to be read from the start.
        size: their number.
        image_type: what they are.
        digest: their SHA-256, if the policy asks for it.
    """

    file: BinaryIO
    size: int
    image_type: ImageType
    digest: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.file.close()


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
        self._budget = ByteBudget(policy.held_bytes) if budget is None else budget
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
        declared: int | None = raw.length_remaining
        if declared is not None:
            self._check_size(declared)
        head = raw.read(HEAD_BYTES)
        image_type = _accept(head)
        if (
            declared is not None
            and declared <= self._policy.memory_bytes
            and self._budget.take(declared)
        ):
            file, size = self._hold(head, raw, url, declared), declared
        else:
            file, size = self._store(head, raw)
        try:
            self._check_pixels(file, image_type)
            digest = _digest(file) if self._policy.with_digest else None
        except BaseException:
            file.close()
            raise
        return Download(file, size, image_type, digest)

    def _hold(self, head: bytes, raw: Any, url: str, size: int) -> BinaryIO:  # noqa: ANN401 - urllib3's
        """Take in a body whose size is known, and taken from the budget."""
        try:
            return HeldBytes(self._budget, _read_whole(head, raw, url, size))
        except BaseException:
            self._budget.give_back(size)
            raise

    def _store(self, head: bytes, raw: Any) -> tuple[BinaryIO, int]:  # noqa: ANN401 - urllib3's
        """Take in a body that is large, or of unknown size; urllib3 notices if it ends early."""
        storage = Storage(self._policy.memory_bytes, self._budget)
        try:
            piece = head
            while piece:
                self._check_size(storage.size + len(piece))
                storage.write(piece)
                piece = raw.read(_PIECE_BYTES)
            return storage.rewind(), storage.size
        except BaseException:
            storage.discard()
            raise

    def _check_size(self, size: int) -> None:
        if size > self._policy.max_image_bytes:
            raise DownloadError(
                Reason.TOO_LARGE,
                f"The image is larger than {self._policy.max_image_bytes:,} bytes.",
            )

    def _check_pixels(self, file: BinaryIO, image_type: ImageType) -> None:
        width, height = read_dimensions(file, image_type) or (0, 0)
        file.seek(0)
        if width * height > self._policy.max_pixels:
            raise DownloadError(
                Reason.TOO_LARGE,
                f"The image has {width:,} by {height:,} pixels; more than"
                f" {self._policy.max_pixels:,} are not passed on.",
            )


def _accept(head: bytes) -> ImageType:
    if not head:
        raise DownloadError(Reason.EMPTY, "The source answered with an empty body.")
    image_type = recognize(head)
    if image_type is None:
        raise DownloadError(
            Reason.NOT_AN_IMAGE, f"The source answered with {describe(head)}, not an image."
        )
    if not image_type.accepted:
        raise DownloadError(
            Reason.TYPE_NOT_ACCEPTED,
            f"Imgur does not accept {image_type.name} images; convert it to JPEG, PNG or GIF.",
        )
    return image_type


def _digest(file: BinaryIO) -> bytes:
    hasher = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        hasher.update(piece)
    file.seek(0)
    return hasher.digest()


def _read_whole(head: bytes, raw: Any, url: str, size: int) -> bytes:  # noqa: ANN401 - urllib3's
    # By far the most images come this way: one read, and no copy but this one.
    body = head + raw.read(size - len(head)) if size > len(head) else head
    if len(body) < size:
        raise faults.cut_short(shown(_host(url)))
    return body


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

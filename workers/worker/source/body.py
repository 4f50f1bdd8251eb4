"""Receives the body of a source's response: an image to upload, or an error."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import BinaryIO, Final, Self

from urllib3.exceptions import HTTPError

from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import DownloadError, Reason
from workers.contract.image_type import HEAD_BYTES, SVG, ImageType, describe, recognize
from workers.contract.messages.outcomes import Converted
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.http.content_coding import (
    DECODED,
    DECODED_PIECE_BYTES,
    HAVE_LARGE_WINDOWS,
    codings_of,
    is_cut,
    open_decoded,
)
from workers.worker.source.animation import is_animated
from workers.worker.source.dimensions import read_dimensions
from workers.worker.source.page import MAX_PAGE_BYTES, Page, is_page, read_page
from workers.worker.source.spool import Spool, view_of

# The body of a redirect or an error is discarded. A short one is read to its end, which keeps the
# connection usable; otherwise the connection is closed.
_SHORT_BODY_BYTES = 16 * 1024

_decoding: Final = ThreadPoolExecutor(1, thread_name_prefix="decoding")
"""Where codings have large windows, all lanes decode in one thread: no budget counts their memory,
and the C library keeps what a thread freed for that thread. The lanes share one core anyway."""


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded image; the end of the ``with`` block closes its file."""

    file: BinaryIO  # the bytes, to be read from the start
    size: int  # their number
    image_type: ImageType
    digest: bytes | None = None  # SHA-256, if the policy asks for it
    resolved_to: str | None = None  # where the bytes come from, if the URL led to a page
    fits: bool = True  # Imgur takes them as they are; else they are to be converted
    converted: Converted | None = None  # set when that has been done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


class UnwantedBody:
    """The discarded body of a response without an image; its size in bytes may be `declared`."""

    def __init__(self, declared: int | None) -> None:
        self._is_short = declared is not None and declared <= _SHORT_BODY_BYTES

    def write(self, _piece: bytes) -> bool:
        """Return whether to read the rest."""
        return self._is_short

    def discard(self) -> None:
        """Do nothing."""


@dataclass(slots=True, eq=False)
class ImageBody:
    """Receives one image, into memory or a temporary file; or the beginning of a page.

    Type and size are checked on the first bytes, so that a useless transfer ends at once. A body
    with a content coding is checked after decoding.

    Raises:
        DownloadError: the declared size is too large.
    """

    policy: DownloadPolicy
    budget: ByteBudget
    declared: int | None  # size of the body in bytes by the head, if known
    coding: InitVar[str] = ""  # the value of Content-Encoding
    origin: str = "The source answered with"  # the beginning of a sentence about it
    _: KW_ONLY
    converts: bool = False  # what Imgur would refuse is to be converted, if it can be
    page_type: str | None = None  # Content-Type, if it may be a page; None: it must be an image
    _codings: Sequence[str] = field(init=False)
    _spool: Spool = field(init=False)
    _head: bytes = b""
    _type: ImageType | None = None
    _takes_page: bool = False  # it is one

    def __post_init__(self, coding: str) -> None:
        self._codings = codings_of(coding)
        if self.page_type is None:
            self._check_size(self.declared or 0)
        self._spool = Spool(self.policy.memory_bytes, self.budget)

    def write(self, piece: bytes) -> bool:
        """Receive a piece; return False when no more of a page is needed.

        Raises:
            DownloadError: this is not an image to upload.
        """
        self._check_size(self._spool.size + len(piece))
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
            if len(self._head) == HEAD_BYTES and not self._codings:
                self._decide(self._spool.size + len(piece))
        self._spool.write(piece)
        return not self._takes_page or self._spool.size < MAX_PAGE_BYTES

    def finish(self) -> Download | Page:
        """Return the complete image, or the page.

        Raises:
            DownloadError: it is not an image to upload.
        """
        try:
            file = self._spool.rewind()
            # The Content-Encoding is wrong if the bytes are an image as they are.
            if self._codings and recognize(self._head) is None:
                return self._decode(file)
            image_type = self._type or self._decide(self._spool.size)
            if image_type is None:
                page = read_page(file, self.page_type or "")
                self.discard()
                return page
            data = view_of(file)
            fits = self._is_accepted(image_type) and self._check_motion(data, image_type)
            if fits:
                self._check_pixels(data, image_type)
            digest = _digest(file) if self.policy.with_digest else None
        except BaseException:
            self.discard()
            raise
        return Download(file, self._spool.size, image_type, digest, fits=fits)

    def discard(self) -> None:
        self._spool.discard()

    def _decode(self, file: BinaryIO) -> Download | Page:
        """Decode the image or the page, with the same limits of size."""
        if not DECODED.issuperset(self._codings):
            raise DownloadError(
                Reason.ENCODING_UNSUPPORTED,
                f"The source sent the image in the coding {self._codings[0]}, though it was asked"
                " to send it as it is.",
            )
        decoded = ImageBody(
            self.policy, self.budget, None, converts=self.converts, page_type=self.page_type
        )
        try:
            if HAVE_LARGE_WINDOWS.isdisjoint(self._codings):
                fault = self._decode_into(decoded, file)
            else:
                fault = _decoding.submit(self._decode_into, decoded, file).result()
        except BaseException:
            decoded.discard()
            raise
        if not decoded._head and self._is_page():
            self._codings = ()  # a false label
            return self.finish()
        # What came of a page before its fault counts.
        if fault is not None and not decoded._is_page():
            decoded.discard()
            raise fault
        self.discard()
        return decoded.finish()

    def _decode_into(self, decoded: "ImageBody", file: BinaryIO) -> DownloadError | None:
        """Decode an image, or enough of a page; return what is wrong with it, if anything."""
        try:
            coded = open_decoded(file, self._codings, self.policy.max_image_bytes)
            while piece := coded.read(DECODED_PIECE_BYTES):
                if not decoded.write(piece):
                    return None
        except HTTPError:
            return DownloadError(
                Reason.SOURCE_BAD_ANSWER, "The source sent the image compressed, and damaged."
            )
        del coded  # with its window: the next line takes another
        file.seek(0)
        if self._head and is_cut(file, self._codings[-1]):
            return DownloadError(
                Reason.SOURCE_CUT_SHORT,
                "The source sent the image compressed, and not all of it.",
                transient=True,
            )
        return None

    def _is_page(self) -> bool:
        return self.page_type is not None and is_page(self._head, self.page_type)

    def _decide(self, size: int) -> ImageType | None:
        """Return the type of the image by its first bytes, of `size` so far; None for a page."""
        self._takes_page = self._is_page()
        if not self._takes_page:
            self._type = self._accept()
            self._check_size(max(self.declared or 0, size))
        return self._type

    def _accept(self) -> ImageType:
        if not self._head:
            raise DownloadError(Reason.EMPTY, "The source answered with an empty body.")
        image_type = recognize(self._head)
        if image_type is None:
            raise DownloadError(
                Reason.NOT_AN_IMAGE, f"{self.origin} {describe(self._head)}, not an image."
            )
        if not self._is_accepted(image_type) and not self._can_convert(image_type):
            raise _type_not_accepted(image_type)
        return image_type

    def _is_accepted(self, image_type: ImageType) -> bool:
        return image_type.code in self.policy.imgur.types

    def _can_convert(self, image_type: ImageType) -> bool:
        return self.converts and bool(image_type.decoder)

    def _check_size(self, size: int) -> None:
        if self._takes_page:
            return
        is_image = self.page_type is None or self._type is not None
        max_bytes, limits = self.policy.max_image_bytes, self.policy.imgur
        if size > (max_bytes if is_image else max(max_bytes, MAX_PAGE_BYTES)):
            raise DownloadError(Reason.TOO_LARGE, f"The image is larger than {max_bytes:,} bytes.")
        max_bytes = max(limits.still_bytes, limits.animation_bytes)
        if is_image and not self.converts and size > max_bytes:
            raise _too_large_for_imgur("images", max_bytes)

    def _check_motion(self, data: memoryview, image_type: ImageType) -> bool:
        """Check the size again, now that the whole file tells whether it moves.

        Returns:
            False: it is too large, and to be converted.
        """
        limits, size = self.policy.imgur, self._spool.size
        if size <= min(limits.still_bytes, limits.animation_bytes):
            return True
        is_convertible = self._can_convert(image_type)
        if is_convertible and size > max(limits.still_bytes, limits.animation_bytes):
            return False  # without a look, which takes seconds at 100 MB of tiny blocks
        animated = is_animated(data, image_type)
        if size <= limits.max_bytes(animated=animated):
            return True
        if is_convertible:
            return False
        kind = "animations" if animated else "still images"
        raise _too_large_for_imgur(kind, limits.max_bytes(animated=animated))

    def _check_pixels(self, data: memoryview, image_type: ImageType) -> None:
        width, height = read_dimensions(data, image_type) or (0, 0)
        if width * height > self.policy.max_pixels:
            raise DownloadError(
                Reason.TOO_LARGE,
                f"The image has {width:,} by {height:,} pixels; more than"
                f" {self.policy.max_pixels:,} are not passed on.",
            )


def _type_not_accepted(image_type: ImageType) -> DownloadError:
    if image_type is SVG:
        return DownloadError(
            Reason.TYPE_NOT_ACCEPTED,
            "Imgur does not accept SVG images, and they are not converted: a drawing has no size in"
            " pixels, and may load other files. Export it as PNG.",
        )
    return DownloadError(
        Reason.TYPE_NOT_ACCEPTED,
        f"Imgur does not accept {image_type.name} images; convert it to JPEG, PNG or GIF.",
    )


def _too_large_for_imgur(kind: str, max_bytes: int) -> DownloadError:
    return DownloadError(
        Reason.TOO_LARGE,
        f"Imgur takes {kind} of up to {max_bytes:,} bytes (IMGUR_MAX_BYTES); this one is larger.",
    )


def _digest(file: BinaryIO) -> bytes:
    digest = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type] # BinaryIO does
    file.seek(0)
    return digest

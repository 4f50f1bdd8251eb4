"""Taking in the body of a source's answer: an image that could be uploaded, or a refusal."""

import hashlib
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self

from workers.download import faults
from workers.download.dimensions import read_dimensions
from workers.download.guard import shown
from workers.download.image_type import HEAD_BYTES, ImageType, describe, recognize
from workers.download.policy import DownloadPolicy
from workers.download.storage import Storage
from workers.errors import DownloadError, Reason
from workers.transfer.byte_budget import ByteBudget, HeldBytes

_PIECE_BYTES = 256 * 1024


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


class Intake:
    """Takes in images, each into memory or a temporary file.

    Args:
        policy: the limits.
        budget: the memory that there is for images.
    """

    def __init__(self, policy: DownloadPolicy, budget: ByteBudget) -> None:
        self._policy = policy
        self._budget = budget

    def take(self, raw: Any, host: str) -> Download:  # noqa: ANN401 - urllib3's
        """Read a body to its end.

        Args:
            raw: the answer, its body not yet read.
            host: whose answer it is.

        Raises:
            DownloadError: it is no image that could be uploaded.
            HTTPError: the transfer failed.
        """
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
            file, size = self._hold(head, raw, host, declared), declared
        else:
            file, size = self._store(head, raw)
        try:
            self._check_pixels(file, image_type)
            digest = _digest(file) if self._policy.with_digest else None
        except BaseException:
            file.close()
            raise
        return Download(file, size, image_type, digest)

    def _hold(self, head: bytes, raw: Any, host: str, size: int) -> BinaryIO:  # noqa: ANN401 - urllib3's
        """Take in a body whose size is known, and taken from the budget."""
        try:
            return HeldBytes(self._budget, _read_whole(head, raw, host, size))
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


def _read_whole(head: bytes, raw: Any, host: str, size: int) -> bytes:  # noqa: ANN401 - urllib3's
    # By far the most images come this way: one read, and no copy but this one.
    body = head + raw.read(size - len(head)) if size > len(head) else head
    if len(body) < size:
        raise faults.cut_short(shown(host))
    return body

"""What was uploaded: a short record of each image, and the bytes of the newest."""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from sandbox.http_message import RequestError, Response, json_response, problem
from sandbox.image_header import ImageHeader

MAX_KEPT_BYTES = 256_000_000
MAX_KEPT_RECORDS = 250_000
_TRIMMED_TOGETHER = 10_000
_UPLOAD_HEADERS = (
    ("Cache-Control", "public, max-age=31536000"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
)


@dataclass(slots=True)
class Upload:
    """One uploaded image.

    Attributes:
        image_id: what its link is made of.
        deletehash: whoever knows it may delete the image.
        digest: SHA-256 of the bytes.
        name: what the comment of an image of the gallery says, or None.
        size: bytes.
    """

    image_id: str
    deletehash: str
    digest: bytes
    name: str | None
    size: int
    media_type: str
    extension: str
    deleted: bool = False

    def link(self, base: str) -> str:
        return f"{base}/sandbox/{self.image_id}.{self.extension}"


class Uploads:
    """Keeps uploads in memory, within bounds; identical bytes are kept once.

    Ids count up and name the run of the sandbox, so that a link never comes to mean another image,
    neither when records are forgotten nor when the sandbox is started again.

    Args:
        max_bytes: of image bytes kept; the oldest go first.
        max_records: of records kept, about; the oldest go first.
    """

    def __init__(
        self, max_bytes: int = MAX_KEPT_BYTES, max_records: int = MAX_KEPT_RECORDS
    ) -> None:
        self.attempts = 0
        """Upload requests, those that were refused included."""
        self._max_bytes = max_bytes
        self._max_records = max_records
        self._run = secrets.token_hex(2)
        self._key = secrets.token_bytes(16)
        self._records: list[Upload] = []
        self._first = 1  # the number of the oldest record
        self._forgotten = 0  # records dropped since `forget_all`
        self._images: OrderedDict[bytes, bytes] = OrderedDict()
        self._kept_bytes = 0

    @property
    def count(self) -> int:
        """Images uploaded since the start or the last `forget_all`."""
        return self._forgotten + len(self._records)

    def add(self, image: bytes, digest: bytes, header: ImageHeader, name: str | None) -> Upload:
        """Keep an image."""
        number = self._first + len(self._records)
        image_id = f"sbx-{self._run}-{number}"
        upload = Upload(
            image_id=image_id,
            deletehash=f"{image_id}-{self._seal(image_id)}",
            digest=digest,
            name=name,
            size=len(image),
            media_type=header.media_type,
            extension=header.extension,
        )
        self._records.append(upload)
        if len(self._records) >= self._max_records + _TRIMMED_TOGETHER:
            del self._records[:_TRIMMED_TOGETHER]
            self._first += _TRIMMED_TOGETHER
            self._forgotten += _TRIMMED_TOGETHER
        self._keep(image, digest)
        return upload

    def delete(self, deletehash: str) -> bool:
        """Delete the image of this deletehash; False if there is none."""
        image_id, _, seal = deletehash.rpartition("-")
        upload = self._find(image_id)
        if upload is None or upload.deleted or seal != self._seal(image_id):
            return False
        upload.deleted = True
        return True

    def serve(self, name: str) -> Response:
        """The image of a link, by the last part of its path."""
        image_id = name.partition(".")[0]
        upload = self._find(image_id)
        if upload is None:
            if self._was_issued(image_id):
                return _gone("The sandbox keeps only the newest uploads; this one is forgotten.")
            return problem(
                HTTPStatus.NOT_FOUND,
                "The sandbox has no such image; it forgets its images when it is started again.",
            )
        if upload.deleted:
            return problem(HTTPStatus.NOT_FOUND, "This image was deleted.")
        image = self._images.get(upload.digest)
        if image is None:
            return _gone("The sandbox keeps only the newest uploads; this one is forgotten.")
        return Response(HTTPStatus.OK, image, upload.media_type, _UPLOAD_HEADERS)

    def listing(self, query: dict[str, str], base: str) -> Response:
        """The records in the order of upload, all or those of `start` and `limit`.

        Raises:
            RequestError: `start` or `limit` is no number.
        """
        start = _number(query, "start", 0)
        limit = _number(query, "limit", len(self._records))
        page = self._records[start : start + limit]
        content = {
            "count": self.count,
            "attempts": self.attempts,
            "uploads": [
                {
                    "id": upload.image_id,
                    "digest": upload.digest.hex(),
                    "name": upload.name,
                    "size": upload.size,
                    "type": upload.media_type,
                    "link": upload.link(base),
                    "deleted": upload.deleted,
                }
                for upload in page
            ],
        }
        return json_response(HTTPStatus.OK, content)

    def forget_all(self) -> None:
        """Start counting afresh; ids go on, so that old links stay dead."""
        self._first += len(self._records)
        self._records.clear()
        self._forgotten = 0
        self.attempts = 0
        self._images.clear()
        self._kept_bytes = 0

    def _keep(self, image: bytes, digest: bytes) -> None:
        if digest in self._images:
            self._images.move_to_end(digest)
            return
        self._images[digest] = image
        self._kept_bytes += len(image)
        while self._kept_bytes > self._max_bytes:
            _, oldest = self._images.popitem(last=False)
            self._kept_bytes -= len(oldest)

    def _number_of(self, image_id: str) -> int | None:
        prefix = f"sbx-{self._run}-"
        digits = image_id.removeprefix(prefix)
        if not image_id.startswith(prefix) or not digits.isdecimal() or not digits.isascii():
            return None
        return int(digits)

    def _find(self, image_id: str) -> Upload | None:
        number = self._number_of(image_id)
        if number is None or not 0 <= number - self._first < len(self._records):
            return None
        return self._records[number - self._first]

    def _was_issued(self, image_id: str) -> bool:
        number = self._number_of(image_id)
        return number is not None and 0 < number < self._first

    def _seal(self, image_id: str) -> str:
        return hashlib.blake2b(image_id.encode(), key=self._key, digest_size=6).hexdigest()


def _gone(sentence: str) -> Response:
    return problem(HTTPStatus.GONE, sentence)


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):  # noqa: PLR2004 - enough for all
        raise RequestError(HTTPStatus.BAD_REQUEST, f"The parameter {name} must be a number.")
    return int(text)

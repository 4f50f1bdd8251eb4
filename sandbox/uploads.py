"""What was uploaded: a short record of each image, and the bytes of the newest."""

import io
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import imagesize
from aiohttp import web

# Of the types that Imgur takes.
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"BM": "bmp",
    b"II*\x00": "tiff", b"MM\x00*": "tiff",
}  # fmt: skip
_ANIMATIONS = (b"acTL", b"NETSCAPE2.0")  # of a PNG and a GIF
_ANIMATION_WITHIN = 2048  # they stand near the start of the file
_HEADERS = {
    "Cache-Control": "public, max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class ImageHeader(NamedTuple):
    """What the first bytes of an image tell."""

    media_type: str
    width: int
    height: int
    animated: bool = False


def read_header(data: bytes) -> ImageHeader | None:
    """Return what `data` is, or None if Imgur would refuse its type or the header is broken."""
    kind = next((kind for mark, kind in _SIGNATURES.items() if data.startswith(mark)), None)
    try:
        width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)
    except ValueError:
        return None
    if kind is None or width < 0:
        return None
    animated = any(data.find(mark, 0, _ANIMATION_WITHIN) > 0 for mark in _ANIMATIONS)
    return ImageHeader(f"image/{kind}", width, abs(height), animated)


@dataclass(slots=True)
class Upload:
    """One uploaded image."""

    digest: bytes  # SHA-256
    name: str | None  # what the comment of an image of the gallery says
    size: int
    header: ImageHeader
    deleted: bool = False
    # Random: a link never comes to mean another image, not even after a restart, and nobody finds
    # the images of others by counting. Whoever knows the secret may delete the image.
    image_id: str = field(default_factory=lambda: f"sbx-{secrets.token_hex(6)}")
    secret: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def deletehash(self) -> str:
        return f"{self.image_id}-{self.secret}"

    def link(self, base: str) -> str:
        return f"{base}/sandbox/{self.image_id}.{self.header.media_type[6:].replace('jpeg', 'jpg')}"


class Uploads:
    """Keeps uploads in memory; the oldest go first. Identical bytes are kept once."""

    def __init__(self, max_bytes: int = 256_000_000, max_records: int = 250_000) -> None:
        self.attempts = 0  # upload requests, those that were refused included
        self.count = 0  # images uploaded since the start or the last `reset`
        self._max_bytes, self._max_records = max_bytes, max_records
        self._records: OrderedDict[str, Upload] = OrderedDict()  # by id
        self._images: OrderedDict[bytes, bytes] = OrderedDict()  # by digest
        self._kept_bytes = 0

    def add(self, upload: Upload, image: bytes) -> None:
        self.count += 1
        self._records[upload.image_id] = upload
        if len(self._records) > self._max_records:
            self._records.popitem(last=False)
        if upload.digest not in self._images:
            self._images[upload.digest] = image
            self._kept_bytes += len(image)
        self._images.move_to_end(upload.digest)
        while self._kept_bytes > self._max_bytes:
            _, oldest = self._images.popitem(last=False)
            self._kept_bytes -= len(oldest)

    def find(self, name: str) -> Upload | None:
        """An image that is not deleted, by its id or its deletehash."""
        upload = self._records.get(name) or self.of_deletehash(name)
        return None if upload is None or upload.deleted else upload

    def of_deletehash(self, deletehash: str) -> Upload | None:
        """An image that is not deleted, by its deletehash."""
        upload = self._records.get(deletehash.rpartition("-")[0])
        if upload is None or upload.deleted or upload.deletehash != deletehash:
            return None
        return upload

    def delete(self, deletehash: str) -> bool:
        """Delete the image of this deletehash; False if there is none."""
        upload = self.of_deletehash(deletehash)
        if upload is None:
            return False
        upload.deleted = True
        return True

    def serve(self, name: str) -> web.Response:
        """The image of a link, by the last part of its path; raises HTTPNotFound."""
        upload = self._records.get(name.partition(".")[0])
        image = None if upload is None or upload.deleted else self._images.get(upload.digest)
        if upload is None or image is None:
            reason = "it was deleted, or it is none of the newest since the sandbox started"
            raise web.HTTPNotFound(text=f"There is no such image: {reason}.\n")
        return web.Response(body=image, content_type=upload.header.media_type, headers=_HEADERS)

    def listing(self, base: str) -> dict[str, Any]:
        """The records in the order of upload."""
        records = [
            {
                "id": upload.image_id, "digest": upload.digest.hex(), "name": upload.name,
                "size": upload.size, "type": upload.header.media_type, "link": upload.link(base),
                "deleted": upload.deleted,
            }
            for upload in self._records.values()
        ]  # fmt: skip
        return {"count": self.count, "attempts": self.attempts, "uploads": records}

    def reset(self) -> None:
        """Forget everything and start counting afresh."""
        self.attempts = self.count = self._kept_bytes = 0
        self._records.clear()
        self._images.clear()

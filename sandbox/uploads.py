"""What clients create, in memory: a record of each item, and the bytes of the newest images."""

import io
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import imagesize
from aiohttp import web

# Of the types that Imgur accepts.
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
    """The type and size in pixels of an image, from its first bytes."""

    media_type: str
    width: int
    height: int
    animated: bool = False


def read_header(data: bytes) -> ImageHeader | None:
    """Return the header of an image; None if it is broken, or of a type that Imgur refuses."""
    kind = next((kind for mark, kind in _SIGNATURES.items() if data.startswith(mark)), None)
    try:
        width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)
    except ValueError:
        return None
    if kind is None or width < 0:
        return None
    animated = any(data.find(mark, 0, _ANIMATION_WITHIN) > 0 for mark in _ANIMATIONS)
    return ImageHeader(f"image/{kind}", width, abs(height), animated)


@dataclass(slots=True, kw_only=True)
class Item:
    """An image or an album. The secret allows its deletion."""

    deleted: bool = False
    # Random: a link never leads to another item, not even after a restart, and the items of others
    # cannot be found by counting.
    id: str = field(default_factory=lambda: f"sbx-{secrets.token_hex(6)}")
    secret: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def deletehash(self) -> str:
        return f"{self.id}-{self.secret}"


_Item = TypeVar("_Item", bound=Item)


class Store(Generic[_Item]):
    """Items in the order of creation; beyond a number the oldest are dropped."""

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self.items: OrderedDict[str, _Item] = OrderedDict()  # by id; deleted ones included

    def add(self, item: _Item) -> None:
        self.items[item.id] = item
        if len(self.items) > self._max_items:
            self.items.popitem(last=False)

    def of_id(self, item_id: str) -> _Item | None:
        """Return an item that is not deleted, by its id."""
        item = self.items.get(item_id)
        return None if item is None or item.deleted else item

    def of_deletehash(self, deletehash: str) -> _Item | None:
        """Return an item that is not deleted, by its deletehash."""
        item = self.of_id(deletehash.rpartition("-")[0])
        return None if item is None or item.deletehash != deletehash else item

    def find(self, name: str) -> _Item | None:
        """Return an item that is not deleted, by its id or its deletehash."""
        return self.of_id(name) or self.of_deletehash(name)


@dataclass(slots=True)
class Upload(Item):
    digest: bytes  # SHA-256
    name: str | None  # from the comment of an image of the gallery
    size: int
    header: ImageHeader

    def link(self, base: str) -> str:
        return f"{base}/sandbox/{self.id}.{self.header.media_type[6:].replace('jpeg', 'jpg')}"


class Uploads(Store[Upload]):
    """The uploaded images; identical bytes are kept once, and beyond a size the oldest go first."""

    def __init__(self, max_bytes: int = 256_000_000, max_records: int = 250_000) -> None:
        super().__init__(max_records)
        self.attempts = 0  # upload requests, refused ones included
        self.count = 0  # images uploaded since the start or the last `reset`
        self._max_bytes = max_bytes
        self._images: OrderedDict[bytes, bytes] = OrderedDict()  # by digest
        self._kept_bytes = 0

    def keep(self, upload: Upload, image: bytes) -> None:
        self.add(upload)
        self.count += 1
        if upload.digest not in self._images:
            self._images[upload.digest] = image
            self._kept_bytes += len(image)
        self._images.move_to_end(upload.digest)
        while self._kept_bytes > self._max_bytes:
            _, oldest = self._images.popitem(last=False)
            self._kept_bytes -= len(oldest)

    def serve(self, name: str) -> web.Response:
        """Return the image of a link, by the last part of its path; raises HTTPNotFound."""
        upload = self.of_id(name.partition(".")[0])
        image = None if upload is None else self._images.get(upload.digest)
        if upload is None or image is None:
            reason = "it was deleted, or it is none of the newest since the sandbox started"
            raise web.HTTPNotFound(text=f"There is no such image: {reason}.\n")
        return web.Response(body=image, content_type=upload.header.media_type, headers=_HEADERS)

    def listing(self, base: str) -> dict[str, Any]:
        """Return the records in the order of upload."""
        records = [
            {
                "id": upload.id, "digest": upload.digest.hex(), "name": upload.name,
                "size": upload.size, "type": upload.header.media_type, "link": upload.link(base),
                "deleted": upload.deleted,
            }
            for upload in self.items.values()
        ]  # fmt: skip
        return {"count": self.count, "attempts": self.attempts, "uploads": records}

    def reset(self) -> None:
        """Forget everything and reset the counts."""
        self.attempts = self.count = self._kept_bytes = 0
        self.items.clear()
        self._images.clear()

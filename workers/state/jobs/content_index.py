"""Index of uploaded images by content digest, for deduplication."""

import hashlib
from collections import OrderedDict
from typing import Final

MAX_IMAGES: Final = 400_000
"""Least recently used entries beyond it are dropped; such an image is uploaded again."""

_IMAGE_BYTES = 250  # its link included

_KEY_BYTES = 16  # collisions: by chance negligible, by design within one owner only


class ContentIndex:
    """Owner and content → link. Not thread-safe.

    Owners never get each other's links: a link would disclose that another owner has the image.

    Args:
        max_bytes: memory limit; holds from one to `MAX_IMAGES` entries.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_images = max(1, min(MAX_IMAGES, max_bytes // _IMAGE_BYTES))
        self._links: OrderedDict[bytes, str] = OrderedDict()
        self._keys: dict[str, bytes] = {}

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return _IMAGE_BYTES * len(self._links)

    def link(self, owner: str, content: bytes) -> str | None:
        """Return the link of an uploaded image, or None."""
        key = _key(owner, content)
        link = self._links.get(key)
        if link is not None:
            self._links.move_to_end(key)
        return link

    def add(self, owner: str, content: bytes, link: str) -> None:
        """Add an uploaded image; an existing entry stays."""
        key = _key(owner, content)
        if key in self._links or link in self._keys:
            return
        self._links[key] = link
        self._keys[link] = key
        if len(self._links) > self._max_images:
            _, oldest = self._links.popitem(last=False)
            del self._keys[oldest]

    def forget_link(self, link: str) -> None:
        """Remove the image with this link."""
        key = self._keys.pop(link, None)
        if key is not None:
            del self._links[key]


def _key(owner: str, content: bytes) -> bytes:
    # The owner is the key, not a prefix: two pairs never concatenate to the same bytes.
    name = hashlib.blake2b(owner.encode(), digest_size=_KEY_BYTES).digest()
    return hashlib.blake2b(content, digest_size=_KEY_BYTES, key=name).digest()

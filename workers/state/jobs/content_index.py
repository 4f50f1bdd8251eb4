"""Which images are at Imgur already, told by their content: the link of each."""

import hashlib
from collections import OrderedDict
from typing import Final

MAX_IMAGES: Final = 400_000
"""Remembered; of more, the ones asked for longest ago are forgotten, and uploaded again."""

_IMAGE_BYTES = 250  # its link included

_KEY_BYTES = 16  # nobody finds two images of one key by chance, and by design only among his own


class ContentIndex:
    """Owner and content → link. Not safe for threads by itself.

    Owners never get each other's links: a link would tell that another has the image.

    Args:
        max_bytes: for `MAX_IMAGES` at most, and for one at least.
    """

    def __init__(self, max_bytes: int) -> None:
        self._most = max(1, min(MAX_IMAGES, max_bytes // _IMAGE_BYTES))
        self._links: OrderedDict[bytes, str] = OrderedDict()
        self._keys: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._links)

    @property
    def size(self) -> int:
        """Bytes of memory, by an estimate."""
        return _IMAGE_BYTES * len(self._links)

    def link(self, owner: str, content: bytes) -> str | None:
        """The link of an image, if it is there already."""
        key = _key(owner, content)
        link = self._links.get(key)
        if link is not None:
            self._links.move_to_end(key)
        return link

    def add(self, owner: str, content: bytes, link: str) -> None:
        """An image was uploaded. Of two that are the same, the first one stays."""
        key = _key(owner, content)
        if key in self._links or link in self._keys:
            return
        self._links[key] = link
        self._keys[link] = key
        if len(self._links) > self._most:
            _, oldest = self._links.popitem(last=False)
            del self._keys[oldest]

    def forget_link(self, link: str) -> None:
        """An image is there no longer."""
        key = self._keys.pop(link, None)
        if key is not None:
            del self._links[key]


def _key(owner: str, content: bytes) -> bytes:
    # The owner as a key of its own: no two pairs can run together to the same bytes.
    name = hashlib.blake2b(owner.encode(), digest_size=_KEY_BYTES).digest()
    return hashlib.blake2b(content, digest_size=_KEY_BYTES, key=name).digest()

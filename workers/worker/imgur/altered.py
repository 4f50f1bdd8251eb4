"""Detects by Imgur's response whether it stored an image as it was sent.

PNG above 5 MB becomes JPEG, and anonymous uploads above 1 MB are compressed again
(ShareX/ShareX#6793). The response's ``type`` and ``size`` are of the stored image
(https://apidocs.imgur.com, "Image").
"""

import re
from collections.abc import Mapping

from workers.contract.messages import Altered

_MAX_BYTES = 2**40
_is_media_type = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,40}", re.ASCII).fullmatch


def read_altered(data: Mapping[str, object], sent: Altered) -> Altered | None:
    """Return what is stored, if that differs from what was sent; missing fields are unchanged.

    Args:
        data: of the response to the upload.
        sent: type and size of the image.
    """
    media_type, size = data.get("type"), data.get("size")
    stored = Altered(
        media_type if isinstance(media_type, str) and _is_media_type(media_type) else sent[0],
        size if isinstance(size, int) and 1 < size < _MAX_BYTES else sent[1],
    )
    return None if stored == sent else stored

"""The body of an upload, multipart/form-data (RFC 7578), never held twice."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

WHOLE_BYTES = 256 * 1024
"""Up to this size an image is sent from one piece of memory: one call instead of several. Above
it, memory is worth more than the calls."""

_CHUNK_BYTES = 128 * 1024

# What the HTML standard escapes in a form's names; anything else could end the header early.
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class Form:
    """A form ready to be sent.

    Attributes:
        content_type: names the boundary.
        length: of the body, in bytes.
        body: the body whole, or in chunks that can be walked through once.
    """

    content_type: str
    length: int
    body: bytes | Iterator[bytes]


def image_form(
    file: BinaryIO, size: int, media_type: str, filename: str, fields: Mapping[str, str]
) -> Form:
    """Make a form of `fields` and the file's content, as the field ``image``.

    Args:
        file: read from its beginning.
        size: of the content, in bytes.
        media_type: of the content.
        filename: given to the server.
        fields: the others; they stand before the file.

    Raises:
        ValueError: the file is shorter than `size`; for a large one while it is walked through.
    """
    # Drawn anew for each form: an image cannot have been made to hold it. Not from the system, as
    # each call there hands the interpreter to another lane.
    boundary = f"{random.getrandbits(128):032x}"
    head = _head(boundary, media_type, filename, fields)
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = len(head) + size + len(tail)
    content_type = f"multipart/form-data; boundary={boundary}"
    file.seek(0)
    if size > WHOLE_BYTES:
        return Form(content_type, length, _chunks(head, file, size, tail))
    data = file.read(size)
    if len(data) != size:
        raise _shorter(size)
    return Form(content_type, length, b"".join((head, data, tail)))


def _head(boundary: str, media_type: str, filename: str, fields: Mapping[str, str]) -> bytes:
    parts = [
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{name.translate(_ESCAPES)}"\r\n\r\n'
        f"{value}\r\n"
        for name, value in fields.items()
    ]
    parts.append(
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="image"; '
        f'filename="{filename.translate(_ESCAPES)}"\r\n'
        f"Content-Type: {media_type.translate(_ESCAPES)}\r\n\r\n"
    )
    return "".join(parts).encode()


def _chunks(head: bytes, file: BinaryIO, size: int, tail: bytes) -> Iterator[bytes]:
    yield head
    left = size
    while left:
        data = file.read(min(left, _CHUNK_BYTES))
        if not data:
            raise _shorter(size)
        left -= len(data)
        yield data
    yield tail


def _shorter(size: int) -> ValueError:
    return ValueError(f"The file ends before its {size} bytes.")

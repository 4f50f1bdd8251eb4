"""Forms to send; that of an upload, multipart/form-data (RFC 7578), is never copied as a whole."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO
from urllib.parse import urlencode

CHUNK_BYTES = 256 * 1024
"""An image of up to this size is one chunk with the rest of its form: one call instead of several.
Above it, memory matters more than calls."""

# Escapes of the HTML standard for names in forms; unescaped they could end the header.
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


@dataclass(frozen=True, slots=True)
class Form:
    content_type: str  # with the boundary
    length: int  # of the body, in bytes
    # Whole, or its chunks; these raise ValueError if the file is shorter than was said.
    body: bytes | Iterator[bytes] = field(repr=False)


def encoded_form(fields: Sequence[tuple[str, str]]) -> Form:
    """Make a form of short texts."""
    body = urlencode(fields).encode()
    return Form("application/x-www-form-urlencoded", len(body), body)


def image_form(
    file: BinaryIO, size: int, media_type: str, filename: str, fields: Mapping[str, str]
) -> Form:
    """Make a form of `fields` and the file's content as the field ``image``.

    Args:
        file: read from its beginning.
        size: of the content, in bytes.
        media_type: of the content.
        filename: sent to the server.
        fields: further fields, before the file.
    """
    # Random for each form, so that no image can contain it. Not from the system, as such a call
    # releases the interpreter's lock to another lane.
    boundary = f"{random.getrandbits(128):032x}"
    head = _head(boundary, media_type, filename, fields)
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = len(head) + size + len(tail)
    content_type = f"multipart/form-data; boundary={boundary}"
    file.seek(0)
    return Form(content_type, length, _chunks(head, file, size, tail))


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
    chunk, left = head, size
    while left:
        data = file.read(min(left, CHUNK_BYTES))
        if not data:
            raise ValueError(f"The file ends before its {size} bytes.")
        chunk += data
        left -= len(data)
        if left:
            yield chunk
            chunk = b""
    yield chunk + tail

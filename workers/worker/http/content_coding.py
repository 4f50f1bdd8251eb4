"""Undoes content codings (RFC 9110, section 8.4), as far as they are known to urllib3."""

from typing import BinaryIO, Final

from urllib3 import HTTPResponse

DECODED_PIECE_BYTES: Final = 16 * 1024
"""To be read at once: behind each of many short streams urllib3 copies the rest of the piece."""


def open_decoded(file: BinaryIO, coding: str) -> HTTPResponse:
    """Content to be read without its coding.

    Args:
        file: the content as it came.
        coding: the value of Content-Encoding.

    Returns:
        A reader, whose `read` raises urllib3's HTTPError where the content is damaged.
    """
    headers = {"Content-Encoding": coding}
    return HTTPResponse(file, headers, preload_content=False, decode_content=True)

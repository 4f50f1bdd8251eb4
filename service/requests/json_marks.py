"""Estimates the number of values in a JSON text from its bytes.

The parser cannot be interrupted, and takes 1.5 s for the million names that 16 MB may hold, which
blocks all other requests.
"""

from collections.abc import Iterator
from typing import Final

_MARKS: Final = b'",[{'
_OTHERS: Final = bytes(set(range(256)) - set(_MARKS))
_PIECE_BYTES: Final = 256 * 1024


def has_more_values(text: bytes, most: int) -> bool:
    """Return True if a text certainly has more names and values than a maximum.

    Each has at most one comma, and is a string or has at most one bracket.
    """
    if len(text) <= most or sum(len(_marks(piece)) for piece in _pieces(text)) <= 3 * most:
        return False
    # Marks within strings do not count.
    if b"\\" in text:
        text = text.replace(rb"\\", b"").replace(rb"\"", b"")
    quotes = marks = 0
    for piece in _pieces(text):
        parts = piece.split(b'"')
        marks += len(_marks(b"".join(parts[quotes % 2 :: 2])))
        quotes += len(parts) - 1
        if max(quotes, marks) > 2 * most:
            return True
    return False


def _pieces(text: bytes) -> Iterator[bytes]:
    return (text[at : at + _PIECE_BYTES] for at in range(0, len(text), _PIECE_BYTES))


def _marks(text: bytes) -> bytes:
    return text.translate(None, _OTHERS)

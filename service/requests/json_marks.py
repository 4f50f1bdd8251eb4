"""How much there is in a JSON text, told by a look at its bytes.

The parser cannot be interrupted, and takes 1.5 s for the million names that 16 MB may hold: nobody
else is answered meanwhile.
"""

from collections.abc import Iterator
from typing import Final

_MARKS: Final = b'",[{'
_OTHERS: Final = bytes(set(range(256)) - set(_MARKS))
_LOOKED_AT: Final = 256 * 1024  # bytes at a time


def has_more_values(text: bytes, most: int) -> bool:
    """Whether a text has more names and values than so many; far more, to be seen for sure.

    Each has a comma at most, and is a string, or has a bracket at most.
    """
    if len(text) <= most or sum(len(_marks(piece)) for piece in _pieces(text)) <= 3 * most:
        return False
    # Marks may be part of strings, and then are none.
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
    return (text[at : at + _LOOKED_AT] for at in range(0, len(text), _LOOKED_AT))


def _marks(text: bytes) -> bytes:
    return text.translate(None, _OTHERS)

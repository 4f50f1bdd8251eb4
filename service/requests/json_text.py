"""What the standard parser does not say of a JSON text: repeated names, and how much is in it.

Of repeated names it keeps the last; JSON parsers disagree on which value counts (RFC 8259, section
4). It cannot be interrupted, and takes 1.5 s for the million names that 16 MB may hold, which
blocks all other requests.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

_DEEPEST: Final = 3
"""Depth of the search; no valid body nests deeper."""
_LONGEST_STEP: Final = 64
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


class _Repeating(dict[str, Any]):
    """An object with repeated names."""

    repeated: tuple[str, ...]


def load_json(text: str, parse_constant: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any JSON
    """Parse as `json.loads`, and record repeated names for `repeated_names`.

    Raises:
        ValueError: not JSON.
        RecursionError: nested too deeply.
    """
    return json.loads(text, parse_constant=parse_constant, object_pairs_hook=_make_object)


def repeated_names(value: object, pointer: str = "#", depth: int = _DEEPEST) -> Iterator[str]:
    """Yield the JSON pointers of repeated names in a result of `load_json`.

    Args:
        value: to search: objects and their member objects.
        pointer: of the value, as a JSON pointer in a URI fragment.
        depth: number of levels to search.
    """
    if isinstance(value, _Repeating):
        yield from (f"{pointer}/{pointer_step(name)}" for name in value.repeated)
    if depth > 1 and isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, dict):
                yield from repeated_names(member, f"{pointer}/{pointer_step(name)}", depth - 1)


def pointer_step(name: str) -> str:
    """Return a shortened step of a JSON pointer in a URI fragment (RFC 6901, 3 and 6)."""
    shortened = name[:_LONGEST_STEP].encode(errors="replace").decode()
    return quote(shortened.replace("~", "~0").replace("/", "~1"), safe="~:")


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    counts = Counter(name for name, _ in pairs)
    repeating = _Repeating(made)
    repeating.repeated = tuple(name for name, count in counts.items() if count > 1)
    return repeating


def _pieces(text: bytes) -> Iterator[bytes]:
    return (text[at : at + _PIECE_BYTES] for at in range(0, len(text), _PIECE_BYTES))


def _marks(text: bytes) -> bytes:
    return text.translate(None, _OTHERS)

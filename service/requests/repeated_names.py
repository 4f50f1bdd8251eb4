"""Finds repeated names in JSON objects, of which the standard parser keeps the last.

JSON parsers disagree on which value counts (RFC 8259, section 4).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

_DEEPEST: Final = 3
"""Depth of the search; no valid body nests deeper."""
_LONGEST_STEP: Final = 64


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

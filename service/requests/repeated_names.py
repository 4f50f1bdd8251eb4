"""Names that a JSON object has more than once: found, where the standard reader keeps the last.

Readers of JSON disagree on which value counts (RFC 8259, section 4), and the sender meant each.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

_DEEPEST: Final = 3
"""Objects within objects that are searched; no body that is taken nests deeper."""
_LONGEST_STEP: Final = 64


class _Repeating(dict[str, Any]):
    """An object that has names more than once.

    Attributes:
        repeated: those names.
    """

    repeated: tuple[str, ...]


def load_json(text: str, parse_constant: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any JSON
    """Parse as `json.loads` does, and note repeated names for `repeated_names`.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_constant=parse_constant, object_pairs_hook=_make_object)


def repeated_names(value: object, pointer: str = "#", depth: int = _DEEPEST) -> Iterator[str]:
    """The JSON pointers of names that stand more than once in a value that `load_json` gave.

    Args:
        value: what to search: objects, and objects that are their members.
        pointer: where it stands, as a JSON pointer in a URI fragment.
        depth: how many levels of objects to search.
    """
    if isinstance(value, _Repeating):
        yield from (f"{pointer}/{pointer_step(name)}" for name in value.repeated)
    if depth > 1 and isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, dict):
                yield from repeated_names(member, f"{pointer}/{pointer_step(name)}", depth - 1)


def pointer_step(name: str) -> str:
    """One step of a JSON pointer in a URI fragment (RFC 6901, sections 3 and 6), shortened."""
    shortened = name[:_LONGEST_STEP].encode(errors="replace").decode()
    return quote(shortened.replace("~", "~0").replace("/", "~1"), safe="~:")


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for name, _ in pairs:
        if name in seen:
            repeated[name] = None
        seen.add(name)
    repeating = _Repeating(made)
    repeating.repeated = tuple(repeated)
    return repeating

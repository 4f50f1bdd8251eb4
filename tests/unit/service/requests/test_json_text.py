"""How much there is in a JSON text, whatever its strings hold."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from service.requests.json_text import has_more_values
from tests.characters import CHARACTERS

SCALARS = st.none() | st.booleans() | st.integers() | st.text('",[{\\}]a', max_size=6)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(CHARACTERS, max_size=4), inner, max_size=4)
    ),
)


def count(value: Any) -> int:
    """Names and values, this one included."""
    match value:
        case dict():
            return 1 + len(value) + sum(map(count, value.values()))
        case list():
            return 1 + sum(map(count, value))
        case _:
            return 1


@pytest.mark.unmeasured
@given(VALUES)
def test_no_more_than_there_are(value: Any) -> None:
    text = json.dumps(value).encode()
    assert not has_more_values(text, count(value))


@pytest.mark.parametrize(
    ("text", "most"),
    [
        (b'["a,[{", "\\",\\\\"]' + b" " * 100, 2),
        (b'{"urls": [' + b",".join([b'"http://a.test/,,,,,"'] * 100_000) + b"]}", 100_003),
        (b'"' + b"," * 1_000_000 + b'"', 1),
    ],
    ids=["escapes", "commas in URLs", "one string"],
)
def test_marks_within_strings_are_none(text: bytes, most: int) -> None:
    assert not has_more_values(text, most)


@pytest.mark.parametrize(
    "text",
    [
        b"{" + b",".join(b'"%d":1' % n for n in range(200_001)) + b"}",
        b"[" + b"1," * 300_001 + b"1]",
        b"[" + b"[]," * 200_001 + b"1]",
        b"[" + b"{}," * 200_001 + b"1]",
        b'"' * 400_000,
    ],
    ids=["names", "numbers", "arrays", "objects", "no JSON"],
)
def test_what_the_parser_would_take_long_for(text: bytes) -> None:
    assert has_more_values(text, 100_000)

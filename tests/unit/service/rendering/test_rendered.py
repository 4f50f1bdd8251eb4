import json

import pytest

from service.rendering.rendered import iso_time, render


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1513961309.0, "2017-12-22T16:48:29.000Z"),
        (1513961309.5, "2017-12-22T16:48:29.500Z"),
        (1513961309.9996, "2017-12-22T16:48:29.999Z"),
        (951782400.001, "2000-02-29T00:00:00.001Z"),
    ],
)
def test_times_are_gmt_with_milliseconds(seconds: float, text: str) -> None:
    assert iso_time(seconds) == text


@pytest.mark.parametrize(
    "answer",
    [
        {"uploaded": []},
        {"a": None, "b": [1, 1.5, True], "c": {"d": "e"}},
        {"text": 'quote " backslash \\ newline \n null \x00'},
        {"text": "ü 漢 😀"},
        {"text": "half a pair \ud83d"},
    ],
    ids=["empty", "kinds", "escapes", "beyond ASCII", "surrogate"],
)
def test_what_is_rendered_reads_back(answer: object) -> None:
    assert json.loads(render(answer)) == answer


def test_text_is_utf_8() -> None:
    assert render({"text": "ü"}) == '{"text":"ü"}'.encode()

"""Parsing of server-sent events, in any chunks."""

import io
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from imgup.event_stream import HEARTBEAT, Event, read_events


class _Body(io.BytesIO):
    """The body of a response, in chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)

    def read1(self, _size: int = -1, /) -> bytes:
        return next(filter(None, self._chunks), b"")


def _read(*chunks: bytes) -> list[Event]:
    return list(read_events(_Body(chunks)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_an_event_has_name_data_and_id(end):
    lines = ["id: 7", "event: change", "data: one", "data:two", "", ""]
    assert _read(end.join(lines).encode()) == [Event("change", "one\ntwo", "7")]


def test_an_event_without_a_name_is_a_message():
    assert _read(b"data: x\n\n") == [Event("message", "x")]


def test_an_id_holds_for_the_events_behind_it():
    assert [event.last_id for event in _read(b"id: 1\ndata: a\n\ndata: b\n\n")] == ["1", "1"]


def test_an_event_without_data_and_one_cut_short_are_none():
    assert _read(b"event: a\n\n", b"event: b\ndata: x\n") == []


def test_a_comment_is_a_heartbeat():
    assert _read(b": heartbeat\n\ndata: x\n\n") == [HEARTBEAT, Event("message", "x")]


def test_unknown_fields_and_a_byte_order_mark_are_passed_over():
    assert _read(b"\xef\xbb\xbfdata: x\nnovel: y\nretry: 5\nid: a\0b\n\n") == [
        Event("message", "x")
    ]


def test_an_event_is_there_before_the_next_chunk():
    def chunks():
        yield b"data: x\n\n"
        pytest.fail("asked for more before the event was given")

    assert next(read_events(_Body(chunks()))) == Event("message", "x")


STREAM = (
    'id: 1\r\nevent: snapshot\r\ndata: {"é": 1}\r\n\r\n: heartbeat\n\n'
    "data: a\ndata: b\n\nid: 2\revent: end\rdata: {}\r\r"
).encode()


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_how_a_stream_is_cut_changes_nothing(cuts):
    places = sorted({0, *cuts, len(STREAM)})
    chunks = [STREAM[a:b] for a, b in pairwise(places)]
    assert _read(*chunks) == _read(STREAM)
    assert [event.name for event in _read(STREAM)] == ["snapshot", "heartbeat", "message", "end"]

"""Server-sent events out of bytes (WHATWG HTML, section 9.2)."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        name: its type; `message` where the stream gives none.
        data: its lines of data, joined.
        last_id: the id that resumes the stream behind it; empty if none was given.
    """

    name: str
    data: str
    last_id: str = ""


HEARTBEAT: Final = Event("heartbeat", "")
"""Stands for a comment, which servers send to show that the connection lives."""


def read_events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """The events of a stream, each as soon as it is whole; one that is cut short is none."""
    name, data, last_id = "", list[str](), ""
    for line in _lines(chunks):
        if not line:
            if data:
                yield Event(name or "message", "\n".join(data), last_id)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "":
                yield HEARTBEAT
            case "event":
                name = value
            case "data":
                data.append(value)
            case "id" if "\0" not in value:
                last_id = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest: list[str] = []
    is_first, after_return = True, False
    for chunk in chunks:
        text = decoder.decode(chunk)
        if is_first and text:
            text, is_first = text.removeprefix(_BYTE_ORDER_MARK), False
        if after_return and text:
            # The second half of a line end whose first one ended the last chunk.
            text, after_return = text.removeprefix("\n"), False
        if text.endswith("\r"):
            after_return = True
        *whole, tail = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in whole:
            yield "".join([*rest, line])
            rest = []
        if tail:
            rest.append(tail)

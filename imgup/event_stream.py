"""Server-sent events out of bytes (WHATWG HTML, section 9.2)."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final


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


def read_events(body: IO[bytes]) -> Iterator[Event]:
    """The events of a stream, each as soon as it is whole; one that is cut short is none.

    Args:
        body: of the answer; its `read1` gives what has come, and waits only where that is nothing.
    """
    name, data, last_id = "", list[str](), ""
    for text in io.TextIOWrapper(body, encoding="utf-8-sig", errors="replace"):
        line = text.removesuffix("\n")
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

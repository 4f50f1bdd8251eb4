"""Parses server-sent events (WHATWG HTML, section 9.2)."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final


@dataclass(frozen=True, slots=True)
class Event:
    name: str  # its type; `message` by default
    data: str  # its lines of data, joined
    last_id: str = ""  # resumes the stream after this event; empty if none was sent


HEARTBEAT: Final = Event("heartbeat", "")
"""Stands for a comment, which servers send to show that the connection is alive."""


def read_events(body: IO[bytes]) -> Iterator[Event]:
    """Yield the events of a stream, each as soon as it is complete; a truncated one is dropped.

    `read1` of the body returns what has arrived, and blocks only without data.
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

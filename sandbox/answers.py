"""The kinds of answer: at once, later, and out of line."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from sandbox.http_message import Response

_ARRIVAL_SECONDS = 0.05  # a reset right behind the data could overtake it in the other's buffers


class Wire(Protocol):
    """The sending side of a connection."""

    async def send(self, data: bytes) -> None:
        """Write `data`; wait while the other side reads too slowly."""
        ...

    def reset(self) -> None:
        """Break the connection off with a TCP reset."""
        ...


@dataclass(frozen=True, slots=True)
class Later:
    """An ordinary answer that is not ready yet; other connections go on meanwhile."""

    prepare: Callable[[], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Performance:
    """An answer that writes its own bytes, right or wrong; the connection ends after it."""

    play: Callable[[Wire], Awaitable[None]]


Answer = Response | Later | Performance


def delayed(seconds: float, answer: Answer) -> Answer:
    """The same answer, begun only after `seconds`."""
    if isinstance(answer, Performance):
        performance = answer

        async def play(wire: Wire) -> None:
            await asyncio.sleep(seconds)
            await performance.play(wire)

        return Performance(play)

    async def prepare() -> Response:
        await asyncio.sleep(seconds)
        return answer if isinstance(answer, Response) else await answer.prepare()

    return Later(prepare)


def reset_after(head: bytes) -> Performance:
    """Send `head`, then a TCP reset."""

    async def play(wire: Wire) -> None:
        if head:
            await wire.send(head)
            await asyncio.sleep(_ARRIVAL_SECONDS)
        wire.reset()

    return Performance(play)


def dripped(slow: bytes, seconds: float, *, first: bytes = b"") -> Performance:
    """Send `first` at once, then `slow` byte by byte with `seconds` after each."""

    async def play(wire: Wire) -> None:
        if first:
            await wire.send(first)
        for at in range(len(slow)):
            await wire.send(slow[at : at + 1])
            await asyncio.sleep(seconds)

    return Performance(play)

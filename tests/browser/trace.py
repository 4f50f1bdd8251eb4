"""What a page costs, read from Chromium's own trace: tasks of its main thread, and its frames."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

CATEGORIES = (
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "blink.user_timing",
)
MARK = "measured page"
"""Made by the page itself, so that its main thread is told from those of other pages."""

# Frames are made where something changes. While this runs there is one whenever there can be.
ASK_FOR_FRAMES = f"""
window.measured = true;
(function next() {{ if (window.measured) requestAnimationFrame(next); }})();
performance.mark({MARK!r}); 1
"""
NO_MORE_FRAMES = "window.measured = false; 1"


@dataclass(frozen=True)
class Costs:
    """All in milliseconds, the longest first.

    Attributes:
        tasks_by_clock: how long each task of the main thread took, waiting for a core included.
        tasks_by_thread: the processor's time of each.
        frame_intervals: from one frame of the main thread to the next.
    """

    tasks_by_clock: list[float]
    tasks_by_thread: list[float]
    frame_intervals: list[float]


def costs_of(events: Iterable[Mapping[str, Any]]) -> Costs:
    """Read a trace (Trace Event Format, whose times are in microseconds)."""
    all_events = list(events)
    marks = [event for event in all_events if event["name"] == MARK]
    (thread,) = {(mark["pid"], mark["tid"]) for mark in marks}
    mine = [event for event in all_events if (event["pid"], event["tid"]) == thread]
    # Those that the trace began or ended in have no duration.
    tasks = [event for event in mine if event["name"] == "RunTask" and "dur" in event]
    frames = sorted({event["ts"] for event in mine if event["name"] == "FireAnimationFrame"})
    return Costs(
        _longest(task["dur"] for task in tasks),
        _longest(task.get("tdur", 0) for task in tasks),
        _longest(later - earlier for earlier, later in pairwise(frames)),
    )


def _longest(microseconds: Iterable[int]) -> list[float]:
    return sorted((time / 1000 for time in microseconds), reverse=True)

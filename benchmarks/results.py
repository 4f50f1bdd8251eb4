"""All that was measured in a run, and the figures that are drawn from it."""

import json
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.contender import Turn

Key = tuple[str, str]
"""A case and a contender, or whatever else a row of a table is."""


@dataclass(frozen=True)
class Figure:
    """A median and the range around it."""

    median: float
    lowest: float
    highest: float
    count: int

    def text(self, digits: int, unit: str = "") -> str:
        """As in the tables: ``798 (765-811)``."""
        middle = f"{self.median:,.{digits}f}{unit}"
        if self.count == 1:
            return middle
        return f"{middle} ({self.lowest:,.{digits}f}-{self.highest:,.{digits}f})"


@dataclass
class Results:
    """What the cases fill.

    Attributes:
        turns: by case and contender, one a round.
        samples: latencies in seconds, and memory in megabytes, by name.
    """

    turns: dict[Key, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    samples: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, case: str, contender: str, turn: Turn) -> None:
        self.turns[case, contender].append(turn)

    def add_samples(self, case: str, name: str, values: Sequence[float]) -> None:
        self.samples[case, name] += values

    def contenders(self, case: str) -> list[str]:
        """Who took part in a case, in the order of their first turns."""
        return [contender for of, contender in self.turns if of == case]

    def names(self, case: str) -> list[str]:
        """What a case sampled."""
        return [name for of, name in self.samples if of == case]

    def figure(self, case: str, contender: str, what: str) -> Figure:
        """A turn's attribute over all rounds."""
        return figure([getattr(turn, what) for turn in self.turns[case, contender]])

    def save(self, path: Path) -> None:
        """Keep it raw, as JSON."""
        turns = [
            {"case": case, "contender": contender, "turns": [asdict(turn) for turn in turns]}
            for (case, contender), turns in self.turns.items()
        ]
        samples = [
            {"case": case, "name": name, "values": values}
            for (case, name), values in self.samples.items()
        ]
        path.write_text(json.dumps({"turns": turns, "samples": samples}, indent=1))


def figure(values: Sequence[float]) -> Figure:
    """The median and the range of these."""
    return Figure(statistics.median(values), min(values), max(values), len(values))


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest of these that `part` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

"""What processes cost, by what the system counts: CPU and memory of whole trees."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_USER_TIME = 11  # fields of /proc/PID/stat behind the name: user, system, and the reaped
_TIMES = 4  # children's user and system time (proc(5))
_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True)
class ProcessMemory:
    """One process.

    Attributes:
        name: what ps(1) calls it, which it may have chosen itself.
        command: its command line.
        resident: megabytes in memory, those shared with other processes included.
        proportional: megabytes where a shared page counts by its share, so that they add up.
    """

    name: str
    command: str
    resident: float
    proportional: float


def usable_cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def tree(roots: Iterable[int]) -> list[int]:
    """These processes and all that descend from them."""
    found: list[int] = []
    new = list(roots)
    while new:
        found += new
        new = [child for pid in new for child in _children(pid)]
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """CPU seconds that these trees have used so far, children that have ended included."""
    return sum(_cpu_ticks(pid) for pid in tree(roots)) / CLOCK_TICKS


def memory(roots: Iterable[int]) -> list[ProcessMemory]:
    """The memory of each process of these trees, parents first."""
    return [used for pid in tree(roots) if (used := _memory(pid)) is not None]


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except _GONE:
        return []


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except _GONE:
        return 0
    return sum(map(int, fields[_USER_TIME : _USER_TIME + _TIMES]))


def _memory(pid: int) -> ProcessMemory | None:
    try:
        name = Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
        command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except _GONE:
        return None
    kilobytes = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
    return ProcessMemory(name, command, kilobytes["Rss:"] / 1024, kilobytes["Pss:"] / 1024)

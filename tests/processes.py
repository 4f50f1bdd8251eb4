"""What the system knows of processes: proc(5)."""

import os
import signal
from pathlib import Path

from tests.waiting import wait_until


def is_running(pid: int) -> bool:
    return _state(Path(f"/proc/{pid}")) not in "ZX"


def _state(task: Path) -> str:
    """The letter of proc(5) for the state of a process or thread; X if there is none any more."""
    try:
        # It follows the name, which stands in parentheses.
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def children_of(pid: int) -> set[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return {int(child) for task in tasks for child in (task / "children").read_text().split()}
    except (FileNotFoundError, ProcessLookupError):
        return set()


def suspend(pid: int) -> None:
    """Stop a process, all of its threads: one may still answer when others have stopped."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    wait_until(
        lambda: all(_state(task) in "TX" for task in tasks.iterdir()), "the process does not stop"
    )


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def name_of(pid: int) -> str:
    """What ps(1) calls it, which it may have chosen itself; up to 15 characters."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""

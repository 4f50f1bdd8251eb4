"""The cores and the memory of this process: those of the machine or of its container."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_V1_CONTROLLER = "memory"


def usable_cores() -> int:
    """Return the number of CPU cores; a container is often given fewer than there are."""
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return usable or 1


def memory_limit(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return the lowest memory limit in bytes.

    Args:
        cgroups: where control groups are mounted (cgroups(7)); of version 1, the folder above.
        membership: names the groups of this process.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits(cgroups, membership)])


def _limits(cgroups: Path, membership: Path) -> Iterator[int]:
    for file in _limit_files(cgroups, membership):
        try:
            text = file.read_text().strip()
        except OSError:
            continue  # the root group has no limit; a container may not see its parent groups
        if text.isdecimal():  # else "max"
            yield int(text)


def _limit_files(cgroups: Path, membership: Path) -> Iterator[Path]:
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            root, name = cgroups, "memory.max"
        elif _V1_CONTROLLER in controllers.split(","):
            root, name = cgroups / _V1_CONTROLLER, "memory.limit_in_bytes"
        else:
            continue
        # Limits of all parent groups apply as well. In a container the path may be the host's, and
        # only the root exists.
        path = Path(group.lstrip("/"))
        for folder in (path, *path.parents):
            yield root / folder / name

"""The cores and the memory of this process: those of the machine or of its container."""

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return the number of CPU cores; a container is often given fewer than there are, as cores or
    as a share of the time of all. A part of a core counts as one.

    Args:
        cgroups: where control groups are mounted (cgroups(7)); of version 1, the folder above.
        membership: names the groups of this process.
    """
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    shares = [math.ceil(share) for share in _cpu_shares(cgroups, membership)]
    return min([usable or 1, *shares])


def memory_limit(cgroups: Path = _CGROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Return the lowest memory limit in bytes; for the arguments see `usable_cores`."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_memory_limits(cgroups, membership)])


def _memory_limits(cgroups: Path, membership: Path) -> Iterator[int]:
    files = (["memory.max"], ["memory.limit_in_bytes"])
    for words in _limits(cgroups, membership, "memory", *files):
        if words[0].isdecimal():  # else "max"
            yield int(words[0])


def _cpu_shares(cgroups: Path, membership: Path) -> Iterator[float]:
    files = (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"])
    for quota, *period in _limits(cgroups, membership, "cpu", *files):
        if quota.isdecimal() and period:  # else "max", or in version 1 -1
            yield int(quota) / int(period[0])


def _limits(
    cgroups: Path,
    membership: Path,
    controller: str,
    names: list[str],
    names_in_version_1: list[str],
) -> Iterator[list[str]]:
    """Yield the words in the files of each group that limits this process."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            root, files = cgroups, names
        elif controller in controllers.split(","):
            root, files = cgroups / controller, names_in_version_1
        else:
            continue
        # Limits of all parent groups apply as well. In a container the path may be the host's, and
        # only the root exists.
        path = Path(group.lstrip("/"))
        for folder in (path, *path.parents):
            try:
                texts = [(root / folder / name).read_text() for name in files]
            except OSError:
                continue  # the root group has no limit; a container may not see its parent groups
            words = " ".join(texts).split()
            if words:
                yield words

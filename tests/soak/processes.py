"""What Linux knows of the processes of a running service, and a figure of each for the soak."""

import os
from pathlib import Path

from tests.processes import children_of, command_of, name_of
from tests.running_service import RunningService

ROLES = ("service", "manager", "fork server", "workers")

_FORKED = ("fork server", "workers")  # the one's pages are the others' too

Sample = dict[str, float]


def take_sample(service: RunningService, second: float) -> Sample:
    """Memory, threads and descriptors of each role; workers are counted together.

    The sandbox is no part of the product, and keeps what it is sent.
    """
    sample: Sample = {"second": second}
    pids = _pids_by_role(service.process.pid)
    for role in ROLES:
        memory = _share_of_memory if role in _FORKED else _resident
        sample[f"{role} bytes"] = sum(map(memory, pids[role]))
        sample[f"{role} threads"] = sum(len(_entries(pid, "task")) for pid in pids[role])
        sample[f"{role} descriptors"] = sum(len(_entries(pid, "fd")) for pid in pids[role])
    sample["total bytes"] = sum(sample[f"{role} bytes"] for role in ROLES)
    sample["manager connections"] = sum(map(_sockets, pids["manager"]))
    return sample


def _pids_by_role(service_pid: int) -> dict[str, list[int]]:
    pids: dict[str, list[int]] = {role: [] for role in ROLES}
    pids["service"].append(service_pid)
    for child in children_of(service_pid):
        if "multiprocessing.forkserver" in command_of(child):
            pids["fork server"].append(child)
            for forked in children_of(child):
                pids["manager" if name_of(forked) == "imgup-manager" else "workers"].append(forked)
    return pids


def _share_of_memory(pid: int) -> int:
    """Bytes of its own, and its part of those shared with others (PSS): parts that add up. To read
    it takes some 60 ms for each GB, in which the process may wait for memory: not for large ones.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # killed meanwhile
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _entries(pid: int, folder: str) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/{folder}").iterdir())
    except OSError:
        return []


def _sockets(pid: int) -> int:
    count = 0
    for number in _entries(pid, "fd"):
        try:
            count += str(number.readlink()).startswith("socket:")
        except OSError:
            continue
    return count

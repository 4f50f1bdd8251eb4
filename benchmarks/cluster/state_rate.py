"""How many round trips one state actor can take, and what a URL takes of its memory."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ray

from benchmarks.cluster.caller import Caller, Talk
from benchmarks.cluster.counted_state import CountedState
from benchmarks.cluster.driver import WHERE
from benchmarks.processes import cpu_seconds
from workers import (
    BackendConfig,
    DownloadPolicy,
    ImgurAccess,
    Submission,
    WorkerConfig,
)
from workers.runtime.ray.calls import STATE_THREADS, Actor, objects_of
from workers.runtime.ray.connection import connect, disconnect

_SECONDS = 0.5
_PASSES = 4
_URLS_A_JOB = 100_000
_JOBS = 4
_CALLERS = 4
_TALKS = [(callers, batch) for batch in (0, 1, 8, 32) for callers in (1, _CALLERS)]


@dataclass(frozen=True)
class Rate:
    """What some callers got.

    Attributes:
        callers: actors that spoke at once.
        batch: see `Caller.talk`.
        trips: round trips a second, all callers together.
        images: the same.
        state_cpu_ms: CPU milliseconds of the state actor's process, a round trip.
    """

    callers: int
    batch: int
    trips: float
    images: float
    state_cpu_ms: float


def measured() -> dict[str, Any]:
    """Figures of one state actor: a list of `Rate`, each talk several times, and its memory."""
    connect(WHERE)
    try:
        state = (
            ray.remote(concurrency_groups=STATE_THREADS)(CountedState).options(num_cpus=0).remote()
        )
        ray.get(state.open.remote(_config(), None))
        pid = ray.get(state.pid.remote())
        before = _kilobytes(pid)
        _put(state)
        memory = (_kilobytes(pid) - before) * 1024 / (_JOBS * _URLS_A_JOB)
        callers = [_caller(state, f"caller-{number}") for number in range(_CALLERS)]
        ray.get([caller.talk.remote(0.2, 1) for caller in callers])  # until all are up
        rates = [
            asdict(_rate(callers[:count], pid, batch))
            for _ in range(_PASSES)
            for count, batch in _TALKS
        ]
    finally:
        disconnect()
    return {"bytes_a_url": memory, "rates": rates}


def _put(state: Actor) -> None:
    mailbox = objects_of(state).mailbox
    for job in range(_JOBS):
        urls = tuple(f"http://source-{n % 50}.example/{job}/{n}.jpg" for n in range(_URLS_A_JOB))
        mailbox.put(Submission(f"job-{job}", urls))


def _caller(state: Actor, name: str) -> Actor:
    objects_of(state).mailbox.register(name)
    return ray.remote(Caller).options(num_cpus=0).remote(state, name)


def _rate(callers: list[Actor], pid: int, batch: int) -> Rate:
    before = cpu_seconds([pid])
    talks: list[Talk] = ray.get([caller.talk.remote(_SECONDS, batch) for caller in callers])
    cpu = cpu_seconds([pid]) - before
    return Rate(
        len(callers),
        batch,
        sum(talk.trips / talk.seconds for talk in talks),
        sum(talk.images / talk.seconds for talk in talks),
        1000 * cpu / sum(talk.trips for talk in talks),
    )


def _kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _config() -> BackendConfig:
    worker = WorkerConfig(1, 1, DownloadPolicy(), ImgurAccess("http://127.0.0.1:1", "bench"))
    # No limit for a source: what the state can do is asked for, not what a source can.
    return BackendConfig(1, _JOBS * _URLS_A_JOB, worker, source_concurrency=0)

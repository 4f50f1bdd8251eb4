"""How many round trips an image takes at load.

It runs the backend as a service would, without the HTTP side, which makes none of them.
"""

import time
from typing import Any
from unittest.mock import patch

import ray

from benchmarks.cluster.counted_state import CountedState
from benchmarks.cluster.driver import WHERE
from benchmarks.front import Order
from benchmarks.processes import usable_cores
from workers import (
    BackendConfig,
    ChangesWanted,
    DownloadPolicy,
    ImgurAccess,
    LogConfig,
    Submission,
    WorkerConfig,
)
from workers.runtime.ray import actors
from workers.runtime.ray.backend import RayBackend

_LOOK_SECONDS = 0.05
_WARM_UP = 400


def measured(source: str, sink: str, lanes: str, images: str) -> dict[str, Any]:
    """Upload so many images with so many lanes a worker; count the round trips."""
    backend = RayBackend(_config(sink, int(lanes)), WHERE)
    # The only difference to the state that a service starts.
    with patch.object(actors, "BackendState", CountedState):
        backend.start()
    try:
        state = ray.get_actor(actors.STATE_NAME, WHERE.namespace)
        _upload(backend, source, _WARM_UP, "warm")
        before, began = ray.get(state.trips.remote()), time.perf_counter()
        _upload(backend, source, int(images), "job")
        seconds = time.perf_counter() - began
        trips = ray.get(state.trips.remote()) - before
    finally:
        backend.close()
        backend.drain(0.0)
        backend.stop()
    return {"images": int(images), "trips": trips, "seconds": seconds}


def _upload(backend: RayBackend, source: str, count: int, job_id: str) -> None:
    backend.mailbox.put(Submission(job_id, tuple(Order(source, count, "").urls())))
    while True:
        changes = backend.job_table.changes(ChangesWanted(job_id, limit=1))
        if changes is not None and changes.finished is not None:
            if changes.complete != count:
                raise RuntimeError(f"{changes.failed} of {count} images failed")
            return
        time.sleep(_LOOK_SECONDS)


def _config(sink: str, lanes: int) -> BackendConfig:
    workers = usable_cores()
    worker = WorkerConfig(
        lanes=lanes,
        max_attempts=4,
        download=DownloadPolicy(allowed_networks=("127.0.0.0/8",)),
        imgur=ImgurAccess(sink, "bench"),
        logs=LogConfig("json", "WARNING"),
    )
    return BackendConfig(workers, 1_000_000, worker)

"""How many round trips an image takes at load.

It runs the board as a service would, without the HTTP side, which makes none of them.
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
    BoardConfig,
    ChangesWanted,
    DownloadPolicy,
    ImgurAccess,
    LogConfig,
    Submission,
    WorkerConfig,
)
from workers.runtime.ray import actors
from workers.runtime.ray.backend import RayBoard

_LOOK_SECONDS = 0.05
_WARM_UP = 400


def measured(source: str, sink: str, lanes: str, images: str) -> dict[str, Any]:
    """Upload so many images with so many lanes a worker; count the round trips."""
    board = RayBoard(_config(sink, int(lanes)), WHERE)
    # The only difference to the state that a service starts.
    with patch.object(actors, "BoardState", CountedState):
        board.start()
    try:
        state = ray.get_actor(actors.STATE_NAME, WHERE.namespace)
        _upload(board, source, _WARM_UP, "warm")
        before, began = ray.get(state.trips.remote()), time.perf_counter()
        _upload(board, source, int(images), "job")
        seconds = time.perf_counter() - began
        trips = ray.get(state.trips.remote()) - before
    finally:
        board.close()
        board.drain(0.0)
        board.stop()
    return {"images": int(images), "trips": trips, "seconds": seconds}


def _upload(board: RayBoard, source: str, count: int, job_id: str) -> None:
    board.mailbox.put(Submission(job_id, tuple(Order(source, count, "").urls())))
    while True:
        changes = board.job_table.changes(ChangesWanted(job_id, limit=1))
        if changes is not None and changes.finished is not None:
            if changes.complete != count:
                raise RuntimeError(f"{changes.failed} of {count} images failed")
            return
        time.sleep(_LOOK_SECONDS)


def _config(sink: str, lanes: int) -> BoardConfig:
    workers = usable_cores()
    worker = WorkerConfig(
        lanes=lanes,
        max_attempts=4,
        download=DownloadPolicy(allowed_networks=("127.0.0.0/8",)),
        imgur=ImgurAccess(sink, "bench"),
        logs=LogConfig("json", "WARNING"),
    )
    return BoardConfig(workers, 1_000_000, worker)

"""An actor that speaks to the state as a worker does, and does nothing else."""

import time
from dataclasses import dataclass

from workers.contract.messages.outcomes import Uploaded
from workers.contract.messages.round_trip import (
    DownloadReport,
    Lease,
    Report,
    WorkerRequest,
    WorkerResponse,
)
from workers.runtime.ray.calls import Actor, objects_of

_OUTCOME = Uploaded("https://i.imgur.com/bench123.jpg", "deletehash12345")


@dataclass(frozen=True, slots=True)
class Talk:
    """What a caller has done.

    Attributes:
        trips: round trips.
        images: taken, announced and reported.
        seconds: that it took.
    """

    trips: int
    images: int
    seconds: float


class Caller:
    """The actor's class.

    Args:
        state: the state actor.
        worker_id: registered in its mailbox.
    """

    def __init__(self, state: Actor, worker_id: str) -> None:
        self._mailbox = objects_of(state).mailbox
        self._worker_id = worker_id
        self._trips = 0

    def talk(self, seconds: float, batch: int) -> Talk:
        """Take images, announce and report them for so long.

        Args:
            seconds: how long.
            batch: images a round trip, their reports carried with the next request for as many;
                1 is a round trip for each word, 0 one without words or images.
        """
        images = self._trips = 0
        began = time.perf_counter()
        reports: tuple[Report, ...] = ()
        while (took := time.perf_counter() - began) < seconds:
            if batch == 0:
                self._exchange(WorkerRequest())
                continue
            leases = self._exchange(WorkerRequest(reports=reports, wanted=batch)).leases
            self._exchange(WorkerRequest(uploads=tuple(map(_download_report, leases))))
            reports = tuple(Report(lease.token, _OUTCOME) for lease in leases)
            if batch == 1:
                self._exchange(WorkerRequest(reports=reports))
                reports = ()
            images += len(leases)
        trips = self._trips
        self._exchange(WorkerRequest(reports=reports))
        return Talk(trips, images, took)

    def _exchange(self, words: WorkerRequest) -> WorkerResponse:
        self._trips += 1
        return self._mailbox.exchange(self._worker_id, words, 0.0)


def _download_report(lease: Lease) -> DownloadReport:
    return DownloadReport(lease.token, 68_000, "image/jpeg", 12)

"""The mailbox under real threads: lanes work, workers die, jobs come in, readers read."""

import itertools
import random
import threading

import pytest

from tests.job_snapshot import JobSnapshot, snapshot_of
from tests.waiting import wait_until
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState
from workers.contract.messages.outcomes import Deferred, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Directive, Lease, Report, WorkerRequest
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable
from workers.state.mailbox import Mailbox

JOBS = 20
URLS = 100
LANES = 4
PATIENCE_SECONDS = 60.0


class Floor:
    """Workers, each with a few lanes on one mailbox, and a reader of its table."""

    def __init__(self) -> None:
        self.table = JobTable()
        self.box = Mailbox(self.table, MailboxLimits(max_crashes=10_000))
        self.wrong: list[str] = []
        self.dedicated: list[str] = []
        # Not more: three in a row make a pause of a minute.
        self._deferrals = iter([Deferred("imgur-rate-limited", "Wait.", 0.001)] * 2)
        self._names = (f"w{number}" for number in itertools.count())
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._begin(self._read)

    def hire(self) -> None:
        self.dedicated.append(next(self._names))
        self.box.register(self.dedicated[-1])
        for number in range(LANES):
            self._begin(self._work, self.dedicated[-1], number)

    def finish(self) -> None:
        """Wait until all URLs are final, then send everybody home."""
        wait_until(lambda: not self.table.unfinished())
        self._stop.set()
        for worker_id in self.dedicated:
            self.box.fence(worker_id)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def snapshots(self) -> list[JobSnapshot]:
        found = [snapshot_of(self.table, f"j{number}") for number in range(JOBS)]
        return [snapshot for snapshot in found if snapshot is not None]

    def _begin(self, target, *args: object) -> None:  # type: ignore[no-untyped-def] # any
        self._threads.append(threading.Thread(target=target, args=args))
        self._threads[-1].start()

    def _work(self, worker_id: str, seed: int) -> None:
        dice = random.Random(seed)
        reports: tuple[Report, ...] = ()
        while True:
            turn = self.box.exchange(
                worker_id, WorkerRequest(reports, wanted=dice.randint(1, 3)), 0.2
            )
            if turn.directive is Directive.FENCED:
                return
            reports = tuple(
                Report(lease.token, self._outcome(dice, lease)) for lease in turn.leases
            )

    def _outcome(self, dice: random.Random, lease: Lease) -> Outcome:
        uploaded = Uploaded(f"{lease.job_id}/{lease.index}", "d")
        match dice.randrange(10):
            case 0:
                return RetryLater("source-error", "Busy.", 0.001)
            case 1:
                return next(self._deferrals, uploaded)
            case 2:
                return Failed("empty", "Nothing came.")
            case _:
                return uploaded

    def _read(self) -> None:
        done_before: dict[str, int] = {}
        while not self._stop.wait(0.005):
            for snapshot in self.snapshots():
                done = len(snapshot.states) - snapshot.states.count(ImageState.PENDING)
                if done < done_before.get(snapshot.job_id, 0):
                    self.wrong.append(f"{snapshot.job_id} went back")
                if (snapshot.finished is not None) is not (done == len(snapshot.urls)):
                    self.wrong.append(f"{snapshot.job_id} disagrees with itself")
                done_before[snapshot.job_id] = done


@pytest.mark.unmeasured
def test_each_url_ends_exactly_once() -> None:
    floor = Floor()
    for _ in range(4):
        floor.hire()
    dice = random.Random(7)
    for number in range(JOBS):
        floor.box.put(Submission(f"j{number}", tuple(f"u{n}" for n in range(URLS))))
        floor.box.fence(floor.dedicated.pop(dice.randrange(len(floor.dedicated))))
        floor.hire()

    floor.finish()

    assert floor.table.unfinished() == {}
    assert not floor.wrong
    states = b"".join(snapshot.states for snapshot in floor.snapshots())
    assert len(states) == JOBS * URLS
    links = floor.table.links(0, JOBS * URLS)
    assert len(links) == len(set(links)) == states.count(ImageState.COMPLETE)
    assert floor.box.stats().queued == floor.box.stats().leased == 0

"""The lanes of a worker speak to the mailbox together.

A round trip a lane and word costs more than the word. Here one thread, the postman, carries what
all lanes have said since it last left, and asks for as many leases as lanes are free. While it is
on its way the next words gather: the busier the worker, the fewer trips an image takes. When there
is nothing to be had, a second thread, the lookout, waits in the mailbox for work, so that the
postman stays free for the lanes that are busy.
"""

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from workers.contract.messages import (
    Ack,
    Directive,
    DownloadReport,
    Lease,
    NotNow,
    Report,
    TaskKind,
    UploadDecision,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.quota import Quota
from workers.worker.concurrency_limiter import ConcurrencyLimiter

WATCH_SECONDS = 1.0
"""How long the lookout waits at a time. Bounded, so that the mailbox hears of an idle worker now
and then; waiting costs nothing, and a new job ends it at once."""

Exchange = Callable[[WorkerRequest, float], WorkerResponse]
"""The mailbox's `exchange`, a worker's id bound to it."""

_Answers = SimpleQueue[Ack | UploadDecision | BaseException]
_Leases = SimpleQueue[Lease | BaseException | None]


class RequestBatcher:
    """Gathers the words of all lanes of a worker.

    Args:
        exchange: one round trip.
        limiter: how many lanes may be at work; it may change at any time, see `look_again`.
        quota: what is to be passed on of Imgur's limits, once; None when there is nothing new.
        rest_seconds: from one trip's end to the next one's start at least, so that more words
            gather, where a trip costs much more than a word. One that comes later leaves at once.
    """

    def __init__(
        self,
        exchange: Exchange,
        limiter: ConcurrencyLimiter,
        quota: Callable[[], Quota | None] = lambda: None,
        rest_seconds: float = 0.0,
    ) -> None:
        self._exchange = exchange
        self._rest_seconds = rest_seconds
        self._quota = quota
        self._limiter = limiter
        self._lock = threading.Lock()
        # Of the two threads, so that a word wakes only the one that it concerns.
        self._to_carry = threading.Condition(self._lock)
        self._to_watch = threading.Condition(self._lock)
        self._reports: list[tuple[Report, _Answers]] = []
        self._uploads: list[tuple[DownloadReport, _Answers]] = []
        self._free: list[_Leases] = []
        self._at_work = 0
        self._is_watching = False
        self._is_closed = False
        self._failure: BaseException | None = None
        # Daemons: the lookout may still wait in the mailbox when the last lane has left.
        for name, run in (("postman", self._carry), ("lookout", self._watch)):
            threading.Thread(target=self._guarded, args=(run,), name=name, daemon=True).start()

    def lane_client(self) -> "LaneClient":
        """A lane's own end of the outbox."""
        return LaneClient(self)

    def look_again(self) -> None:
        """The pace has changed: more lanes may be of use now."""
        with self._lock:
            self._to_carry.notify()

    def close(self) -> None:
        """Let the postman and the lookout go; to be called when the last lane has left."""
        with self._lock:
            self._close()

    # --- a lane, through its desk -----------------------------------------------------------

    def report(self, report: Report, answers: _Answers, leases: _Leases, *, at_work: int) -> None:
        with self._lock:
            self._refuse_if_failed()
            self._reports.append((report, answers))
            self._at_work -= at_work
            self._free.append(leases)
            self._to_carry.notify()

    def ask(self, leases: _Leases) -> None:
        with self._lock:
            self._refuse_if_failed()
            self._free.append(leases)
            self._to_carry.notify()

    def announce_upload(self, download_report: DownloadReport, answers: _Answers) -> None:
        with self._lock:
            self._refuse_if_failed()
            self._uploads.append((download_report, answers))
            self._to_carry.notify()

    # --- the postman ------------------------------------------------------------------------

    def _carry(self) -> None:
        rested_at = 0.0
        while True:
            with self._lock:
                self._to_carry.wait_for(self._has_something_to_carry)
            if (rest := rested_at - time.monotonic()) > 0:
                # Not in the condition: each word that gathers would wake this thread.
                time.sleep(rest)
            with self._lock:
                if self._is_closed:
                    return
                if not self._has_something_to_carry():
                    continue
                reports, self._reports = self._reports, []
                uploads, self._uploads = self._uploads, []
                # While the lookout asks for work nobody else does: a lease would find no lane.
                wanted = 0 if self._is_watching else self._lanes_of_use()
            words = WorkerRequest(
                tuple(report for report, _ in reports),
                tuple(download_report for download_report, _ in uploads),
                wanted,
                quota=self._quota(),
            )
            waiting = [answers for _, answers in (*reports, *uploads)]
            try:
                response = self._exchange(words, 0.0)
            except BaseException as error:
                for answers in waiting:
                    answers.put(error)
                raise
            rested_at = time.monotonic() + self._rest_seconds
            said = (*response.acks, *response.cleared)
            for answers, answer in zip(waiting, said, strict=True):
                answers.put(answer)
            if wanted:
                self._hand_out(response, look_out=len(response.leases) < wanted)

    def _has_something_to_carry(self) -> bool:
        is_asking = not self._is_watching and self._lanes_of_use() > 0
        return bool(self._reports or self._uploads or is_asking or self._is_closed)

    def _lanes_of_use(self) -> int:
        return max(0, min(len(self._free), self._limiter.allowed - self._at_work))

    # --- the lookout ------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            with self._lock:
                self._to_watch.wait_for(lambda: self._is_watching or self._is_closed)
                if self._is_closed:
                    return
                wanted = max(1, self._lanes_of_use())
            response = self._exchange(WorkerRequest(wanted=wanted), WATCH_SECONDS)
            self._hand_out(response, look_out=response.directive is Directive.IDLE)

    # --- both -------------------------------------------------------------------------------

    def _hand_out(self, response: WorkerResponse, *, look_out: bool) -> None:
        with self._lock:
            for lease in response.leases:
                # The lane that was at work last: its connections are still open.
                self._free.pop().put(lease)
            self._at_work += sum(map(_counts, response.leases))
            if response.directive in (Directive.DRAINED, Directive.FENCED):
                while self._free:
                    self._free.pop().put(None)
            self._is_watching = look_out and bool(self._free)
            (self._to_watch if self._is_watching else self._to_carry).notify()

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - each lane raises it, and sees to it
            with self._lock:
                self._failure = error
                for _, answers in (*self._reports, *self._uploads):
                    answers.put(error)
                for leases in self._free:
                    leases.put(error)
                self._close()

    def _close(self) -> None:
        self._is_closed = True
        self._to_carry.notify()
        self._to_watch.notify()

    def _refuse_if_failed(self) -> None:
        if self._failure is not None:
            raise self._failure


class LaneClient:
    """One lane's end of the outbox: where it says its words and waits for the answers."""

    def __init__(self, batcher: RequestBatcher) -> None:
        self._batcher = batcher
        self._answers: _Answers = SimpleQueue()
        # Apart: the lookout may bring the next lease before the postman is back with the receipt.
        self._leases: _Leases = SimpleQueue()
        self._has_asked = False
        self._at_work = 0  # for the pace: 1 with an image

    def lease(self) -> Lease | None:
        """Wait for the next lease; None when there is nothing more to do here."""
        if not self._has_asked:
            self._batcher.ask(self._leases)
        self._has_asked = False
        lease = self._leases.get()
        if isinstance(lease, BaseException):
            raise lease
        self._at_work = int(lease is not None and _counts(lease))
        return lease

    def report(self, report: Report) -> Ack:
        """End a lease. The next one is asked for in the same round trip; `lease` waits for it."""
        self._batcher.report(report, self._answers, self._leases, at_work=self._at_work)
        self._has_asked = True
        answer = self._take()
        assert isinstance(answer, Ack)  # noqa: S101 - tells the type checker
        return answer

    def begin_upload(self, download_report: DownloadReport) -> UploadDecision:
        """Note that the image of a lease is about to be sent; False: it must not be sent; a link:
        it is there already; `NotNow`: it must wait.
        """
        self._batcher.announce_upload(download_report, self._answers)
        answer = self._take()
        assert isinstance(answer, bool | str | NotNow)  # noqa: S101 - tells the type checker
        return answer

    def _take(self) -> Ack | UploadDecision:
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _counts(lease: Lease) -> bool:
    """Other tasks than images wait for others and need no processor: they are not the pace's
    business.
    """
    return lease.kind is TaskKind.IMAGE

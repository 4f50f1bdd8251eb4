"""Batches the requests of a worker's lanes to the mailbox.

A round trip costs more than the request in it. So one thread, the sender, sends the requests of all
lanes together, and asks for as many leases as lanes are free. Requests that come meanwhile form the
next batch: the busier the worker, the fewer round trips an image takes. If there is no work, a
second thread, the long poller, waits for it at the mailbox, so that the sender stays available to
busy lanes.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from workers.contract.messages.outcomes import Deferred
from workers.contract.messages.round_trip import (
    Ack,
    Directive,
    DownloadReport,
    Lease,
    Report,
    UploadDecision,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.tasks import TaskKind
from workers.contract.quota import Quota
from workers.worker.concurrency_limiter import ConcurrencyLimiter

WATCH_SECONDS = 1.0
"""Maximum wait of a long poll: a sign of life to the mailbox. A new job ends the wait at once."""

Exchange = Callable[[WorkerRequest, float], WorkerResponse]
"""The mailbox's `exchange` with a bound worker id."""

_Answers = SimpleQueue[Ack | UploadDecision | BaseException]
_Leases = SimpleQueue[Lease | BaseException | None]


@dataclass(eq=False)
class RequestBatcher:
    """Batches the requests of all lanes of a worker. Thread-safe."""

    exchange: Exchange
    limiter: ConcurrencyLimiter  # of the busy lanes; after a change call `look_again`
    quota: Callable[[], Quota | None] = lambda: None  # to report, once; None without a change
    # Minimum time between two round trips, to batch more requests where a round trip is expensive.
    # A later request is sent at once.
    rest_seconds: float = 0.0
    _reports: list[tuple[Report, _Answers]] = field(default_factory=list, init=False)
    _uploads: list[tuple[DownloadReport, _Answers]] = field(default_factory=list, init=False)
    _conversions: list[int] = field(default_factory=list, init=False)
    _free: list[_Leases] = field(default_factory=list, init=False)
    _at_work: int = field(default=0, init=False)
    _is_watching: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)
    _failure: BaseException | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        # One for each thread, so that a request wakes only one of them.
        self._to_carry = threading.Condition(self._lock)
        self._to_watch = threading.Condition(self._lock)
        # Daemons: the long poller may still wait at the mailbox when the last lane has ended.
        for name, run in (("sender", self._carry), ("long-poller", self._watch)):
            threading.Thread(target=self._guarded, args=(run,), name=name, daemon=True).start()

    def look_again(self) -> None:
        """Check again after a change of the limiter: more lanes may be allowed now."""
        with self._lock:
            self._to_carry.notify()

    def close(self) -> None:
        """End both threads; call it after the end of the last lane."""
        with self._lock:
            self._close()

    # --- called by lane clients ---------------------------------------------------------------

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

    def announce_conversion(self, token: int) -> None:
        with self._lock:
            self._refuse_if_failed()
            self._conversions.append(token)
            self._to_carry.notify()

    # --- the sender -------------------------------------------------------------------------

    def _carry(self) -> None:
        rested_at = 0.0
        while True:
            with self._lock:
                self._to_carry.wait_for(self._has_something_to_carry)
            if (rest := rested_at - time.monotonic()) > 0:
                # Not in the condition, where each request would wake this thread.
                time.sleep(rest)
            with self._lock:
                if self._is_closed:
                    return
                if not self._has_something_to_carry():
                    continue
                reports, self._reports = self._reports, []
                uploads, self._uploads = self._uploads, []
                conversions, self._conversions = self._conversions, []
                # During a long poll only that asks for work; other leases would find no lane.
                wanted = 0 if self._is_watching else self._lanes_of_use()
            request = WorkerRequest(
                tuple(report for report, _ in reports),
                tuple(download_report for download_report, _ in uploads),
                wanted,
                quota=self.quota(),
                conversions=tuple(conversions),
            )
            waiting = [answers for _, answers in (*reports, *uploads)]
            try:
                response = self.exchange(request, 0.0)
            except BaseException as error:
                for answers in waiting:
                    answers.put(error)
                raise
            rested_at = time.monotonic() + self.rest_seconds
            received = (*response.acks, *response.cleared)
            for answers, answer in zip(waiting, received, strict=True):
                answers.put(answer)
            if wanted:
                self._hand_out(response, look_out=len(response.leases) < wanted)

    def _has_something_to_carry(self) -> bool:
        is_asking = not self._is_watching and self._lanes_of_use() > 0
        waiting = self._reports or self._uploads or self._conversions
        return bool(waiting or is_asking or self._is_closed)

    def _lanes_of_use(self) -> int:
        return max(0, min(len(self._free), self.limiter.allowed - self._at_work))

    # --- the long poller --------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            with self._lock:
                self._to_watch.wait_for(lambda: self._is_watching or self._is_closed)
                if self._is_closed:
                    return
                wanted = max(1, self._lanes_of_use())
            response = self.exchange(WorkerRequest(wanted=wanted), WATCH_SECONDS)
            self._hand_out(response, look_out=response.directive is Directive.IDLE)

    # --- both -------------------------------------------------------------------------------

    def _hand_out(self, response: WorkerResponse, *, look_out: bool) -> None:
        with self._lock:
            for lease in response.leases:
                # The most recently used lane, whose connections are still open.
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
        except BaseException as error:  # noqa: BLE001 - each lane raises it
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
    """A lane's client: sends requests through the batcher and waits for responses."""

    def __init__(self, batcher: RequestBatcher) -> None:
        self._batcher = batcher
        self._answers: _Answers = SimpleQueue()
        # Apart, as a long poll may return the next lease before the sender returns the ack.
        self._leases: _Leases = SimpleQueue()
        self._has_asked = False
        self._at_work = 0  # for the limiter: 1 with an image

    def lease(self) -> Lease | None:
        """Wait for the next lease; None at the end of the worker."""
        if not self._has_asked:
            self._batcher.ask(self._leases)
        self._has_asked = False
        lease = self._leases.get()
        if isinstance(lease, BaseException):
            raise lease
        self._at_work = int(lease is not None and _counts(lease))
        return lease

    def report(self, report: Report) -> Ack:
        """End a lease, and request the next one in the same round trip; `lease` waits for it."""
        self._batcher.report(report, self._answers, self._leases, at_work=self._at_work)
        self._has_asked = True
        answer = self._take()
        assert isinstance(answer, Ack)  # noqa: S101 - tells the type checker
        return answer

    def begin_upload(self, download_report: DownloadReport) -> UploadDecision:
        """Note that the image of a lease is about to be sent; False: it must not be sent; a link:
        it is there already; `Deferred`: it must wait.
        """
        self._batcher.announce_upload(download_report, self._answers)
        answer = self._take()
        assert isinstance(answer, bool | str | Deferred)  # noqa: S101 - tells the type checker
        return answer

    def begin_conversion(self, token: int) -> None:
        """Extend the lease of an image that is to be converted; does not wait for a response."""
        self._batcher.announce_conversion(token)

    def _take(self) -> Ack | UploadDecision:
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _counts(lease: Lease) -> bool:
    """Return whether a lease counts for the limiter: other tasks than images hardly use the CPU."""
    return lease.kind is TaskKind.IMAGE

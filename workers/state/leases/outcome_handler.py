"""Handles the outcome of an attempt at a URL."""

from collections.abc import Callable
from typing import Final

from workers.contract.errors import Reason
from workers.contract.job_messages import CANCELLED
from workers.contract.messages import (
    CrashedUrl,
    Deferred,
    Failed,
    JobSummary,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
    UrlKey,
)
from workers.state.jobs.job_table import JobTable
from workers.state.quota.quota import UploadQuota, Verdict
from workers.state.schedule.scheduler import Scheduler

HELD_SECONDS: Final = 300.0
"""How long a refused image waits for others to tell whether it is to blame. With images under way
that come slowly this may take a while; without any it is not waited."""

_INTERRUPTED = (
    "The worker process died while it uploaded this image. Imgur may have it, under a link that "
    "was lost; to send the URL again may upload it twice."
)


class OutcomeHandler:
    """Makes a URL final, requeues or delays it. Not thread-safe.

    Args:
        table: where results are noted.
        room: where URLs wait.
        quota: judges whether a refusal is about the image.
        clock: monotonic seconds.
        max_crashes: see `MailboxLimits`.
        upload_again: the same.

    Attributes:
        unreported: URLs that failed with no worker to say so, for whoever logs that.
    """

    def __init__(
        self,
        table: JobTable,
        room: Scheduler,
        quota: UploadQuota,
        clock: Callable[[], float],
        *,
        max_crashes: int,
        upload_again: bool,
    ) -> None:
        self._table = table
        self._room = room
        self._quota = quota
        self._clock = clock
        self._max_crashes = max_crashes
        self._uploads_survived = 1 if upload_again else 0
        # What Imgur refused lately, and until when it waits for a verdict.
        self._held: dict[UrlKey, tuple[MaybeBlocked, float]] = {}
        self.unreported: list[CrashedUrl] = []

    def settle(self, place: UrlKey, outcome: Outcome) -> JobSummary | None:
        """An attempt has ended as a worker reports; returns the job's summary, if that ended it."""
        self._room.attempt_ended(place, outcome, self._clock())
        match self._quota.ended(place, self._room.url(place), outcome), outcome:
            case Verdict.HELD, MaybeBlocked():
                self._table.end_upload(*place)
                self._held[place] = outcome, self._clock() + HELD_SECONDS
                return None
            case Verdict.BLOCKED, MaybeBlocked():
                for held, refusal in self._take_held():
                    self._end_late(held, refusal)
                return self._send_back(place, outcome)
            case Verdict.TAKEN, _:
                self._end_wait()
        return self._apply(place, outcome)

    # --- images that Imgur refused, perhaps with all others ------------------------------------

    @property
    def held(self) -> int:
        """How many wait for a verdict."""
        return len(self._held)

    def next_end_of_wait(self) -> float:
        """When the first of them has waited long enough."""
        return min((until for _, until in self._held.values()), default=float("inf"))

    def end_waits(self, now: float, *, are_alone: bool) -> None:
        """Take for the image's own what no other image has had to say about for too long.

        Args:
            now: monotonic seconds.
            are_alone: there is no other image that could.
        """
        if self._held and (are_alone or self.next_end_of_wait() <= now):
            self._end_wait()

    def _end_wait(self) -> None:
        for place, refusal in self._take_held():
            self._end_late(place, refusal.otherwise)

    def _take_held(self) -> list[tuple[UrlKey, MaybeBlocked]]:
        held, self._held = self._held, {}
        return [(place, refusal) for place, (refusal, _) in held.items()]

    def _send_back(self, place: UrlKey, refusal: MaybeBlocked) -> JobSummary | None:
        """Unharmed, to wait until Imgur takes images again."""
        if self._table.is_cancelled(place[0]):
            return self._end_cancelled(place, refusal.message)
        self._table.interrupt(*place, refusal.reason, refusal.message, count=False)
        self._room.bar(place)
        return None

    def fail(self, place: UrlKey, reason: str, message: str) -> None:
        """Fail a URL that nobody works on, and that was taken from the room."""
        self._end_late(place, Failed(reason, message))

    def _end_late(self, place: UrlKey, outcome: Failed | RetryLater | MaybeBlocked) -> None:
        """End an attempt whose worker has long turned to others."""
        job_id, url = place[0], self._room.url(place)
        is_failed = isinstance(outcome, Failed)
        is_logged = is_failed and self._table.note_failure(job_id, outcome.reason)
        if isinstance(outcome, MaybeBlocked):
            finished = self._send_back(place, outcome)
        else:
            finished = self._apply(place, outcome)
        if is_logged or finished is not None:
            reason, message = outcome.reason, outcome.message
            self.unreported.append(
                CrashedUrl(job_id, url, reason, message, finished, is_logged=is_logged)
            )

    # --- each outcome, and none -----------------------------------------------------------------

    def _apply(self, place: UrlKey, outcome: Outcome) -> JobSummary | None:
        match outcome:
            case Uploaded() | Failed():
                return self._end(place, outcome)
            case RetryLater(reason, message, delay_seconds, maybe_stored):
                if self._table.is_cancelled(place[0]):
                    return self._end_cancelled(place, message)
                self._table.interrupt(
                    *place, reason, message, count=True, maybe_stored=maybe_stored
                )
                self._room.delay(place, self._clock() + delay_seconds)
            case Deferred(reason, message):
                if self._table.is_cancelled(place[0]):
                    return self._end_cancelled(place, message)
                self._table.interrupt(*place, reason, message, count=False)
                self._room.requeue(place, self._clock())
        return None

    def settle_crash(self, place: UrlKey) -> CrashedUrl | None:
        """The worker of an attempt died; returns what it was, if that was once too often."""
        self._quota.ended(place, self._room.url(place), None)
        uploads = self._table.interrupted_uploads(*place)
        if self._table.is_cancelled(place[0]):
            if uploads:
                return self._fail_crashed(place, Reason.UPLOAD_INTERRUPTED, _INTERRUPTED)
            return self._fail_crashed(place, Reason.CANCELLED, CANCELLED.message)
        # A second interrupted upload fails the URL, so it must not be another URL's fault.
        crashes = self._room.charge(place, last_chance=uploads > 0)
        limit = self._max_crashes
        if uploads > self._uploads_survived:
            return self._fail_crashed(place, Reason.UPLOAD_INTERRUPTED, _INTERRUPTED)
        message = (
            f"The worker process died while it worked on this URL ({crashes} of {limit} times)."
        )
        if crashes >= limit:
            return self._fail_crashed(place, Reason.WORKER_CRASHED, message)
        self._table.interrupt(
            *place, Reason.WORKER_CRASHED, message, count=False, maybe_stored=uploads > 0
        )
        self._room.requeue(place, self._clock())
        return None

    def _end_cancelled(self, place: UrlKey, message: str) -> JobSummary | None:
        why = f"{CANCELLED.message} Its last attempt: {message}"
        return self._end(place, Failed(Reason.CANCELLED, why))

    def _fail_crashed(self, place: UrlKey, reason: Reason, message: str) -> CrashedUrl:
        job_id, url = place[0], self._room.url(place)
        self._room.attempt_ended(place, None, self._clock())
        is_logged = self._table.note_failure(job_id, reason)
        finished = self._end(place, Failed(reason, message))
        return CrashedUrl(job_id, url, reason, message, finished, is_logged)

    def _end(self, place: UrlKey, result: Uploaded | Failed) -> JobSummary | None:
        self._room.end(place)
        return self._table.record(*place, result)

"""What becomes of a URL when an attempt at it ends."""

from collections.abc import Callable

from workers.contract.errors import Reason
from workers.contract.job_messages import CANCELLED
from workers.contract.messages import (
    CrashedUrl,
    Deferred,
    Failed,
    JobSummary,
    Outcome,
    RetryLater,
    Uploaded,
    UrlKey,
)
from workers.state.jobs.job_table import JobTable
from workers.state.schedule.scheduler import Scheduler

_INTERRUPTED = (
    "The worker process died while it uploaded this image. Imgur may have it, under a link that "
    "was lost; to send the URL again may upload it twice."
)


class OutcomeHandler:
    """Makes a URL final, or has it wait for another attempt. Not safe for threads by itself.

    Args:
        table: where results are noted.
        room: where URLs wait.
        clock: monotonic seconds.
        max_crashes: see `MailboxLimits`.
        upload_again: the same.
    """

    def __init__(
        self,
        table: JobTable,
        room: Scheduler,
        clock: Callable[[], float],
        *,
        max_crashes: int,
        upload_again: bool,
    ) -> None:
        self._table = table
        self._room = room
        self._clock = clock
        self._max_crashes = max_crashes
        self._uploads_survived = 1 if upload_again else 0

    def settle(self, place: UrlKey, outcome: Outcome) -> JobSummary | None:
        """An attempt has ended as a worker reports; returns the job's summary, if that ended it."""
        now = self._clock()
        self._room.attempt_ended(place, outcome, now)
        match outcome:
            case Uploaded() | Failed():
                if isinstance(outcome, Uploaded) and outcome.pause_seconds:
                    self._room.pause(now + outcome.pause_seconds)
                return self._end(place, outcome)
            case RetryLater(reason, message, delay_seconds, maybe_stored):
                if self._table.is_cancelled(place[0]):
                    return self._end_cancelled(place, message)
                self._table.interrupt(
                    *place, reason, message, count=True, maybe_stored=maybe_stored
                )
                self._room.delay(place, now + delay_seconds)
            case Deferred(reason, message, pause_seconds):
                self._room.pause(now + pause_seconds)
                if self._table.is_cancelled(place[0]):
                    return self._end_cancelled(place, message)
                self._table.interrupt(*place, reason, message, count=False)
                self._room.requeue(place, now)
        return None

    def settle_crash(self, place: UrlKey) -> CrashedUrl | None:
        """The worker of an attempt died; returns what it was, if that was once too often."""
        uploads = self._table.interrupted_uploads(*place)
        if self._table.is_cancelled(place[0]):
            if uploads:
                return self._fail_crashed(place, Reason.UPLOAD_INTERRUPTED, _INTERRUPTED)
            return self._fail_crashed(place, Reason.CANCELLED, CANCELLED.message)
        # A second upload that breaks off fails the URL: it shall not be for another's fault.
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

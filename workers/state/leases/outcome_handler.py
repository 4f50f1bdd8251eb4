"""Handles the outcome of an attempt at a URL."""

from collections.abc import Callable
from typing import Final

from workers.contract.errors import Reason
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import (
    CANCELLED,
    Deferred,
    Failed,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import UrlKey
from workers.contract.messages.supervision import LogLine
from workers.contract.url import mask_url
from workers.state.jobs.job_table import JobTable
from workers.state.quota.quota import UploadQuota
from workers.state.schedule.scheduler import Scheduler

HELD_SECONDS: Final = 300.0
"""How long a refused image waits for the outcomes of others, which show whether the refusal is
about the image. Without others it does not wait."""

_INTERRUPTED: Final = Failed(
    Reason.UPLOAD_INTERRUPTED,
    "The worker process died while it uploaded this image. Imgur may have it, under a link that "
    "was lost; to send the URL again may upload it twice.",
)


class OutcomeHandler:
    """Makes a URL final, requeues or delays it. Not thread-safe; times are monotonic seconds."""

    def __init__(
        self,
        table: JobTable,
        room: Scheduler,
        quota: UploadQuota,
        clock: Callable[[], float],
        limits: MailboxLimits,
    ) -> None:
        self._table = table
        self._room = room
        self._quota = quota
        self._clock = clock
        self._max_crashes = limits.max_crashes
        self._uploads_survived = 1 if limits.upload_again else 0
        # What Imgur refused lately, and until when it waits for a verdict.
        self._held: dict[UrlKey, tuple[MaybeBlocked, float]] = {}

    def settle(self, place: UrlKey, outcome: Outcome) -> LogLine | None:
        """Handle a reported outcome; return the line about the job's end, if that completed it."""
        self._room.attempt_ended(place, outcome, self._clock())
        is_held = self._quota.ended(place, self._room.queue.url(place), outcome)
        if is_held and isinstance(outcome, MaybeBlocked):
            self._table.end_upload(*place)
            self._held[place] = outcome, self._clock() + HELD_SECONDS
            return None
        return self._apply(place, outcome)

    # --- images that Imgur refused, perhaps with all others ------------------------------------

    def next_end_of_wait(self) -> float:
        """When the first of them has waited long enough."""
        return min((until for _, until in self._held.values()), default=float("inf"))

    def end_waits(self, now: float) -> None:
        """End the wait of refused images: they go back once the gate is shut. It was by their own
        fault if another was taken, if there is no other, or if they have waited for too long.
        """
        gate = self._quota.gate
        if self._held and (
            gate.shut is not None
            or not gate.is_in_doubt
            or self._room.open_urls + self._room.delayed <= len(self._held)
            or self.next_end_of_wait() <= now
        ):
            held, self._held = self._held, {}
            for place, (refusal, _) in held.items():
                self.end_late(place, refusal.otherwise if gate.shut is None else refusal)

    def end_late(self, place: UrlKey, outcome: Failed | RetryLater | MaybeBlocked) -> None:
        """End an attempt whose worker is dead, or has long turned to others, or fail a URL without
        one that was taken from the room: no worker logs it.
        """
        job, lines = self._table.by_id[place[0]], self._table.lines
        if isinstance(outcome, Failed) and job.failure_log.note_failure(outcome.reason):
            fields = {
                "job_id": place[0],
                "index": place[1],
                "url": mask_url(self._room.queue.url(place)),
                "reason": outcome.reason,
                "message": outcome.message,
                **job.asked.origin_fields,
            }
            lines.append(LogLine("warning", "image failed", fields, "worker"))
        finished = self._apply(place, outcome)
        if finished is not None:
            lines.append(finished)

    # --- each outcome, and none -----------------------------------------------------------------

    def _apply(self, place: UrlKey, outcome: Outcome) -> LogLine | None:
        if isinstance(outcome, Uploaded | Failed):
            return self._end(place, outcome)
        if not isinstance(outcome, RetryLater | Deferred | MaybeBlocked):
            return None  # of another kind of task
        if self._table.by_id[place[0]].cancelled is not None:
            why = f"{CANCELLED.message} Its last attempt: {outcome.message}"
            return self._end(place, Failed(Reason.CANCELLED, why))
        self._table.interrupt(
            *place,
            outcome.reason,
            outcome.message,
            count=isinstance(outcome, RetryLater),
            maybe_stored=isinstance(outcome, RetryLater) and outcome.maybe_stored,
        )
        match outcome:
            case RetryLater(delay_seconds=delay_seconds):
                self._room.delay(place, self._clock() + delay_seconds)
            case MaybeBlocked() if self._quota.gate.block is not None:
                # Unharmed, to wait until Imgur takes images again.
                self._room.bar(place)
            case Deferred() | MaybeBlocked():
                self._room.requeue(place, self._clock())
        return None

    def settle_crash(self, place: UrlKey) -> bool:
        """Handle the death of an attempt's worker; return whether its URL failed."""
        self._quota.ended(place, self._room.queue.url(place), None)
        job = self._table.by_id[place[0]]
        uploads = job.interrupted_uploads(place[1])
        if job.cancelled is not None:
            return self._fail_crashed(place, _INTERRUPTED if uploads else CANCELLED)
        # A second interrupted upload fails the URL, so it must not be another URL's fault.
        crashes = self._room.quarantine.charge(place, last_chance=uploads > 0)
        limit = self._max_crashes
        if uploads > self._uploads_survived:
            return self._fail_crashed(place, _INTERRUPTED)
        message = (
            f"The worker process died while it worked on this URL ({crashes} of {limit} times)."
        )
        crash = Failed(Reason.WORKER_CRASHED, message)
        if crashes >= limit:
            return self._fail_crashed(place, crash)
        self._table.interrupt(*place, crash.reason, message, count=False, maybe_stored=uploads > 0)
        self._room.requeue(place, self._clock())
        return False

    def _fail_crashed(self, place: UrlKey, failure: Failed) -> bool:
        self._room.attempt_ended(place, None, self._clock())
        self.end_late(place, failure)
        return True

    def _end(self, place: UrlKey, result: Uploaded | Failed) -> LogLine | None:
        self._room.end(place)
        return self._table.record(*place, result)

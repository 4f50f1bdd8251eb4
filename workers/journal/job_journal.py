"""What the job table tells a journal: every change that a restart must find again.

The attempts themselves are left out, only the first of a job is told: each ends in an interruption
or a result, which are told, and one without an end is taken back at the restart.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from workers.errands.messages import Deletion, DeliveryAttempt
from workers.errands.records import deletion_record, delivery_record
from workers.journal.journal import Journal, JournalFullError
from workers.journal.journal_records import Record
from workers.messages import Failed, Submission, Uploaded


class JobJournal(Protocol):
    """Told of each change within the step that makes it; of a job before it is opened."""

    def opened(self, submission: Submission, created: float) -> None:
        """Raises JournalFullError when the job must not be taken."""
        ...

    def started(self, job_id: str) -> None: ...

    def upload_begun(self, job_id: str, index: int) -> None: ...

    def interrupted(
        self,
        job_id: str,
        index: int,
        reason: str,
        message: str,
        *,
        count: bool,
        maybe_stored: bool,
    ) -> None: ...

    def ended(
        self, job_id: str, index: int, result: Uploaded | Failed, finished: float | None
    ) -> None: ...

    def delivery_tried(self, job_id: str, attempt: DeliveryAttempt) -> None: ...

    def deletion_changed(self, job_id: str, index: int, deletion: Deletion) -> None: ...

    def cancelled(self, job_id: str, indexes: Sequence[int], finished: float | None) -> None: ...

    def forgotten(self, job_ids: Sequence[str]) -> None: ...


class NoJournal:
    """The state lives in memory, and ends with it."""

    def opened(self, submission: Submission, created: float) -> None:
        pass

    def started(self, job_id: str) -> None:
        pass

    def upload_begun(self, job_id: str, index: int) -> None:
        pass

    def interrupted(
        self,
        job_id: str,
        index: int,
        reason: str,
        message: str,
        *,
        count: bool,
        maybe_stored: bool,
    ) -> None:
        pass

    def ended(
        self, job_id: str, index: int, result: Uploaded | Failed, finished: float | None
    ) -> None:
        pass

    def delivery_tried(self, job_id: str, attempt: DeliveryAttempt) -> None:
        pass

    def deletion_changed(self, job_id: str, index: int, deletion: Deletion) -> None:
        pass

    def cancelled(self, job_id: str, indexes: Sequence[int], finished: float | None) -> None:
        pass

    def forgotten(self, job_ids: Sequence[str]) -> None:
        pass


class FileJobJournal:
    """Writes each change to a journal; `workers.journal.recovery` reads them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def opened(self, submission: Submission, created: float) -> None:
        try:
            self._journal.commit(opened_record(submission, created))
        except JournalFullError as error:
            if error.maybe_kept:
                # The client is told that nothing was.
                self.forgotten([submission.job_id])
            raise

    def started(self, job_id: str) -> None:
        self._journal.append(["started", job_id])

    def upload_begun(self, job_id: str, index: int) -> None:
        self._journal.append(["uploading", job_id, index])

    def interrupted(
        self,
        job_id: str,
        index: int,
        reason: str,
        message: str,
        *,
        count: bool,
        maybe_stored: bool,
    ) -> None:
        self._journal.append(
            ["interrupted", job_id, index, [reason, message], [int(count), int(maybe_stored)]]
        )

    def ended(
        self, job_id: str, index: int, result: Uploaded | Failed, finished: float | None
    ) -> None:
        record: Record
        if isinstance(result, Uploaded):
            image = [result.link, result.deletehash, *([1] if result.same_as else [])]
            record = ["complete", job_id, index, image, finished]
        else:
            record = ["failed", job_id, index, [result.reason, result.message], finished]
        self._journal.append(record)

    def delivery_tried(self, job_id: str, attempt: DeliveryAttempt) -> None:
        self._journal.append(["delivery", job_id, delivery_record(attempt)])

    def deletion_changed(self, job_id: str, index: int, deletion: Deletion) -> None:
        self._journal.append(["deletion", job_id, index, deletion_record(deletion)])

    def cancelled(self, job_id: str, indexes: Sequence[int], finished: float | None) -> None:
        self._journal.append(["cancelled", job_id, _runs(indexes), finished])

    def forgotten(self, job_ids: Sequence[str]) -> None:
        self._journal.append(["forgotten", list(job_ids)])


def opened_record(submission: Submission, created: float) -> Record:
    """The record of a job that is about to be taken."""
    options = submission.options.to_record()
    record = ["opened", submission.job_id, submission.owner, created, list(submission.urls)]
    origin = _origin(submission)
    if origin:
        return [*record, options, origin]
    return [*record, options] if options else record


def _origin(submission: Submission) -> dict[str, Any]:
    """What made the job, if that was more than a plain request."""
    origin: dict[str, Any] = {}
    if submission.retry_of is not None:
        origin["retry_of"] = submission.retry_of
    if submission.request is not None:
        origin["request"] = [submission.request.key, submission.request.digest]
    return origin


def _runs(indexes: Sequence[int]) -> list[list[int]]:
    """Ascending numbers as [first, behind the last] of each run."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
    return runs

"""What the job table tells a journal: every change that a restart must find again.

The attempts themselves are left out, only the first of a job is told: each ends in an interruption
or a result, which are told, and one without an end is taken back at the restart.
"""

from collections.abc import Sequence
from typing import Protocol

from workers.journal import Journal, JournalFullError
from workers.journal_records import Record
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

    def forgotten(self, job_ids: Sequence[str]) -> None:
        pass


class FileJobJournal:
    """Writes each change to a journal; `workers.recovery` reads them."""

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
            record = ["complete", job_id, index, [result.link, result.deletehash], finished]
        else:
            record = ["failed", job_id, index, [result.reason, result.message], finished]
        self._journal.append(record)

    def forgotten(self, job_ids: Sequence[str]) -> None:
        self._journal.append(["forgotten", list(job_ids)])


def opened_record(submission: Submission, created: float) -> Record:
    """The record of a job that is about to be taken."""
    return ["opened", submission.job_id, submission.owner, created, list(submission.urls)]

"""The job table's journal records: every change that a restart must restore.

Only a job's first attempt has a record: every attempt ends in an interruption or a result, which
have one, and an attempt without an end is repeated after the restart. `recovery` reads them.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from workers.contract.messages import Failed, Submission, Uploaded

Record = list[Any]
"""A change as JSON: its kind, then what the kind needs."""


class JobJournal(Protocol):
    """Gets each change within the step that makes it: a `Journal`."""

    def append(self, record: Record) -> None:
        """Record a change that was made."""
        ...

    def commit(self, record: Record) -> None:
        """Record a change before it is made.

        Raises:
            JournalFullError: not recorded; the change must not be made.
        """
        ...


class NoJournal:
    """Records nothing: the state is in memory only."""

    def append(self, record: Record) -> None:
        pass

    def commit(self, record: Record) -> None:
        pass


def opened_record(submission: Submission, created: float) -> Record:
    """Return the record of a job that is about to be entered."""
    options = submission.options.to_record()
    record = ["opened", submission.job_id, submission.owner, created, list(submission.urls)]
    origin = _origin(submission)
    if submission.data:
        return [*record, options, origin, data_record(submission.data)]
    if origin:
        return [*record, options, origin]
    return [*record, options] if options else record


def ended_record(
    job_id: str, index: int, result: Uploaded | Failed, finished: float | None
) -> Record:
    """Return the record of a URL's result, and of the job's end if that was its last URL."""
    end: list[Any]
    if isinstance(result, Uploaded):
        kind, end = "complete", [result.link, result.deletehash]
    else:
        kind, end = "failed", [result.reason, result.message]
    details = result.details.to_record()
    return [kind, job_id, index, [*end, details] if details else end, finished]


def cancelled_record(job_id: str, indexes: Sequence[int], finished: float | None) -> Record:
    """Return the record of a cancellation step, with ascending URLs as runs [first, last + 1], and
    the time of the job's end, if these were its last open URLs.
    """
    runs: list[list[int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
    return ["cancelled", job_id, runs, finished]


def data_record(data: Mapping[int, bytes]) -> list[list[Any]]:
    """The bytes of data URLs, for JSON: an index and base64 each."""
    return [[index, base64.b64encode(content).decode()] for index, content in data.items()]


def data_of(record: Sequence[Sequence[Any]]) -> dict[int, bytes]:
    """What `data_record` was given."""
    return {index: base64.b64decode(text) for index, text in record}


def _origin(submission: Submission) -> dict[str, Any]:
    """Return retry and idempotency key of the submission, where it has them."""
    origin: dict[str, Any] = {}
    if submission.retry_of is not None:
        origin["retry_of"] = submission.retry_of
    if submission.request is not None:
        origin["request"] = [submission.request.key, submission.request.digest]
    return origin

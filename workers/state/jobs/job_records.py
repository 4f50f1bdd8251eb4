"""The job table's journal records: every change that a restart must restore.

Only a job's first attempt has a record: every attempt ends in an interruption or a result, which
have one, and an attempt without an end is repeated after the restart. `journal.replay` reads them.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from workers.contract.job_options import JobOptions
from workers.contract.messages.outcomes import Failed, Uploaded
from workers.contract.messages.submission import RequestKey, Submission

Record = list[Any]
"""A change as JSON: its kind, then what the kind needs."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class JobJournal:
    """Gets each change within the step that makes it. This one records nothing: the state is in
    memory only.
    """

    @property
    def error(self) -> str | None:
        """Why no change can be recorded at present; None if it can."""
        return None

    def append(self, record: Record) -> None:
        """Record a change that was made."""

    def commit(self, record: Record) -> None:
        """Record a change before it is made.

        Raises:
            JournalFullError: not recorded; the change must not be made.
        """


def opened_record(submission: Submission, created: float) -> Record:
    """Return the record of a job that is about to be entered."""
    options, origin = submission.options.to_record(), origin_record(submission)
    more = [options, origin, data_record(submission.data)]
    while more and not more[-1]:
        more.pop()
    return ["opened", submission.job_id, submission.owner, created, list(submission.urls), *more]


def submission_of(  # noqa: PLR0917 - in the order of `opened_record`
    job_id: str,
    owner: str,
    urls: Iterable[str],
    options: Mapping[str, Any] = _NOTHING,
    origin: Mapping[str, Any] = _NOTHING,
    data: Iterable[tuple[int, str]] = (),
) -> Submission:
    """Read the submission of a job's record after JSON.

    Raises:
        LookupError, TypeError, ValueError: the record is malformed.
    """
    request = origin.get("request")
    return Submission(
        job_id,
        tuple(urls),
        owner,
        JobOptions.from_record(options),
        retry_of=origin.get("retry_of"),
        request=None if request is None else RequestKey(*request),
        data={index: base64.b64decode(text) for index, text in data},
    )


def origin_record(submission: Submission) -> dict[str, Any]:
    """Return retry and idempotency key of the submission, where it has them."""
    origin: dict[str, Any] = {}
    if submission.retry_of is not None:
        origin["retry_of"] = submission.retry_of
    if submission.request is not None:
        origin["request"] = [submission.request.key, submission.request.digest]
    return origin


def data_record(data: Mapping[int, bytes]) -> list[list[Any]]:
    """Return the bytes of data URLs for JSON: an index and base64 each."""
    return [[index, base64.b64encode(content).decode()] for index, content in data.items()]


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

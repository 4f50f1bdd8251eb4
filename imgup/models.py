"""What the service answers, as frozen dataclasses.

Keys that this client does not know are no error; where a class has `raw`, they are in there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from imgup.answer_fields import AnswerFields

PENDING: Final = "pending"
IN_PROGRESS: Final = "in-progress"
COMPLETE: Final = "complete"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of a job's URLs are in which state."""

    pending: int
    complete: int
    failed: int
    total: int

    @property
    def ended(self) -> int:
        """URLs that are uploaded or have failed."""
        return self.complete + self.failed

    @classmethod
    def read(cls, fields: AnswerFields) -> "Counts":
        """From an answer's `counts`."""
        return cls(*(fields.number(name) for name in ("pending", "complete", "failed", "total")))


@dataclass(frozen=True, slots=True)
class Result:
    """How one submitted URL stands.

    Attributes:
        index: its place in the job, from 0; duplicates are not counted.
        url: as submitted.
        state: `pending`, `complete` or `failed`.
        link: where the image is at Imgur, once it is.
        reason: stable name of why it failed, or why its last attempt did.
        message: the same as a sentence for a person.
        attempts: tries so far.
        possibly_duplicated: the image may be at Imgur twice.
        deleted: `pending`, `done` or `failed` once its deletion was asked for.
    """

    index: int
    url: str
    state: str
    link: str | None = None
    reason: str | None = None
    message: str | None = None
    attempts: int = 0
    possibly_duplicated: bool = False
    deleted: str | None = None

    @classmethod
    def read(cls, fields: AnswerFields, index: int) -> "Result":
        """From one of an answer's `results`; `index` where it does not say its own."""
        given = fields.optional_number("index")
        return cls(
            index=index if given is None else given,
            url=fields.text("url"),
            state=fields.text("state"),
            link=fields.optional_text("link"),
            reason=fields.optional_text("reason"),
            message=fields.optional_text("message"),
            attempts=fields.optional_number("attempts") or 0,
            possibly_duplicated=fields.flag("possiblyDuplicated"),
            deleted=fields.optional_text("deleted"),
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a job may be complete.

    Attributes:
        ahead: URLs of all jobs that come before its last one.
        rate_per_second: URLs that ended in a second, lately; None while nobody knows.
        expected_finish: None while nobody knows.
        pause_seconds: how long uploads pause from now on, as Imgur asked; 0 if they do not.
    """

    ahead: int | None
    rate_per_second: float | None
    expected_finish: datetime | None
    pause_seconds: float

    @classmethod
    def read(cls, fields: AnswerFields) -> "Forecast":
        """From an answer's `forecast`."""
        return cls(
            ahead=fields.optional_number("ahead"),
            rate_per_second=fields.optional_seconds("ratePerSecond"),
            expected_finish=fields.optional_time("expectedFinish"),
            pause_seconds=fields.optional_seconds("pauseSeconds") or 0.0,
        )


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it stands, with all of its results or a page of them.

    Attributes:
        id: the job's id.
        created: when it was taken.
        finished: when its last URL ended; None before.
        status: `pending`, `in-progress` or `complete`.
        counts: of the whole job.
        results: in the order of submission.
        next: the cursor of the next page; None on the last one, and where there are no pages.
        forecast: None once it is complete, and from a service that makes none.
        cancelled: whether it was cancelled.
        retry_of: the job whose failed URLs this one tries again.
        retried_as: the job that tries this one's failed URLs again.
        sandbox: whether links are the sandbox's: nothing was sent to Imgur.
        raw: the answer as it came.
    """

    id: str
    created: datetime
    finished: datetime | None
    status: str
    counts: Counts
    results: tuple[Result, ...]
    next: str | None = None
    forecast: Forecast | None = None
    cancelled: bool = False
    retry_of: str | None = None
    retried_as: str | None = None
    sandbox: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_complete(self) -> bool:
        """Whether every URL is uploaded or has failed."""
        return self.status == COMPLETE

    @classmethod
    def read(cls, body: object, first_index: int = 0) -> "JobStatus":
        """From the answer of the status route, whose first result has `first_index`.

        Raises:
            NotImgupError: it is not such an answer.
        """
        fields = AnswerFields(body, "the job")
        results = tuple(
            Result.read(entry, index)
            for index, entry in enumerate(fields.objects("results"), first_index)
        )
        counts, forecast = fields.optional_object("counts"), fields.optional_object("forecast")
        return cls(
            id=fields.text("id"),
            created=fields.time("created"),
            finished=fields.optional_time("finished"),
            status=fields.text("status"),
            counts=_counted(results) if counts is None else Counts.read(counts),
            results=results,
            next=read_cursor(fields),
            forecast=None if forecast is None else Forecast.read(forecast),
            cancelled=fields.flag("cancelled"),
            retry_of=fields.optional_text("retryOf"),
            retried_as=fields.optional_text("retriedAs"),
            sandbox=fields.flag("sandbox"),
            raw=fields.raw,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come, while it is waited for.

    Attributes:
        job_id: whose.
        status: `pending`, `in-progress` or `complete`.
        counts: of the whole job.
        changed: results that have changed since the last progress, where the service tells which.
        forecast: None where there is none.
        sandbox: whether links are the sandbox's.
    """

    job_id: str
    status: str
    counts: Counts
    changed: tuple[Result, ...] = ()
    forecast: Forecast | None = None
    sandbox: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every URL is uploaded or has failed."""
        return self.status == COMPLETE


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job in the list of jobs."""

    id: str
    created: datetime
    finished: datetime | None
    status: str
    counts: Counts
    cancelled: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, fields: AnswerFields) -> "JobSummary":
        """From one of an answer's `jobs`."""
        return cls(
            id=fields.text("id"),
            created=fields.time("created"),
            finished=fields.optional_time("finished"),
            status=fields.text("status"),
            counts=Counts.read(AnswerFields(fields.raw.get("counts"), "counts")),
            cancelled=fields.flag("cancelled"),
            raw=fields.raw,
        )


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service takes jobs and works on them; `detail` says it in a sentence."""

    ready: bool
    state: str
    detail: str
    sandbox: bool
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, body: object) -> "Readiness":
        """From the answer of the readiness route.

        Raises:
            NotImgupError: it is not such an answer.
        """
        fields = AnswerFields(body, "the readiness")
        return cls(
            ready=fields.flag("ready"),
            state=fields.text("state"),
            detail=fields.text("detail"),
            sandbox=fields.optional_text("imgur") == "sandbox",
            raw=fields.raw,
        )


def read_cursor(fields: AnswerFields) -> str | None:
    """The cursor of the page behind this one."""
    cursor = fields.raw.get("next")
    return None if cursor is None else str(cursor)


def _counted(results: tuple[Result, ...]) -> Counts:
    # A service older than `counts` knows no pages either, so these are all.
    states = [result.state for result in results]
    pending, complete, failed = map(states.count, (PENDING, COMPLETE, FAILED))
    return Counts(pending, complete, failed, len(states))

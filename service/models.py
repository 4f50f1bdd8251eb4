"""The shapes of all answers, and how they become JSON."""

import json
from datetime import UTC, datetime
from typing import Annotated, Literal, NotRequired

from pydantic import WithJsonSchema
from pydantic_core import PydanticSerializationError, to_json

# Not typing's: the schemas of the OpenAPI document need this one on Python 3.11.
from typing_extensions import TypedDict

JobId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class UploadAccepted(TypedDict):
    """The answer to an accepted job."""

    jobId: JobId


class UrlLists(TypedDict):
    """A job's URLs by their state, each list in the order of submission.

    `pending` and `failed` hold the submitted URLs, `complete` the Imgur links.
    """

    pending: list[str]
    complete: list[Link]
    failed: list[str]


class UrlResult(TypedDict):
    """How one submitted URL stands.

    `reason` and `message` say why it failed, or why its last attempt did while another is due.
    `possiblyDuplicated` is there, and true, when it was uploaded again after an upload whose end
    nobody knows: the image may be at Imgur twice.
    """

    url: str
    state: Literal["pending", "complete", "failed"]
    link: Link | None
    reason: str | None
    message: str | None
    attempts: int
    possiblyDuplicated: NotRequired[Literal[True]]


class Counts(TypedDict):
    """How many of a job's URLs are in which state."""

    pending: int
    complete: int
    failed: int
    total: int


class JobAnswer(TypedDict):
    """A job as it stands. `sandbox` is there, and true, when the links are the sandbox's."""

    id: JobId
    created: Time
    finished: Time | None
    status: Literal["pending", "in-progress", "complete"]
    uploaded: UrlLists
    results: list[UrlResult]
    counts: Counts
    sandbox: NotRequired[Literal[True]]


class JobPage(TypedDict):
    """A job as it stands, with some of its results, from `cursor` on in the order of submission.

    `next` is the cursor of the page behind, null on the last one. `uploaded` is left out: its
    lists are of the whole job, or they would say of a job that is under way that nothing is
    pending.
    """

    id: JobId
    created: Time
    finished: Time | None
    status: Literal["pending", "in-progress", "complete"]
    results: list[UrlResult]
    next: int | None
    counts: Counts
    sandbox: NotRequired[Literal[True]]


class ImageLinks(TypedDict):
    """All links, in order of completion. For `sandbox` see `JobAnswer`."""

    uploaded: list[Link]
    sandbox: NotRequired[Literal[True]]


class ImageLinksPage(TypedDict):
    """Some links, from `cursor` on in order of completion. `next` is the cursor of the page behind,
    null where there is none yet. For `sandbox` see `JobAnswer`.
    """

    uploaded: list[Link]
    next: int | None
    sandbox: NotRequired[Literal[True]]


class Liveness(TypedDict):
    """The process is alive and answers; nothing more."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Whether jobs are taken and worked on. `detail` says it in one sentence."""

    ready: bool
    state: Literal["starting", "ready", "draining", "silent", "lost"]
    detail: str
    imgur: Literal["sandbox", "imgur"]
    workers_ready: int
    workers_wanted: int
    queued_urls: int
    leased_urls: int
    pause_seconds: float


class Index(TypedDict):
    """What there is, for somebody who comes in by the front door."""

    service: str
    imgur: Literal["sandbox", "imgur"]
    routes: dict[str, str]


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as ``YYYY-MM-DDTHH:mm:ss.sssZ``, GMT (ISO 8601)."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def render(answer: object) -> bytes:
    """An answer as JSON in UTF-8."""
    try:
        return to_json(answer)
    except (PydanticSerializationError, UnicodeError):
        # Half a surrogate pair, from an answer somebody else gave us, has no UTF-8 form. As an
        # escape it is still JSON, and one odd character must not hide a whole job.
        return json.dumps(answer).encode()

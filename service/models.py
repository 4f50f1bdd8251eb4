"""The shapes of all answers, and how they become JSON."""

import json
from datetime import UTC, datetime
from typing import Annotated, Literal, NotRequired

from pydantic import WithJsonSchema
from pydantic_core import PydanticSerializationError, to_json

# Not typing's: the schemas of the OpenAPI document need this one on Python 3.11.
from typing_extensions import TypedDict

from workers import ImageState, JobSnapshot

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


class JobAnswer(TypedDict):
    """A job as it stands. `sandbox` is there, and true, when the links are the sandbox's."""

    id: JobId
    created: Time
    finished: Time | None
    status: Literal["pending", "in-progress", "complete"]
    uploaded: UrlLists
    results: list[UrlResult]
    sandbox: NotRequired[Literal[True]]


class ImageLinks(TypedDict):
    """All links, in order of completion. For `sandbox` see `JobAnswer`."""

    uploaded: list[Link]
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


_STATE_NAMES: dict[int, Literal["pending", "complete", "failed"]] = {
    ImageState.PENDING: "pending",
    ImageState.COMPLETE: "complete",
    ImageState.FAILED: "failed",
}


def job_answer(job: JobSnapshot, *, sandbox: bool) -> JobAnswer:
    """The answer that shows a job; reads the snapshot's columns without an object a URL."""
    answer: JobAnswer = {
        "id": job.job_id,
        "created": iso_time(job.created),
        "finished": None if job.finished is None else iso_time(job.finished),
        "status": job.status.value,
        "uploaded": _url_lists(job),
        "results": _url_results(job),
    }
    if sandbox:
        answer["sandbox"] = True
    return answer


def image_links(links: list[str], *, sandbox: bool) -> ImageLinks:
    """The answer that lists all links."""
    return {"uploaded": links, "sandbox": True} if sandbox else {"uploaded": links}


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


def _url_lists(job: JobSnapshot) -> UrlLists:
    pending: list[str] = []
    complete: list[str] = []
    failed: list[str] = []
    for index, state in enumerate(job.states):
        if state == ImageState.COMPLETE:
            complete.append(job.links[index])
        elif state == ImageState.FAILED:
            failed.append(job.urls[index])
        else:
            pending.append(job.urls[index])
    return {"pending": pending, "complete": complete, "failed": failed}


def _url_results(job: JobSnapshot) -> list[UrlResult]:
    untroubled = (None, None)
    link_of, trouble_of = job.links.get, job.troubles.get
    results: list[UrlResult] = []
    for index, url in enumerate(job.urls):
        reason, message = trouble_of(index, untroubled)
        results.append(
            {
                "url": url,
                "state": _STATE_NAMES[job.states[index]],
                "link": link_of(index),
                "reason": reason,
                "message": message,
                "attempts": job.attempts[index],
            }
        )
    for index in job.possibly_duplicated:
        results[index]["possiblyDuplicated"] = True
    return results

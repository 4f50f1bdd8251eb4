"""The models of all JSON responses; their docstrings are part of the OpenAPI document."""

from typing import Annotated, Literal, NotRequired

from pydantic import WithJsonSchema

# Not typing's: pydantic needs this one for schemas on Python 3.11.
from typing_extensions import TypedDict

JobId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class UploadAccepted(TypedDict):
    """The response to an accepted job."""

    jobId: JobId


class UrlLists(TypedDict):
    """A job's URLs by state, each list in the order of submission.

    `pending` and `failed` hold the submitted URLs, `complete` the Imgur links.
    """

    pending: list[str]
    complete: list[Link]
    failed: list[str]


class TimelineEntry(TypedDict):
    """An event of a URL at the time `at`.

    A claim says which `attempt` it began. A download says what came: how many `bytes`, of which
    `type`, and for how many milliseconds (`ms`) it went on; a conversion and an upload, how long
    that took. What was retried, or failed, says the `reason`.
    """

    event: Literal["queued", "claimed", "downloaded", "converted", "uploaded", "retried", "failed"]
    at: Time
    attempt: NotRequired[int]
    bytes: NotRequired[int]
    type: NotRequired[str]
    ms: NotRequired[int]
    reason: NotRequired[str]


ConvertedImage = TypedDict(
    "ConvertedImage",
    {"from": str, "to": str, "bytesBefore": int, "bytesAfter": int, "width": int, "height": int},
)
ConvertedImage.__doc__ = """What was made of an image that Imgur would have refused: media types,
sizes in bytes, and the new one's width and height in pixels."""


class AlteredImage(TypedDict):
    """What Imgur made of an image that it did not store as it was sent."""

    type: str
    bytes: int


class UrlResult(TypedDict):
    """The state of one submitted URL.

    `reason` and `message` say why it failed, or why its last attempt did while another is due.
    `possiblyDuplicated` is there, and true, when it was uploaded again after an upload whose end
    nobody knows: the image may be at Imgur twice. `deduplicated` is there, and true, when the same
    image was at Imgur already, and nothing was sent. `converted` is there when the image was
    converted before its upload, `altered` when Imgur changed it. `resolvedTo` is there when the URL
    led to a page, or was a share link: it is where the image was looked for. `deleted` is there
    when somebody has wanted the image deleted; `deletionReason` and `deletionMessage` say why that
    failed. `timeline` is there when it was asked for.
    """

    url: str
    state: Literal["pending", "complete", "failed"]
    link: Link | None
    reason: str | None
    message: str | None
    attempts: int
    possiblyDuplicated: NotRequired[Literal[True]]
    deduplicated: NotRequired[Literal[True]]
    resolvedTo: NotRequired[str]
    converted: NotRequired[ConvertedImage]
    altered: NotRequired[AlteredImage]
    deleted: NotRequired[Literal["pending", "done", "failed"]]
    deletionReason: NotRequired[str]
    deletionMessage: NotRequired[str]
    timeline: NotRequired[list[TimelineEntry]]


class DeliveryEntry(TypedDict):
    """One attempt to deliver a job's webhook, made at the time `at`.

    `status` is that of the response, null without one; `reason` then says why. `next` is the time
    of the next attempt, null after the last.
    """

    at: Time
    attempt: int
    status: int | None
    reason: str | None
    next: Time | None


class AlbumEntry(TypedDict):
    """The album that a job asked for. `id` and `link` are null until it is created; `ordered` says
    that its images are in the order of submission. `reason` and `message` are there when it could
    not be created, or its images not be ordered. `possiblyDuplicated` is there, and true, when it
    was created again after a creation whose end nobody knows: there may be another one, empty. For
    `deleted` see `UrlResult`.
    """

    id: str | None
    link: Link | None
    state: Literal["pending", "created", "ordered", "failed"]
    reason: NotRequired[str]
    message: NotRequired[str]
    possiblyDuplicated: NotRequired[Literal[True]]
    deleted: NotRequired[Literal["pending", "done", "failed"]]
    deletionReason: NotRequired[str]
    deletionMessage: NotRequired[str]


class AlbumDeletionAccepted(TypedDict):
    """The answer to an accepted wish to delete a job's album; its images stay."""

    jobId: JobId
    deleted: Literal["pending"]


class DeletionAccepted(TypedDict):
    """The response to an accepted deletion of an image."""

    jobId: JobId
    index: int
    deleted: Literal["pending"]


class Counts(TypedDict):
    """The number of a job's URLs by state."""

    pending: int
    complete: int
    failed: int
    total: int


class JobEntry(TypedDict):
    """A job in a list. For `cancelled`, `retryOf` and `retriedAs` see `JobAnswer`."""

    id: JobId
    created: Time
    finished: Time | None
    status: Literal["pending", "in-progress", "complete"]
    counts: Counts
    cancelled: NotRequired[Literal[True]]
    retryOf: NotRequired[JobId]
    retriedAs: NotRequired[JobId]


class Waiting(TypedDict):
    """Why all pending URLs of a job wait."""

    reason: str
    message: str


class JobDetails(TypedDict, total=False):
    """What a job has besides the members of lists. For all of it see `JobAnswer`."""

    album: AlbumEntry
    waiting: Waiting
    deliveries: list[DeliveryEntry]
    sandbox: Literal[True]


class JobAnswer(JobEntry, JobDetails):
    """A job as it stands. `cancelled` is there, and true, when somebody has cancelled it.
    `retryOf` is the job whose failed URLs these are, `retriedAs` the one that the failed of these
    became; each is there when there is one. `album` is there when it asked for a new one. `waiting`
    is there while all uploads wait, and says why: Imgur refuses whatever is sent, has asked to
    wait, or the budget is used up. `deliveries` is there when it was tried to tell its callback URL
    that it is complete. `sandbox` is there, and true, when the links are the sandbox's.
    """

    uploaded: UrlLists
    results: list[UrlResult]


class JobList(TypedDict):
    """A page of jobs, newest first. `next` is the cursor of the next page, null on the last one.
    For `sandbox` see `JobAnswer`.
    """

    jobs: list[JobEntry]
    next: int | None
    sandbox: NotRequired[Literal[True]]


class CancellationAccepted(TypedDict):
    """A cancelled job, and the number of its cancelled URLs; leased ones still end."""

    jobId: JobId
    cancelled: int


class RetryAccepted(TypedDict):
    """The new job with the failed URLs of the job `retryOf`."""

    jobId: JobId
    retryOf: JobId


class JobPage(JobEntry, JobDetails):
    """The state of a job with a page of its results, from `cursor` on in the order of submission.

    `next` is the cursor of the next page, null on the last one. There is no `uploaded`: its lists
    are those of the whole job.
    """

    results: list[UrlResult]
    next: int | None


class ImageLinks(TypedDict):
    """All links, in order of completion. For `sandbox` see `JobAnswer`."""

    uploaded: list[Link]
    sandbox: NotRequired[Literal[True]]


class ImageLinksPage(ImageLinks):
    """A page of links, from `cursor` on in order of completion. `next` is the cursor of the next
    page, null if there is none yet. For `sandbox` see `JobAnswer`.
    """

    next: int | None


class Workers(TypedDict):
    """The number of workers: `wanted` is the target, `ready` take URLs, `leaving` only finish their
    leases. `most` is the maximum; `automatic` says whether the number follows the queue.
    """

    wanted: int
    ready: int
    leaving: int
    most: int
    automatic: bool


class ProblemExplanation(TypedDict):
    """The meaning of a problem's `code`: `when` it occurs, and its `remedy`."""

    type: str
    code: str
    status: int
    when: str
    remedy: str


class Index(TypedDict):
    """The entry point of the API: routes and limits."""

    service: str
    imgur: Literal["sandbox", "imgur"]
    maxUrlsPerJob: int
    sandboxUrl: NotRequired[str]
    routes: dict[str, str]

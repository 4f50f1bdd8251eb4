"""The shapes of answers about what is to come: forecasts, limits, and whether jobs are taken."""

from typing import Literal, NotRequired

# Not typing's: the schemas of the OpenAPI document need this one on Python 3.11.
from typing_extensions import TypedDict

from service.rendering.models import Counts, JobId, Time


class BlockedUploads(TypedDict):
    """Uploads have stopped, as Imgur refuses this application or address, or cannot be reached.

    `since` when, for which `reason`, in a sentence (`message`) and in Imgur's own words
    (`imgurSays`, empty if it gave none). At the time `nextProbe` one image is tried, after so many
    (`probes`) that were in vain; `opening` says how to have uploads go on before.
    """

    since: Time
    reason: str
    message: str
    imgurSays: str
    nextProbe: Time
    probes: int
    opening: str


class UploadPace(TypedDict):
    """So many uploads in any `day` or `hour`."""

    uploads: int
    per: Literal["day", "hour"]


class Forecast(TypedDict):
    """What to expect of a job that is not complete: an estimate.

    `ahead` is how many URLs of all jobs have their turn before its last one. `ratePerSecond` is
    how many end in a second of work, lately. `expectedFinish` heeds both, the pause and Imgur's
    limits; null while nobody knows. `pauseSeconds` is how long uploads pause yet, as Imgur asked.
    `budget` is there where this service's own budget decides when the job is complete, and
    `blocked` while Imgur refuses whatever is sent.
    """

    ahead: int
    ratePerSecond: float | None
    expectedFinish: Time | None
    pauseSeconds: float
    budget: NotRequired[UploadPace]
    blocked: NotRequired[BlockedUploads]


class JobForecast(TypedDict):
    """When a job may be complete; `forecast` is null when it is. For `sandbox` see `JobAnswer`."""

    id: JobId
    status: Literal["pending", "in-progress", "complete"]
    counts: Counts
    forecast: Forecast | None
    sandbox: NotRequired[Literal[True]]


class LimitLeft(TypedDict):
    """One of Imgur's limits, as its answers say; null where they do not, or no longer hold."""

    limit: int | None
    remaining: int | None
    reset: Time | None


class Credits(TypedDict):
    """Credits of the application, a day, and of the address or account that uploads, an hour."""

    client: LimitLeft
    user: LimitLeft


class BudgetLeft(TypedDict):
    """What this service's own budget leaves in a window. At the time `next` its oldest upload
    leaves it; null if there is none.
    """

    limit: int
    remaining: int
    next: Time | None


class UploadLimits(TypedDict):
    """What Imgur still takes. `posts` are uploads in an hour. `budget` is this service's own, in
    any `day` and any `hour`, where there is one. `uploadsLeft` is what may begin now by all of
    them, null where nothing bounds it. `uploadsOfOthers` used the same client id, lately. `blocked`
    is null unless Imgur refuses whatever is sent. For `sandbox` see `JobAnswer`.
    """

    credits: Credits
    posts: LimitLeft
    budget: dict[str, BudgetLeft]
    uploadsLeft: int | None
    uploadsOfOthers: int
    blocked: BlockedUploads | None
    pauseSeconds: float
    paused: bool
    ratePerSecond: float | None
    sandbox: NotRequired[Literal[True]]


class Liveness(TypedDict):
    """The process is alive and answers; nothing more."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Whether jobs are taken and worked on. `detail` says it in one sentence. `blocked` is null
    unless Imgur refuses whatever is sent.
    """

    ready: bool
    state: Literal["starting", "ready", "draining", "silent", "lost"]
    detail: str
    imgur: Literal["sandbox", "imgur"]
    workers_ready: int
    workers_wanted: int
    queued_urls: int
    leased_urls: int
    pause_seconds: float
    blocked: BlockedUploads | None

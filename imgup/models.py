"""The service's responses, as frozen dataclasses that pydantic validates.

Unknown keys are no error; where a class has `raw`, the response as it came, they are in there.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

# By name as well: programs make these objects, too.
_CONFIG = ConfigDict(alias_generator=to_camel, validate_by_alias=True, validate_by_name=True)


def _keep_raw(body: object) -> object:
    return {**body, "raw": body} if isinstance(body, dict) else body


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Counts:
    """Number of a job's URLs in each state."""

    pending: int
    complete: int
    failed: int
    total: int

    @property
    def ended(self) -> int:
        """URLs that are uploaded or have failed."""
        return self.complete + self.failed


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Altered:
    """An image that Imgur changed: its media type at Imgur, and its size in bytes."""

    type: str
    bytes: int


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Converted:
    """A conversion of an image that Imgur would have refused."""

    source: Annotated[str, Field(alias="from")]  # media type before
    to: str  # media type after
    bytes_before: int
    bytes_after: int
    width: int  # of the result, in pixels
    height: int


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Result:
    """The state of one submitted URL."""

    index: int  # in the job, from 0; duplicates are not counted
    url: str  # as submitted
    state: str  # `pending`, `complete` or `failed`
    link: str | None = None
    reason: str | None = None  # code of the failure, or of the last attempt's failure
    message: str | None = None  # the same as a sentence for people
    attempts: int = 0
    possibly_duplicated: bool = False  # the image may be at Imgur twice
    resolved_to: str | None = None  # URL of the image, if the submitted URL led to a page
    converted: Converted | None = None
    altered: Altered | None = None
    deleted: str | None = None  # of a requested deletion: `pending`, `done` or `failed`


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Blocked:
    """Uploads have stopped, as Imgur refuses the application or the address, or is out of reach."""

    since: datetime
    message: str  # the reason as a sentence
    imgur_says: str = ""  # Imgur's own text, if any
    next_probe: datetime | None = None  # time of the next try, with one image
    opening: str = ""  # how an operator resumes uploads earlier


@dataclass(frozen=True, slots=True, config=_CONFIG)
class UploadPace:
    """Maximum number of uploads in any `day` or `hour`."""

    uploads: int
    per: str


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Forecast:
    """The expected end of a job; None is unknown."""

    ahead: int | None = None  # URLs of all jobs before this job's last one
    rate_per_second: float | None = None  # recent rate of final URLs
    expected_finish: datetime | None = None
    pause_seconds: float = 0.0  # until the end of a pause that Imgur requested
    budget: UploadPace | None = None  # the service's own budget, if it decides the end
    blocked: Blocked | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Album:
    """The album that is created for a job."""

    id: str | None = None  # None until it is created
    link: str | None = None
    state: str = "pending"  # `pending`, `created`, `ordered` (as submitted) or `failed`
    reason: str | None = None  # code of a failed creation or ordering
    message: str | None = None  # the same as a sentence for people
    possibly_duplicated: bool = False  # there may be another one, empty, at Imgur
    deleted: str | None = None  # of a requested deletion: `pending`, `done` or `failed`


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Waiting:
    """Why all pending URLs of a job wait."""

    reason: str
    message: str  # the same as a sentence for people


@dataclass(frozen=True, slots=True, config=_CONFIG)
class JobStatus:
    """The state of a job, with all of its results or a page of them."""

    id: str
    created: datetime
    finished: datetime | None  # None until the job is complete
    status: str  # `pending`, `in-progress` or `complete`
    counts: Counts  # of the whole job
    results: tuple[Result, ...]  # in the order of submission
    next: int | None = None  # cursor of the next page, if there is one
    forecast: Forecast | None = None  # only of events
    waiting: Waiting | None = None  # set while all uploads wait
    cancelled: bool = False
    album: Album | None = None
    retry_of: str | None = None  # id of the job whose failed URLs this one repeats
    retried_as: str | None = None  # id of the job that repeats this one's failed URLs
    sandbox: bool = False  # links are the sandbox's: nothing was sent to Imgur
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_complete(self) -> bool:
        """Whether every URL is uploaded or has failed."""
        return self.status == "complete"

    @model_validator(mode="before")
    @classmethod
    def _number(cls, body: object, info: ValidationInfo) -> object:
        if not isinstance(body, dict) or not isinstance(body.get("results"), list):
            return body
        results = [
            {"index": index, **one} if isinstance(one, dict) else one
            for index, one in enumerate(body["results"], info.context or 0)
        ]
        return {**body, "results": results, "raw": body}


@dataclass(frozen=True, slots=True, config=_CONFIG)
class JobChange:
    """The changes of a job in one event; None and empty for what is unchanged."""

    status: str | None = None
    counts: Counts | None = None
    results: tuple[Result, ...] = ()
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Progress:
    """The state of a followed job."""

    job_id: str
    status: str  # `pending`, `in-progress` or `complete`
    counts: Counts  # of the whole job
    changed: tuple[Result, ...] = ()  # since the last progress, if the service sends events
    forecast: Forecast | None = None
    sandbox: bool = False  # links are the sandbox's

    @property
    def is_complete(self) -> bool:
        """Whether every URL is uploaded or has failed."""
        return self.status == "complete"


@dataclass(frozen=True, slots=True, config=_CONFIG)
class JobSummary:
    """A job in the list of jobs."""

    id: str
    created: datetime
    finished: datetime | None
    status: str
    counts: Counts
    cancelled: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    _keep_raw = model_validator(mode="before")(_keep_raw)


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Allowance:
    """What is left of one limit; None is unknown."""

    limit: int | None = None
    remaining: int | None = None
    reset: str | None = None  # when it is whole again, as the service sends it
    next: str | None = None  # of the service's own budget: when the oldest upload leaves the window


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Limits:
    """Imgur's limits, as the service last received them."""

    # Credits of the application, and of the address or account that uploads.
    client: Annotated[Allowance, Field(validation_alias=AliasPath("credits", "client"))]
    user: Annotated[Allowance, Field(validation_alias=AliasPath("credits", "user"))]
    posts: Allowance  # uploads in an hour
    paused: bool  # Imgur requested a pause
    pause_seconds: float  # until its end; 0 without a pause
    sandbox: bool = False  # these are the sandbox's limits
    # The service's own budget, in any `day` and any `hour`.
    budget: Mapping[str, Allowance] = field(default_factory=dict)
    blocked: Blocked | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    _keep_raw = model_validator(mode="before")(_keep_raw)


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Readiness:
    """Whether the service takes and processes jobs."""

    ready: bool
    state: str
    detail: str  # the state as a sentence
    sandbox: bool
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @model_validator(mode="before")
    @classmethod
    def _name_the_sandbox(cls, body: object) -> object:
        if not isinstance(body, dict):
            return body
        return {**body, "sandbox": body.get("imgur") == "sandbox", "raw": body}


class JobPage(BaseModel):
    """A page of jobs, and the cursor of the next page."""

    jobs: list[JobSummary]
    next: int | None = None


class LinkPage(BaseModel):
    """A page of links, and the cursor of the next page."""

    uploaded: list[str]
    next: int | None = None


class JobAccepted(BaseModel):
    """The response to a submission or a retry."""

    job_id: str = Field(alias="jobId")


class JobCancelled(BaseModel):
    """The response to a cancellation: the number of cancelled URLs."""

    cancelled: int


class DeletionAccepted(BaseModel):
    """The response to the request for a deletion: the state of the deletion."""

    deleted: str

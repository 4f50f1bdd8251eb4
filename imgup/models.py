"""What the service answers, as frozen dataclasses that pydantic validates.

Keys that this client does not know are no error; where a class has `raw`, they are in there.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

from imgup.errors import NotImgupError
from imgup.states import COMPLETE, FAILED, PENDING

# Programs make these objects, too, by the names that Python has for the fields.
_CONFIG = ConfigDict(alias_generator=to_camel, validate_by_alias=True, validate_by_name=True)

_Shape = TypeVar("_Shape")
_NumberOrText = Annotated[str, Field(coerce_numbers_to_str=True)]


def read(shape: type[_Shape], body: object, first_index: int = 0) -> _Shape:
    """Read an answer.

    Args:
        shape: one of this module's classes.
        body: JSON.
        first_index: place in the job of the first of the answer's results.

    Raises:
        NotImgupError: it is not such an answer.
    """
    try:
        found: _Shape = TypeAdapter(shape).validate_python(body, context=first_index)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"])) or "the whole"
        raise NotImgupError(
            f"The answer is not one of imgup: {place}: {fault['msg']}; is another server there?"
        ) from None
    return found


def _keep_raw(body: object) -> object:
    return {**body, "raw": body} if isinstance(body, dict) else body


@dataclass(frozen=True, slots=True, config=_CONFIG)
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


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Altered:
    """What Imgur made of an image: its media type, and its size in bytes."""

    type: str
    bytes: int


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Converted:
    """What the service made of an image that Imgur would have refused.

    Attributes:
        source: its media type.
        to: that of what was made of it.
        bytes_before: its size in bytes.
        bytes_after: the same of what was made of it.
        width: of that, in pixels.
        height: the same.
    """

    source: Annotated[str, Field(alias="from")]
    to: str
    bytes_before: int
    bytes_after: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Result:
    """The state of one submitted URL.

    Attributes:
        index: its place in the job, from 0; duplicates are not counted.
        url: as submitted.
        state: `pending`, `complete` or `failed`.
        link: where the image is at Imgur, once it is.
        reason: stable name of why it failed, or why its last attempt did.
        message: the same as a sentence for a person.
        attempts: tries so far.
        possibly_duplicated: the image may be at Imgur twice.
        resolved_to: where the image was looked for, if the URL led to a page.
        converted: what was made of the image before its upload, where that was needed.
        altered: what is at Imgur, where Imgur changed the image.
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
    resolved_to: str | None = None
    converted: Converted | None = None
    altered: Altered | None = None
    deleted: str | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Blocked:
    """Uploads have stopped, as Imgur refuses the application or the address.

    Attributes:
        since: when they did.
        message: why, in a sentence.
        imgur_says: Imgur's own words; empty if it gave none.
        next_probe: when one image is tried.
        opening: how an operator has uploads go on before.
    """

    since: datetime
    message: str
    imgur_says: str = ""
    next_probe: datetime | None = None
    opening: str = ""


@dataclass(frozen=True, slots=True, config=_CONFIG)
class UploadPace:
    """So many uploads in any `day` or `hour`."""

    uploads: int
    per: str


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Forecast:
    """When a job may be complete.

    Attributes:
        ahead: URLs of all jobs that come before its last one.
        rate_per_second: recent rate of final URLs; None if unknown.
        expected_finish: None if unknown.
        pause_seconds: how long uploads pause from now on, as Imgur asked; 0 if they do not.
        budget: what decides it, where the service's own budget does.
        blocked: set while Imgur refuses whatever is sent.
    """

    ahead: int | None = None
    rate_per_second: float | None = None
    expected_finish: datetime | None = None
    pause_seconds: float = 0.0
    budget: UploadPace | None = None
    blocked: Blocked | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Album:
    """The album that was created for a job.

    Attributes:
        id: None until it is created.
        link: the same.
        state: `pending`, `created`, `ordered` (images are in the order of submission) or `failed`.
        reason: stable name of why it could not be created, or its images not be ordered.
        message: the same as a sentence for a person.
        possibly_duplicated: there may be another one, empty, at Imgur.
        deleted: `pending`, `done` or `failed` once its deletion was asked for.
    """

    id: str | None = None
    link: str | None = None
    state: str = PENDING
    reason: str | None = None
    message: str | None = None
    possibly_duplicated: bool = False
    deleted: str | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
class JobStatus:
    """A job as it stands, with all of its results or a page of them.

    Attributes:
        id: the job's id.
        created: when it was sent.
        finished: when it was complete; None while it is not.
        status: `pending`, `in-progress` or `complete`.
        counts: of the whole job.
        results: in the order of submission.
        next: the cursor of the next page; None on the last one, and where there are no pages.
        forecast: None once it is complete, and from a service that makes none.
        cancelled: whether it was cancelled.
        album: the album that it asked for; None if it asked for none.
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
    next: _NumberOrText | None = None
    forecast: Forecast | None = None
    cancelled: bool = False
    album: Album | None = None
    retry_of: str | None = None
    retried_as: str | None = None
    sandbox: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_complete(self) -> bool:
        """Whether every URL is uploaded or has failed."""
        return self.status == COMPLETE

    @model_validator(mode="before")
    @classmethod
    def _number_and_count(cls, body: object, info: ValidationInfo) -> object:
        if not isinstance(body, dict) or not isinstance(body.get("results"), list):
            return body
        results = [
            {"index": index, **one} if isinstance(one, dict) else one
            for index, one in enumerate(body["results"], info.context or 0)
        ]
        # A service older than `counts` knows no pages either, so these are all.
        states = Counter(one.get("state") for one in results if isinstance(one, dict))
        counts = {state: states[state] for state in (PENDING, COMPLETE, FAILED)}
        counts["total"] = len(results)
        return {"counts": counts, **body, "results": results, "raw": body}


@dataclass(frozen=True, slots=True, config=_CONFIG)
class JobChange:
    """What an event says has changed about a job; None and empty where nothing has."""

    status: str | None = None
    counts: Counts | None = None
    results: tuple[Result, ...] = ()
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True, config=_CONFIG)
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
    """How much of one limit is left.

    Attributes:
        limit: how much there is in all.
        remaining: how much is left.
        reset: when it is whole again, as the service says it.

    Each is None while nobody knows.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: _NumberOrText | None = None


_MaybeAllowance = Annotated[Allowance, BeforeValidator(lambda given: given or {})]


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Limits:
    """Imgur's limits, as the service last heard of them.

    Attributes:
        client: credits of the application.
        user: credits of the address or account that uploads.
        posts: uploads in an hour.
        paused: whether uploads pause, as Imgur asked.
        pause_seconds: how long from now on; 0 if they do not.
        sandbox: whether they are the sandbox's.
        blocked: set while Imgur refuses whatever is sent.
        raw: the answer as it came.
    """

    client: Annotated[_MaybeAllowance, Field(validation_alias=AliasPath("credits", "client"))]
    user: Annotated[_MaybeAllowance, Field(validation_alias=AliasPath("credits", "user"))]
    posts: _MaybeAllowance
    paused: bool
    pause_seconds: float
    sandbox: bool = False
    blocked: Blocked | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    _keep_raw = model_validator(mode="before")(_keep_raw)


@dataclass(frozen=True, slots=True, config=_CONFIG)
class Readiness:
    """Whether the service takes jobs and works on them; `detail` says it in a sentence."""

    ready: bool
    state: str
    detail: str
    sandbox: bool
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @model_validator(mode="before")
    @classmethod
    def _name_the_sandbox(cls, body: object) -> object:
        if not isinstance(body, dict):
            return body
        return {**body, "sandbox": body.get("imgur") == "sandbox", "raw": body}


class JobPage(BaseModel):
    """Some jobs, and the cursor of the page behind."""

    jobs: list[JobSummary]
    next: _NumberOrText | None = None


class LinkPage(BaseModel):
    """Some links, and the cursor of the page behind."""

    uploaded: list[str]
    next: _NumberOrText | None = None


class JobAccepted(BaseModel):
    """The answer to a job that was sent, or tried again."""

    job_id: str = Field(alias="jobId")


class JobCancelled(BaseModel):
    """The answer to a cancelled job: how many of its URLs were."""

    cancelled: int

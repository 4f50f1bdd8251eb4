"""A client of the imgup service, for programs; `imgup.cli` is the one for people."""

from imgup.client import Client, Job
from imgup.connection import Delay
from imgup.errors import (
    BadEntry,
    BadRequestError,
    BrokenOffError,
    ConflictError,
    ImgupError,
    InvalidUrlsError,
    NotFoundError,
    NotImgupError,
    NotOfferedError,
    ProblemError,
    RateLimitedError,
    ServiceFaultError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)
from imgup.limit_models import Allowance, Limits
from imgup.models import Counts, Forecast, JobStatus, JobSummary, Progress, Readiness, Result

__all__ = [
    "Allowance",
    "BadEntry",
    "BadRequestError",
    "BrokenOffError",
    "Client",
    "ConflictError",
    "Counts",
    "Delay",
    "Forecast",
    "ImgupError",
    "InvalidUrlsError",
    "Job",
    "JobStatus",
    "JobSummary",
    "Limits",
    "NotFoundError",
    "NotImgupError",
    "NotOfferedError",
    "ProblemError",
    "Progress",
    "RateLimitedError",
    "Readiness",
    "Result",
    "ServiceFaultError",
    "UnauthorizedError",
    "UnavailableError",
    "UnreachableError",
]

"""The client of the imgup service for programs; `imgup.cli` is the command line.

Imports none of the other packages.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from imgup.client import Client, Job
    from imgup.connection import Delay
    from imgup.models import (
        Album,
        Allowance,
        Altered,
        Blocked,
        Converted,
        Counts,
        Forecast,
        JobStatus,
        JobSummary,
        Limits,
        Progress,
        Readiness,
        Result,
        UploadPace,
        Waiting,
    )

__all__ = [
    "Album",
    "Allowance",
    "Altered",
    "BadEntry",
    "BadRequestError",
    "Blocked",
    "BrokenOffError",
    "Client",
    "ConflictError",
    "Converted",
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
    "UploadPace",
    "Waiting",
]


def __getattr__(name: str) -> object:
    """Import the client at its first use: the help of a command does not need its libraries."""
    for home in ("imgup.client", "imgup.models") if name in __all__ else ():
        found: object = getattr(import_module(home), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""What travels between the web side, the mailbox, the job table and the workers.

Every message is immutable and picklable, so that it means the same on both sides of a process
boundary and nobody can change it after it was sent.
"""

from workers.messages.jobs import (
    CHANGES_A_CALL,
    ChangesWanted,
    ImageState,
    JobChanges,
    JobStatus,
    JobSummary,
)
from workers.messages.outcomes import Failed, Outcome, PutBack, TryAgain, Uploaded
from workers.messages.submission import Refusal, RefusalCode, Submission
from workers.messages.supervision import CrashedUrl, MailboxStats, Retirement
from workers.messages.turn import (
    Arrival,
    Clearance,
    Delivery,
    ImageOptions,
    Lease,
    Place,
    Receipt,
    Report,
    Standing,
    Words,
)

__all__ = [
    "CHANGES_A_CALL",
    "Arrival",
    "ChangesWanted",
    "Clearance",
    "CrashedUrl",
    "Delivery",
    "Failed",
    "ImageOptions",
    "ImageState",
    "JobChanges",
    "JobStatus",
    "JobSummary",
    "Lease",
    "MailboxStats",
    "Outcome",
    "Place",
    "PutBack",
    "Receipt",
    "Refusal",
    "RefusalCode",
    "Report",
    "Retirement",
    "Standing",
    "Submission",
    "TryAgain",
    "Uploaded",
    "Words",
]

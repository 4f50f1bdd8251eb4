"""What travels between the web side, the mailbox, the job table and the workers.

Every message is immutable and picklable, so that it means the same on both sides of a process
boundary and nobody can change it after it was sent.
"""

from workers.contract.messages.jobs import (
    CHANGES_A_CALL,
    ChangesWanted,
    ImageState,
    JobChanges,
    JobStatus,
    JobSummary,
)
from workers.contract.messages.outcomes import Done, Failed, Outcome, PutBack, TryAgain, Uploaded
from workers.contract.messages.round_trip import (
    Arrival,
    Clearance,
    Delivery,
    ImageOptions,
    Lease,
    Place,
    Receipt,
    Report,
    Standing,
    TaskKey,
    Words,
)
from workers.contract.messages.submission import Refusal, RefusalCode, Submission
from workers.contract.messages.supervision import CrashedUrl, EndCause, MailboxStats, Retirement
from workers.contract.messages.tasks import (
    PENDING_DELETION,
    Deletion,
    DeletionRefusal,
    DeletionState,
    DeliveryAttempt,
    TaskKind,
)

__all__ = [
    "CHANGES_A_CALL",
    "PENDING_DELETION",
    "Arrival",
    "ChangesWanted",
    "Clearance",
    "CrashedUrl",
    "Deletion",
    "DeletionRefusal",
    "DeletionState",
    "Delivery",
    "DeliveryAttempt",
    "Done",
    "EndCause",
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
    "TaskKey",
    "TaskKind",
    "TryAgain",
    "Uploaded",
    "Words",
]

"""Messages between the web process, the mailbox, the job table and the workers.

Each is immutable and picklable: it means the same on both sides of a process boundary, and nobody
can change it after it was sent. Imports values of the contract only.
"""

from workers.contract.messages.albums import (
    AlbumCall,
    AlbumCreated,
    AlbumState,
    AlbumStatus,
    AlbumStep,
)
from workers.contract.messages.jobs import (
    CHANGES_A_CALL,
    CHANGES_A_CALL_BYTES,
    ChangesWanted,
    ImageState,
    JobChanges,
    JobStatus,
    JobSummary,
)
from workers.contract.messages.outcomes import (
    Altered,
    Converted,
    Deferred,
    Done,
    Failed,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import (
    DATA_PIECE_BYTES,
    Ack,
    Directive,
    DownloadReport,
    ImageOptions,
    Lease,
    Report,
    TaskKey,
    UploadDecision,
    UrlKey,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.submission import Refusal, RefusalCode, Submission
from workers.contract.messages.supervision import (
    CrashedTask,
    CrashedUrl,
    EndCause,
    FenceResult,
    MailboxStats,
)
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
    "CHANGES_A_CALL_BYTES",
    "DATA_PIECE_BYTES",
    "PENDING_DELETION",
    "Ack",
    "AlbumCall",
    "AlbumCreated",
    "AlbumState",
    "AlbumStatus",
    "AlbumStep",
    "Altered",
    "ChangesWanted",
    "Converted",
    "CrashedTask",
    "CrashedUrl",
    "Deferred",
    "Deletion",
    "DeletionRefusal",
    "DeletionState",
    "DeliveryAttempt",
    "Directive",
    "Done",
    "DownloadReport",
    "EndCause",
    "Failed",
    "FenceResult",
    "ImageOptions",
    "ImageState",
    "JobChanges",
    "JobStatus",
    "JobSummary",
    "Lease",
    "MailboxStats",
    "Outcome",
    "Refusal",
    "RefusalCode",
    "Report",
    "RetryLater",
    "Submission",
    "TaskKey",
    "TaskKind",
    "UploadDecision",
    "Uploaded",
    "UrlKey",
    "WorkerRequest",
    "WorkerResponse",
]

"""Messages between the web process, the mailbox, the job table and the workers.

Each is immutable and picklable: it means the same on both sides of a process boundary, and nobody
can change it after it was sent. Imports values of the contract only.
"""

from workers.contract.messages.albums import (
    AlbumCall as AlbumCall,
    AlbumCreated as AlbumCreated,
    AlbumState as AlbumState,
    AlbumStatus as AlbumStatus,
    AlbumStep as AlbumStep,
)
from workers.contract.messages.jobs import (
    CHANGES_A_CALL as CHANGES_A_CALL,
    CHANGES_A_CALL_BYTES as CHANGES_A_CALL_BYTES,
    ChangesWanted as ChangesWanted,
    ImageState as ImageState,
    JobChanges as JobChanges,
    JobListing as JobListing,
    JobOverview as JobOverview,
    JobStatus as JobStatus,
    JobSummary as JobSummary,
)
from workers.contract.messages.outcomes import (
    CANCELLED as CANCELLED,
    NO_DETAILS as NO_DETAILS,
    Altered as Altered,
    Converted as Converted,
    Deferred as Deferred,
    Done as Done,
    Failed as Failed,
    ImageDetails as ImageDetails,
    MaybeBlocked as MaybeBlocked,
    Outcome as Outcome,
    RetryLater as RetryLater,
    Uploaded as Uploaded,
)
from workers.contract.messages.round_trip import (
    DATA_PIECE_BYTES as DATA_PIECE_BYTES,
    Ack as Ack,
    Directive as Directive,
    DownloadReport as DownloadReport,
    ImageOptions as ImageOptions,
    Lease as Lease,
    Report as Report,
    TaskKey as TaskKey,
    UploadDecision as UploadDecision,
    UrlKey as UrlKey,
    WorkerRequest as WorkerRequest,
    WorkerResponse as WorkerResponse,
)
from workers.contract.messages.submission import (
    Cancellation as Cancellation,
    Origin as Origin,
    Refusal as Refusal,
    RefusalCode as RefusalCode,
    Replay as Replay,
    RequestKey as RequestKey,
    Retry as Retry,
    Submission as Submission,
)
from workers.contract.messages.supervision import (
    CrashedTask as CrashedTask,
    CrashedUrl as CrashedUrl,
    EndCause as EndCause,
    FenceResult as FenceResult,
    LogLine as LogLine,
    MailboxStats as MailboxStats,
    QuotaNews as QuotaNews,
)
from workers.contract.messages.tasks import (
    PENDING_DELETION as PENDING_DELETION,
    Deletion as Deletion,
    DeletionRefusal as DeletionRefusal,
    DeletionState as DeletionState,
    DeliveryAttempt as DeliveryAttempt,
    TaskKind as TaskKind,
)

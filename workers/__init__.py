"""State, workers and what runs them. Imports nothing of service.

What service may use is listed here; everything else is inside.
"""

from workers.contract import lean_structlog as lean_structlog  # isort: split - before structlog
from workers.contract.backend import (
    Backend as Backend,
    BackendBusyError as BackendBusyError,
    BackendHealth as BackendHealth,
    BackendLostError as BackendLostError,
    BackendState as BackendState,
    WebJobTable as WebJobTable,
    WebMailbox as WebMailbox,
)
from workers.contract.budget import (
    Block as Block,
    QueueStats as QueueStats,
    QuotaRules as QuotaRules,
    QuotaState as QuotaState,
    WindowState as WindowState,
)
from workers.contract.conversion_policy import ConversionPolicy as ConversionPolicy
from workers.contract.data_url import (
    DataUrl as DataUrl,
    beginning_of as beginning_of,
    is_data_url as is_data_url,
    read_data_url as read_data_url,
)
from workers.contract.derived import derive as derive
from workers.contract.download_policy import (
    DownloadPolicy as DownloadPolicy,
    ImgurLimits as ImgurLimits,
)
from workers.contract.errors import (
    ImageError as ImageError,
    JournalError as JournalError,
)
from workers.contract.image_type import IMAGE_TYPES as IMAGE_TYPES
from workers.contract.imgur_access import ImgurAccess as ImgurAccess
from workers.contract.job_options import (
    ALBUM_LAYOUTS as ALBUM_LAYOUTS,
    ALBUM_PATTERN as ALBUM_PATTERN,
    ALBUM_PRIVACIES as ALBUM_PRIVACIES,
    NO_OPTIONS as NO_OPTIONS,
    HeadersByOrigin as HeadersByOrigin,
    JobOptions as JobOptions,
    NewAlbum as NewAlbum,
    Priority as Priority,
)
from workers.contract.logs import (
    LogConfig as LogConfig,
    configure_logging as configure_logging,
    flush_logs as flush_logs,
)
from workers.contract.messages.albums import AlbumStatus as AlbumStatus
from workers.contract.messages.jobs import (
    CHANGES_A_CALL as CHANGES_A_CALL,
    ChangesWanted as ChangesWanted,
    ImageState as ImageState,
    JobChanges as JobChanges,
    JobListing as JobListing,
    JobOverview as JobOverview,
    JobStatus as JobStatus,
)
from workers.contract.messages.outcomes import ImageDetails as ImageDetails
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
from workers.contract.messages.tasks import (
    DeletionRefusal as DeletionRefusal,
    DeletionState as DeletionState,
    DeliveryAttempt as DeliveryAttempt,
)
from workers.contract.quota import (
    UPLOAD_COSTS as UPLOAD_COSTS,
    LimitState as LimitState,
    Quota as Quota,
)
from workers.contract.shares import (
    Shares as Shares,
    share_left as share_left,
)
from workers.contract.url import (
    are_plain as are_plain,
    check_url as check_url,
    mask_url as mask_url,
)
from workers.contract.webhook_policy import (
    RETRY_SECONDS as RETRY_SECONDS,
    WebhookPolicy as WebhookPolicy,
)
from workers.contract.wire_url import MAX_URL_LENGTH as MAX_URL_LENGTH
from workers.contract.worker_config import WorkerConfig as WorkerConfig
from workers.runtime.backend_config import BackendConfig as BackendConfig
from workers.runtime.backends import (
    ray_backend as ray_backend,
    remove_ray_backend as remove_ray_backend,
)
from workers.runtime.local.processes import LocalBackend as LocalBackend
from workers.runtime.managed_backend import (
    BackendError as BackendError,
    ManagedBackend as ManagedBackend,
)
from workers.runtime.many_threads import prepare_for_many_threads as prepare_for_many_threads
from workers.runtime.ray.environment import ClusterAddress as ClusterAddress
from workers.runtime.scaling import ScalingRules as ScalingRules
from workers.state.jobs.timeline import (
    TIMELINE_BYTES as TIMELINE_BYTES,
    read_timeline as read_timeline,
)
from workers.worker.image_text import (
    PLACEHOLDERS as PLACEHOLDERS,
    template_faults as template_faults,
)
from workers.worker.source.source_headers import origin_of as origin_of

"""State, workers and what runs them. Imports nothing of service.

What service may use is listed here; everything else is inside.
"""

from workers.contract import lean_structlog  # isort: split - before structlog
from workers.contract.backend import (
    Backend,
    BackendBusyError,
    BackendHealth,
    BackendLostError,
    BackendState,
    WebJobTable,
    WebMailbox,
)
from workers.contract.budget import Block, QueueStats, QuotaRules, QuotaState, WindowState
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.data_url import DataUrl, beginning_of, is_data_url, read_data_url
from workers.contract.derived import derive
from workers.contract.download_policy import DownloadPolicy, ImgurLimits
from workers.contract.errors import ImageError, JournalError
from workers.contract.image_type import IMAGE_TYPES
from workers.contract.imgur_access import ImgurAccess
from workers.contract.job_options import (
    ALBUM_LAYOUTS,
    ALBUM_PATTERN,
    ALBUM_PRIVACIES,
    NO_OPTIONS,
    JobOptions,
    NewAlbum,
    Priority,
)
from workers.contract.logs import LogConfig, configure_logging, flush_logs
from workers.contract.messages.albums import AlbumStatus
from workers.contract.messages.jobs import (
    CHANGES_A_CALL,
    ChangesWanted,
    ImageState,
    JobChanges,
    JobOverview,
    JobStatus,
)
from workers.contract.messages.outcomes import ImageDetails
from workers.contract.messages.submission import Origin, Refusal, RequestKey, Submission
from workers.contract.messages.tasks import DeletionRefusal, DeletionState
from workers.contract.quota import UPLOAD_COSTS, LimitState, Quota
from workers.contract.shares import Shares, share_left
from workers.contract.url import are_plain, mask_url
from workers.contract.wakeup_pipe import WakeupPipe
from workers.contract.webhook_policy import RETRY_SECONDS, WebhookPolicy
from workers.contract.wire_url import MAX_URL_LENGTH, wire_url
from workers.contract.worker_config import WorkerConfig
from workers.runtime.backend_config import BackendConfig
from workers.runtime.backends import ray_backend, remove_ray_backend
from workers.runtime.local.processes import LocalBackend
from workers.runtime.managed_backend import BackendError, ManagedBackend
from workers.runtime.many_threads import prepare_for_many_threads
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.scaling import ScalingRules
from workers.state.jobs.timeline import TIMELINE_BYTES, read_timeline
from workers.worker.image_text import PLACEHOLDERS, template_faults
from workers.worker.source.source_headers import origin_of

"""State, workers and what runs them. Imports nothing of service.

What service may use is listed here; everything else is inside.
"""

from workers.contract.backend import (
    Backend,
    BackendBusyError,
    BackendHealth,
    BackendLostError,
    BackendState,
    WebJobTable,
    WebMailbox,
)
from workers.contract.block import Block
from workers.contract.budget import QuotaRules, QuotaState, WindowState
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.data_url import DataUrl, beginning_of, is_data_url, read_data_url
from workers.contract.derived import derive
from workers.contract.download_policy import DownloadPolicy, ImgurLimits
from workers.contract.errors import ImageError, JournalError
from workers.contract.image_type import IMAGE_TYPES
from workers.contract.imgur_access import ImgurAccess
from workers.contract.job_messages import Cancellation, JobListing, JobOverview, Replay, Retry
from workers.contract.job_options import (
    ALBUM_LAYOUTS,
    ALBUM_PATTERN,
    ALBUM_PRIVACIES,
    NO_OPTIONS,
    HeadersByOrigin,
    JobOptions,
    NewAlbum,
    Priority,
)
from workers.contract.logs import LogConfig, configure_logging, flush_logs
from workers.contract.messages import (
    CHANGES_A_CALL,
    AlbumStatus,
    Altered,
    ChangesWanted,
    Converted,
    Deletion,
    DeletionRefusal,
    DeletionState,
    DeliveryAttempt,
    ImageState,
    JobChanges,
    JobStatus,
    Refusal,
    RefusalCode,
    Submission,
)
from workers.contract.origin import Origin
from workers.contract.queue_stats import QueueStats
from workers.contract.quota import UPLOAD_COSTS, LimitState, Quota
from workers.contract.request_key import RequestKey
from workers.contract.shares import Shares, share_left
from workers.contract.url import are_plain, check_url, mask_url
from workers.contract.wire_url import MAX_URL_LENGTH
from workers.runtime.backend_config import BackendConfig
from workers.runtime.backends import ray_backend, remove_ray_backend
from workers.runtime.local.processes import LocalBackend
from workers.runtime.managed_backend import BackendError, ManagedBackend
from workers.runtime.many_threads import prepare_for_many_threads
from workers.runtime.ray.environment import ClusterAddress
from workers.runtime.scaling import ScalingRules
from workers.state.jobs.timeline import TIMELINE_BYTES, TimelineEvent, read_timeline
from workers.state.journal.repair import repair_journal
from workers.worker.image_text import PLACEHOLDERS, template_faults
from workers.worker.source.source_headers import origin_of
from workers.worker.webhook import RETRY_SECONDS, WebhookPolicy
from workers.worker.worker import WorkerConfig

__all__ = [
    "ALBUM_LAYOUTS",
    "ALBUM_PATTERN",
    "ALBUM_PRIVACIES",
    "CHANGES_A_CALL",
    "IMAGE_TYPES",
    "MAX_URL_LENGTH",
    "NO_OPTIONS",
    "PLACEHOLDERS",
    "RETRY_SECONDS",
    "TIMELINE_BYTES",
    "UPLOAD_COSTS",
    "AlbumStatus",
    "Altered",
    "Backend",
    "BackendBusyError",
    "BackendConfig",
    "BackendError",
    "BackendHealth",
    "BackendLostError",
    "BackendState",
    "Block",
    "Cancellation",
    "ChangesWanted",
    "ClusterAddress",
    "ConversionPolicy",
    "Converted",
    "DataUrl",
    "Deletion",
    "DeletionRefusal",
    "DeletionState",
    "DeliveryAttempt",
    "DownloadPolicy",
    "HeadersByOrigin",
    "ImageError",
    "ImageState",
    "ImgurAccess",
    "ImgurLimits",
    "JobChanges",
    "JobListing",
    "JobOptions",
    "JobOverview",
    "JobStatus",
    "JournalError",
    "LimitState",
    "LocalBackend",
    "LogConfig",
    "ManagedBackend",
    "NewAlbum",
    "Origin",
    "Priority",
    "QueueStats",
    "Quota",
    "QuotaRules",
    "QuotaState",
    "Refusal",
    "RefusalCode",
    "Replay",
    "RequestKey",
    "Retry",
    "ScalingRules",
    "Shares",
    "Submission",
    "TimelineEvent",
    "WebJobTable",
    "WebMailbox",
    "WebhookPolicy",
    "WindowState",
    "WorkerConfig",
    "are_plain",
    "beginning_of",
    "check_url",
    "configure_logging",
    "derive",
    "flush_logs",
    "is_data_url",
    "mask_url",
    "origin_of",
    "prepare_for_many_threads",
    "ray_backend",
    "read_data_url",
    "read_timeline",
    "remove_ray_backend",
    "repair_journal",
    "share_left",
    "template_faults",
]

"""The actor side: mailbox, job table, supervisor and workers.

What the web side may use is listed here; everything else is inside.
"""

from workers.allowance import CREDITS_AN_UPLOAD, Allowance, LimitState
from workers.backends import ray_board, remove_ray_board
from workers.board import (
    Board,
    BoardBusyError,
    BoardHealth,
    BoardJobTable,
    BoardLostError,
    BoardMailbox,
    BoardState,
)
from workers.board_config import BoardConfig
from workers.board_engine import BackendError, BoardEngine
from workers.cluster.environment import ClusterAddress
from workers.derived import derive
from workers.download import DownloadPolicy
from workers.download.source_headers import origin_of
from workers.download.url import are_plain, check_url, mask_url
from workers.download.wire_url import MAX_URL_LENGTH
from workers.errors import ImageError
from workers.image_text import PLACEHOLDERS, template_faults
from workers.imgur import ImgurAccess
from workers.jobs.job_messages import Cancellation, JobListing, JobOverview, Replay, Retry
from workers.jobs.job_options import NO_OPTIONS, HeadersByOrigin, JobOptions, Priority
from workers.jobs.origin import Origin
from workers.jobs.request_key import RequestKey
from workers.jobs.timeline import TIMELINE_BYTES, TimelineEvent, read_timeline
from workers.journal.journal_records import JournalError
from workers.journal.repair import repair_journal
from workers.logs import LogConfig, configure_logging, flush_logs
from workers.many_threads import prepare_for_many_threads
from workers.messages import (
    CHANGES_A_CALL,
    ChangesWanted,
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
from workers.processes import ProcessBoard
from workers.queueing.outlook import Outlook
from workers.scaling import ScalingRules
from workers.shares import Shares, share_left
from workers.tasks.webhook import RETRY_SECONDS, WebhookPolicy
from workers.worker import WorkerConfig

__all__ = [
    "CHANGES_A_CALL",
    "CREDITS_AN_UPLOAD",
    "MAX_URL_LENGTH",
    "NO_OPTIONS",
    "PLACEHOLDERS",
    "RETRY_SECONDS",
    "TIMELINE_BYTES",
    "Allowance",
    "BackendError",
    "Board",
    "BoardBusyError",
    "BoardConfig",
    "BoardEngine",
    "BoardHealth",
    "BoardJobTable",
    "BoardLostError",
    "BoardMailbox",
    "BoardState",
    "Cancellation",
    "ChangesWanted",
    "ClusterAddress",
    "Deletion",
    "DeletionRefusal",
    "DeletionState",
    "DeliveryAttempt",
    "DownloadPolicy",
    "HeadersByOrigin",
    "ImageError",
    "ImageState",
    "ImgurAccess",
    "JobChanges",
    "JobListing",
    "JobOptions",
    "JobOverview",
    "JobStatus",
    "JournalError",
    "LimitState",
    "LogConfig",
    "Origin",
    "Outlook",
    "Priority",
    "ProcessBoard",
    "Refusal",
    "RefusalCode",
    "Replay",
    "RequestKey",
    "Retry",
    "ScalingRules",
    "Shares",
    "Submission",
    "TimelineEvent",
    "WebhookPolicy",
    "WorkerConfig",
    "are_plain",
    "check_url",
    "configure_logging",
    "derive",
    "flush_logs",
    "mask_url",
    "origin_of",
    "prepare_for_many_threads",
    "ray_board",
    "read_timeline",
    "remove_ray_board",
    "repair_journal",
    "share_left",
    "template_faults",
]

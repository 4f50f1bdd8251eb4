"""The actor side: mailbox, job table, supervisor and workers.

What the web side may use is listed here; everything else is inside.
"""

from workers.board import Board, BoardBusyError, BoardHealth, BoardLostError, BoardState
from workers.download import DownloadPolicy
from workers.download.url import MAX_URL_LENGTH, check_url, mask_url
from workers.errors import ImageError
from workers.imgur import ImgurAccess
from workers.job_table import CHANGES_A_CALL
from workers.journal_records import JournalError
from workers.logs import LogConfig, configure_logging
from workers.messages import (
    ImageState,
    JobChanges,
    JobStatus,
    Refusal,
    RefusalCode,
    Submission,
)
from workers.processes import ProcessBoard, ProcessBoardConfig
from workers.worker import WorkerConfig

__all__ = [
    "CHANGES_A_CALL",
    "MAX_URL_LENGTH",
    "Board",
    "BoardBusyError",
    "BoardHealth",
    "BoardLostError",
    "BoardState",
    "DownloadPolicy",
    "ImageError",
    "ImageState",
    "ImgurAccess",
    "JobChanges",
    "JobStatus",
    "JournalError",
    "LogConfig",
    "ProcessBoard",
    "ProcessBoardConfig",
    "Refusal",
    "RefusalCode",
    "Submission",
    "WorkerConfig",
    "check_url",
    "configure_logging",
    "mask_url",
]

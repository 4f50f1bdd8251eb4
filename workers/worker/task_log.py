"""Log lines of ended tasks, without secrets of URLs and deletehashes."""

import logging
from collections.abc import Iterable
from typing import Any, Final

import structlog
from structlog.typing import FilteringBoundLogger

from workers.contract.messages.albums import AlbumCreated
from workers.contract.messages.outcomes import (
    Deferred,
    Done,
    Failed,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import Ack, Lease
from workers.contract.messages.supervision import LogLine
from workers.contract.messages.tasks import TaskKind
from workers.contract.url import mask_url

_REFUSED: Final = "result refused: the lease had passed to another worker"
_TASK_REFUSED: Final = "task refused: the lease had passed to another worker"


def log_fields(lease: Lease) -> dict[str, Any]:
    """Return the log fields that identify a task."""
    fields: dict[str, Any] = {"job_id": lease.job_id}
    if lease.kind is TaskKind.IMAGE:
        return fields | {"index": lease.index}
    fields["task"] = lease.kind.value
    if lease.album is not None:
        fields["step"] = lease.album.step.value
    else:
        fields["index"] = lease.index if lease.kind is TaskKind.DELETION else None
    return fields | {"attempt": lease.attempt}


def log_outcome(lease: Lease, outcome: Outcome, ack: Ack) -> None:
    """Log the outcome of an attempt, after the mailbox's ack."""
    is_image = lease.kind is TaskKind.IMAGE
    log = structlog.get_logger("worker" if is_image else "tasks").bind(**log_fields(lease))
    if not ack.accepted:
        log.warning(_REFUSED if is_image else _TASK_REFUSED)
        return
    if ack.is_logged:
        if is_image:
            _log_image(log, lease, outcome)
        else:
            _log_task(log, outcome)
    if ack.finished is not None:
        log_lines([ack.finished])


def _log_image(log: FilteringBoundLogger, lease: Lease, outcome: Outcome) -> None:
    if isinstance(outcome, Uploaded | AlbumCreated | Done):
        return  # the job's last line counts it
    reasons = {"reason": outcome.reason, "message": outcome.message}
    if isinstance(outcome, Deferred) and outcome.pause_seconds != 0:
        pause = outcome.pause_seconds and round(outcome.pause_seconds, 1)
        event = "uploads paused for all workers: Imgur asked to wait"
        log.warning(event, **reasons, pause_seconds=pause)
        return
    log = log.bind(url=mask_url(lease.target), **reasons)
    match outcome:
        case Failed(details=details):
            if details.resolved_to is not None:
                log = log.bind(resolved_to=mask_url(details.resolved_to))
            log.warning("image failed", attempts=lease.attempt)
        case RetryLater(delay_seconds=delay):
            log.info(
                "image will be tried again", attempt=lease.attempt, delay_seconds=round(delay, 1)
            )
        case Deferred():
            log.debug("image deferred")
        case MaybeBlocked():
            event = "image refused: others tell whether for its own sake"
            log.info(event, attempt=lease.attempt)


def _log_task(log: FilteringBoundLogger, outcome: Outcome) -> None:
    match outcome:
        case Done(status):
            log.info("task done", status=status)
        case AlbumCreated(album_id, link):
            log.info("task done", album=album_id, link=link)
        case Deferred(_, message, pause_seconds):
            log.warning("task deferred", message=message, pause_seconds=pause_seconds)
        case Failed(reason, message):
            log.warning("task failed", reason=reason, message=message, status=outcome.status)
        case RetryLater(reason, message, delay_seconds):
            log.info(
                "task will be tried again",
                reason=reason,
                message=message,
                status=outcome.status,
                delay_seconds=round(delay_seconds, 1),
            )
        case MaybeBlocked(otherwise):
            _log_task(log, otherwise)


def log_lines(lines: Iterable[LogLine]) -> None:
    """Log what the state has to say."""
    for line in lines:
        level = logging.getLevelName(line.level.upper())
        structlog.get_logger(line.logger).log(level, line.event, **line.fields)

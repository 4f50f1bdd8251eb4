"""One errand: a webhook or a deletion. Knows no queue and no process."""

from typing import Protocol

import structlog

from workers.board import BoardLostError
from workers.errands.messages import (
    Done,
    Errand,
    ErrandKind,
    ErrandOutcome,
    ErrandReceipt,
    PutOff,
    Undone,
)
from workers.errors import ImgurError, RateLimitedError, Reason


class Messenger(Protocol):
    """Tells callback URLs: `WebhookSender`."""

    def send(self, url: str, job_id: str, body: bytes, trace_parent: str = "") -> ErrandOutcome: ...


class Host(Protocol):
    """Where images are: `workers.imgur.ImgurClient`."""

    def delete(self, deletehash: str) -> float | None: ...


class ErrandRunner:
    """Does one errand at a time; a lane has its own.

    Args:
        messenger: tells callback URLs.
        host: deletes images.
    """

    def __init__(self, messenger: Messenger, host: Host) -> None:
        self._messenger = messenger
        self._host = host
        self._log = structlog.get_logger("errands")

    def run(self, errand: Errand) -> ErrandOutcome:
        """One attempt, always ending in an outcome."""
        try:
            if errand.kind is ErrandKind.WEBHOOK:
                trace_parent = errand.origin.trace_parent if errand.origin else ""
                return self._messenger.send(errand.target, errand.job_id, errand.body, trace_parent)
            return Done(pause_seconds=self._host.delete(errand.target))
        except RateLimitedError as error:
            return PutOff(error.message, error.pause_seconds)
        except ImgurError as error:
            return Undone(
                error.reason,
                error.message,
                is_final=not error.transient,
                retry_after=error.retry_after,
            )
        except BoardLostError:
            raise  # not this errand's fault: there is nobody left to report to
        except Exception:  # noqa: BLE001 - the reason stands below
            # A bug that one errand brings out must not take down the lane that serves all others.
            self._log.exception("internal error", job_id=errand.job_id, errand=errand.kind.value)
            return Undone(
                Reason.INTERNAL_ERROR,
                "The service met an internal error with this errand; its log has the details.",
                is_final=True,
            )

    def tell(self, errand: Errand, outcome: ErrandOutcome, receipt: ErrandReceipt) -> None:
        """Log how an attempt ended; neither URL nor deletehash, as both may be secrets."""
        log = self._log.bind(
            job_id=errand.job_id,
            errand=errand.kind.value,
            index=errand.index if errand.kind is ErrandKind.DELETION else None,
            attempt=errand.attempt,
        )
        if not receipt.accepted:
            log.warning("errand refused: it had passed to another worker")
            return
        match outcome:
            case Done(status):
                log.info("errand done", status=status)
            case PutOff(message, pause_seconds):
                log.warning("errand put off", message=message, pause_seconds=pause_seconds)
            case Undone(reason, message, status) if receipt.retry_seconds is None:
                log.warning("errand failed", reason=reason, message=message, status=status)
            case Undone(reason, message, status):
                log.info(
                    "errand will be tried again",
                    reason=reason,
                    message=message,
                    status=status,
                    delay_seconds=round(receipt.retry_seconds, 1),
                )

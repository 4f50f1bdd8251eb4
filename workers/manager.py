"""The SyncManager subclass that owns the mailbox and the job table in a process of its own.

``manager.Mailbox()`` is the Manager's queue and ``manager.JobTable()`` the Manager's dict; why
neither is the stock proxy is in docs/decisions/0001-mailbox-and-job-table.md.
"""

import functools
import multiprocessing
from multiprocessing.managers import SyncManager
from typing import cast

from workers.deadline_proxy import CALL_SECONDS, SERIALIZER, DeadlineProxy, ManagerLostError
from workers.errands.ledger import ErrandKey
from workers.errands.messages import DeletionRefusal
from workers.imgur.auth import TokenAnswer, TokenStore
from workers.job_table import JobTable
from workers.jobs.job_messages import Cancellation, JobListing, Replay, Retry
from workers.jobs.job_reader import CHANGES_A_CALL
from workers.jobs.origin import Origin
from workers.journal.recovery import Recovered, Recovery
from workers.lifeline import ignore_stop_signals, leave_with_parent
from workers.logs import LogConfig
from workers.mailbox import Mailbox
from workers.messages import (
    Delivery,
    JobChanges,
    JobStatus,
    MailboxStats,
    Refusal,
    Retirement,
    Submission,
    Words,
)
from workers.metrics import EndCause, MeterReading
from workers.queueing.mailbox_limits import MailboxLimits
from workers.queueing.outlook import Outlook

__all__ = [
    "CALL_SECONDS",
    "BoardManager",
    "JobTableProxy",
    "MailboxProxy",
    "ManagerLostError",
    "RecoveryProxy",
    "TokenStoreProxy",
]

_RESTORE_SECONDS = 600.0  # a journal of a million URLs takes some 10 s on a slow machine


class MailboxProxy(DeadlineProxy):
    """See `Mailbox`."""

    _exposed_ = (
        "put",
        "cancel",
        "retry",
        "close",
        "stats",
        "meters",
        "outlook",
        "delete_image",
        "open_errands",
        "exchange",
        "register",
        "retire",
        "overdue",
    )

    def put(self, submission: Submission) -> Refusal | Replay | None:
        return cast("Refusal | Replay | None", self._callmethod("put", (submission,)))

    def cancel(self, job_id: str, owner: str) -> Cancellation | Refusal | None:
        answer = self._callmethod("cancel", (job_id, owner))
        return cast("Cancellation | Refusal | None", answer)

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None
    ) -> Retry | Refusal | None:
        answer = self._callmethod("retry", (job_id, owner, new_job_id, origin))
        return cast("Retry | Refusal | None", answer)

    def close(self) -> None:
        self._callmethod("close")

    def stats(self) -> MailboxStats:
        return cast("MailboxStats", self._callmethod("stats"))

    def outlook(self, job_id: str | None = None) -> Outlook:
        return cast("Outlook", self._callmethod("outlook", (job_id,)))

    def meters(self) -> MeterReading:
        return cast("MeterReading", self._callmethod("meters"))

    def delete_image(self, job_id: str, index: int, owner: str) -> DeletionRefusal | None:
        answer = self._callmethod("delete_image", (job_id, index, owner))
        return cast("DeletionRefusal | None", answer)

    def open_errands(self) -> tuple[ErrandKey, ...]:
        return cast("tuple[ErrandKey, ...]", self._callmethod("open_errands"))

    def exchange(self, worker_id: str, words: Words, wait_seconds: float) -> Delivery:
        args = (worker_id, words, wait_seconds)
        return cast("Delivery", self._callmethod("exchange", args, wait_seconds=wait_seconds))

    def register(self, worker_id: str) -> None:
        self._callmethod("register", (worker_id,))

    def retire(self, worker_id: str, cause: EndCause | None = None) -> Retirement:
        return cast("Retirement", self._callmethod("retire", (worker_id, cause)))

    def overdue(self) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._callmethod("overdue"))


class JobTableProxy(DeadlineProxy):
    """Reading and forgetting in a `JobTable`; what writes to it is the mailbox, beside it."""

    _exposed_ = ("changes", "listing", "links", "links_removed", "unfinished", "evict")

    def changes(
        self,
        job_id: str,
        since: int = 0,
        owner: str = "",
        *,
        known: int | None = None,
        limit: int = CHANGES_A_CALL,
        name_urls: bool = False,
    ) -> JobChanges | None:
        further = {"known": known, "limit": limit, "name_urls": name_urls}
        answer = self._callmethod("changes", (job_id, since, owner), further)
        return cast("JobChanges | None", answer)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._callmethod("links", (start, limit, owner)))

    def links_removed(self, owner: str = "") -> int:
        return cast("int", self._callmethod("links_removed", (owner,)))

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        answer = self._callmethod("listing", (owner, status, before, limit))
        return cast("JobListing", answer)

    def evict(self, age_seconds: float) -> int:
        return cast("int", self._callmethod("evict", (age_seconds,)))

    def unfinished(self) -> dict[str, int]:
        return cast("dict[str, int]", self._callmethod("unfinished"))


class TokenStoreProxy(DeadlineProxy):
    """See `TokenStore`."""

    _exposed_ = ("token", "refreshed", "refresh_failed")

    def token(self, stale_generation: int | None, wait_seconds: float) -> TokenAnswer:
        args = (stale_generation, wait_seconds)
        return cast("TokenAnswer", self._callmethod("token", args, wait_seconds=wait_seconds))

    def refreshed(
        self,
        permit: int,
        access_token: str,
        expires_in_seconds: float,
        refresh_token: str | None,
    ) -> None:
        self._callmethod("refreshed", (permit, access_token, expires_in_seconds, refresh_token))

    def refresh_failed(self, permit: int, message: str, transient: bool) -> None:  # noqa: FBT001 - the store's own signature
        self._callmethod("refresh_failed", (permit, message, transient))


class RecoveryProxy(DeadlineProxy):
    """See `Recovery`."""

    _exposed_ = ("restore", "close")

    def restore(self, path: str, logs: LogConfig) -> Recovered:
        return cast(
            "Recovered", self._callmethod("restore", (path, logs), wait_seconds=_RESTORE_SECONDS)
        )

    def close(self) -> None:
        self._callmethod("close")


# Run in the Manager process only. Cached, so that both objects live as long as the process and
# the mailbox finds the very table that readers see.


@functools.cache
def _job_table() -> JobTable:
    return JobTable()


@functools.cache
def _mailbox(limits: MailboxLimits) -> Mailbox:
    return Mailbox(_job_table(), limits)


@functools.cache
def _recovery(limits: MailboxLimits) -> Recovery:
    return Recovery(_job_table(), _mailbox(limits))


@functools.cache
def _token_store() -> TokenStore:
    return TokenStore()


def _prepare_process() -> None:
    ignore_stop_signals()
    leave_with_parent()


class BoardManager(SyncManager):
    """A SyncManager that owns the job board: one mailbox, one job table, one token store."""

    def __init__(self) -> None:
        # spawn: a forked Manager would inherit the listening socket and locks held by threads.
        super().__init__(serializer=SERIALIZER, ctx=multiprocessing.get_context("spawn"))

    def start_process(self) -> None:
        """Start the Manager process; it ignores stop signals and leaves with its parent."""
        self.start(initializer=_prepare_process)

    @property
    def sentinel(self) -> int:
        """Ready when the Manager process has ended, for ``multiprocessing.connection.wait``."""
        return cast("int", self._process.sentinel)  # type: ignore[attr-defined]

    @property
    def pid(self) -> int:
        return cast("int", self._process.pid)  # type: ignore[attr-defined]

    def kill(self) -> None:
        """End a Manager that does not answer."""
        self._process.kill()  # type: ignore[attr-defined]

    def mailbox(self, limits: MailboxLimits) -> MailboxProxy:
        return cast("MailboxProxy", self.Mailbox(limits))  # type: ignore[attr-defined]

    def job_table(self) -> JobTableProxy:
        return cast("JobTableProxy", self.JobTable())  # type: ignore[attr-defined]

    def recovery(self, limits: MailboxLimits) -> RecoveryProxy:
        return cast("RecoveryProxy", self.Recovery(limits))  # type: ignore[attr-defined]

    def token_store(self) -> TokenStoreProxy:
        return cast("TokenStoreProxy", self.TokenStore())  # type: ignore[attr-defined]


BoardManager.register("Mailbox", callable=_mailbox, proxytype=MailboxProxy)
BoardManager.register("JobTable", callable=_job_table, proxytype=JobTableProxy)
BoardManager.register("Recovery", callable=_recovery, proxytype=RecoveryProxy)
BoardManager.register("TokenStore", callable=_token_store, proxytype=TokenStoreProxy)

"""The SyncManager subclass that owns the mailbox and the job table in a process of its own.

``manager.Mailbox()`` is the Manager's queue and ``manager.JobTable()`` the Manager's dict; why
neither is the stock proxy is in docs/decisions/0001-mailbox-and-job-table.md.
"""

import functools
import multiprocessing
from multiprocessing.managers import SyncManager
from typing import cast

from workers.deadline_proxy import CALL_SECONDS, SERIALIZER, DeadlineProxy, ManagerLostError
from workers.imgur.auth import TokenAnswer, TokenStore
from workers.job_table import CHANGES_A_CALL, JobTable
from workers.lifeline import ignore_stop_signals, leave_with_parent
from workers.logs import LogConfig
from workers.mailbox import Mailbox, MailboxLimits
from workers.messages import (
    Delivery,
    JobChanges,
    MailboxStats,
    Refusal,
    Retirement,
    Submission,
    Words,
)
from workers.recovery import Recovered, Recovery

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
        "close",
        "stats",
        "exchange",
        "register",
        "retire",
        "overdue",
    )

    def put(self, submission: Submission) -> Refusal | None:
        return cast("Refusal | None", self._callmethod("put", (submission,)))

    def close(self) -> None:
        self._callmethod("close")

    def stats(self) -> MailboxStats:
        return cast("MailboxStats", self._callmethod("stats"))

    def exchange(self, worker_id: str, words: Words, wait_seconds: float) -> Delivery:
        args = (worker_id, words, wait_seconds)
        return cast("Delivery", self._callmethod("exchange", args, wait_seconds=wait_seconds))

    def register(self, worker_id: str) -> None:
        self._callmethod("register", (worker_id,))

    def retire(self, worker_id: str) -> Retirement:
        return cast("Retirement", self._callmethod("retire", (worker_id,)))

    def overdue(self) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._callmethod("overdue"))


class JobTableProxy(DeadlineProxy):
    """Reading and forgetting in a `JobTable`; what writes to it is the mailbox, beside it."""

    _exposed_ = ("changes", "links", "unfinished", "evict")

    def changes(
        self,
        job_id: str,
        since: int = 0,
        owner: str = "",
        *,
        known: int | None = None,
        limit: int = CHANGES_A_CALL,
    ) -> JobChanges | None:
        further = {"known": known, "limit": limit}
        answer = self._callmethod("changes", (job_id, since, owner), further)
        return cast("JobChanges | None", answer)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._callmethod("links", (start, limit, owner)))

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

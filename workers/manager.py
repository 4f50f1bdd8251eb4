"""The SyncManager subclass that owns the mailbox and the job table in a process of its own.

``manager.Mailbox()`` is the Manager's queue and ``manager.JobTable()`` the Manager's dict; why
neither is the stock proxy is in docs/decisions/0001-mailbox-and-job-table.md.
"""

import functools
import multiprocessing
from multiprocessing.managers import SyncManager
from typing import cast

from workers.deadline_proxy import CALL_SECONDS, SERIALIZER, DeadlineProxy, ManagerLostError
from workers.imgur.auth import TokenStore
from workers.job_table import JobTable
from workers.journal.recovery import Recovery
from workers.lifeline import ignore_stop_signals, leave_with_parent
from workers.mailbox import Mailbox
from workers.many_threads import prepare_for_many_threads
from workers.queueing.mailbox_limits import MailboxLimits
from workers.remote_calls import JobTableCalls, MailboxCalls, RecoveryCalls, TokenStoreCalls

__all__ = [
    "CALL_SECONDS",
    "BoardManager",
    "JobTableProxy",
    "MailboxProxy",
    "ManagerLostError",
    "RecoveryProxy",
    "TokenStoreProxy",
]


class MailboxProxy(DeadlineProxy, MailboxCalls):
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
        "open_tasks",
        "exchange",
        "register",
        "dismiss",
        "retire",
        "workers",
        "overdue",
    )


class JobTableProxy(DeadlineProxy, JobTableCalls):
    """Reading and forgetting in a `JobTable`; what writes to it is the mailbox, beside it."""

    _exposed_ = ("changes", "listing", "links", "links_removed", "unfinished", "evict")


class TokenStoreProxy(DeadlineProxy, TokenStoreCalls):
    """See `TokenStore`."""

    _exposed_ = ("token", "refreshed", "refresh_failed")


class RecoveryProxy(DeadlineProxy, RecoveryCalls):
    """See `Recovery`."""

    _exposed_ = ("restore", "close")


# Run in the Manager process only. Cached, so that both objects live as long as the process and
# the mailbox finds the very table that readers see.


@functools.cache
def _job_table(limits: MailboxLimits) -> JobTable:
    return JobTable(max_bytes=limits.state_bytes)


@functools.cache
def _mailbox(limits: MailboxLimits) -> Mailbox:
    return Mailbox(_job_table(limits), limits)


@functools.cache
def _recovery(limits: MailboxLimits) -> Recovery:
    return Recovery(_job_table(limits), _mailbox(limits))


@functools.cache
def _token_store() -> TokenStore:
    return TokenStore()


def _prepare_process() -> None:
    prepare_for_many_threads()
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

    def job_table(self, limits: MailboxLimits) -> JobTableProxy:
        return cast("JobTableProxy", self.JobTable(limits))  # type: ignore[attr-defined]

    def recovery(self, limits: MailboxLimits) -> RecoveryProxy:
        return cast("RecoveryProxy", self.Recovery(limits))  # type: ignore[attr-defined]

    def token_store(self) -> TokenStoreProxy:
        return cast("TokenStoreProxy", self.TokenStore())  # type: ignore[attr-defined]


BoardManager.register("Mailbox", callable=_mailbox, proxytype=MailboxProxy)
BoardManager.register("JobTable", callable=_job_table, proxytype=JobTableProxy)
BoardManager.register("Recovery", callable=_recovery, proxytype=RecoveryProxy)
BoardManager.register("TokenStore", callable=_token_store, proxytype=TokenStoreProxy)

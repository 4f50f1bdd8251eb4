"""The SyncManager subclass whose process owns the mailbox and the job table.

``manager.Mailbox()`` is the Manager's queue and ``manager.JobTable()`` the Manager's dict;
docs/decisions/0001-mailbox-and-job-table.md explains why these are not the stock proxies.
"""

import multiprocessing
from collections.abc import Callable
from functools import partial
from multiprocessing.managers import SyncManager
from typing import cast

from workers.contract.derived import calls_of
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.state_calls import JobTableCalls, MailboxCalls, RecoveryCalls, StateObjects
from workers.contract.tokens import Tokens
from workers.runtime.deadline_proxy import SERIALIZER, DeadlineProxy
from workers.runtime.many_threads import prepare_for_many_threads
from workers.runtime.parent_watcher import ignore_stop_signals, leave_with_parent
from workers.runtime.state_objects import make_objects


class _Owned:
    """The Manager process's objects, made once, before the first request."""

    objects: StateObjects


def _prepare_process(limits: MailboxLimits) -> None:
    prepare_for_many_threads()
    ignore_stop_signals()
    leave_with_parent()
    _Owned.objects = make_objects(limits)


def _owned(name: str) -> object:
    return getattr(_Owned.objects, name)


class StateManager(SyncManager):
    """A SyncManager that owns the state: a mailbox, a job table, a token store, a recovery."""

    # Made by `register`.
    Mailbox: Callable[[], DeadlineProxy]
    JobTable: Callable[[], DeadlineProxy]
    TokenStore: Callable[[], DeadlineProxy]
    Recovery: Callable[[], DeadlineProxy]

    def __init__(self, limits: MailboxLimits) -> None:
        # spawn: a forked Manager would inherit the listening socket and locks held by threads.
        super().__init__(serializer=SERIALIZER, ctx=multiprocessing.get_context("spawn"))
        self._limits = limits

    def start_process(self) -> None:
        """Start the Manager process; it ignores stop signals and ends with its parent."""
        self.start(initializer=_prepare_process, initargs=(self._limits,))

    @property
    def sentinel(self) -> int:
        """Sentinel of the process, for ``multiprocessing.connection.wait``."""
        return cast("int", self._process.sentinel)  # type: ignore[attr-defined]

    @property
    def pid(self) -> int:
        return cast("int", self._process.pid)  # type: ignore[attr-defined]

    def kill(self) -> None:
        """Kill a Manager that does not respond."""
        self._process.kill()  # type: ignore[attr-defined]

    def objects(self) -> StateObjects:
        """Return proxies of the Manager's objects, whose calls have deadlines."""
        return StateObjects(
            mailbox=self.Mailbox().calls(MailboxCalls),
            job_table=self.JobTable().calls(JobTableCalls),
            token_store=self.TokenStore().calls(Tokens),
            recovery=self.Recovery().calls(RecoveryCalls),
        )


for _typeid, _name, _calls in (
    ("Mailbox", "mailbox", MailboxCalls),
    ("JobTable", "job_table", JobTableCalls),
    ("TokenStore", "token_store", Tokens),
    ("Recovery", "recovery", RecoveryCalls),
):
    StateManager.register(_typeid, partial(_owned, _name), DeadlineProxy, calls_of(_calls))

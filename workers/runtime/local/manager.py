"""The SyncManager subclass whose process owns the mailbox and the job table.

``manager.mailbox()`` is the Manager's queue and ``manager.job_table()`` the Manager's dict;
docs/decisions/0001-mailbox-and-job-table.md explains why these are not the stock proxies.
"""

import os
import signal
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, Pipe
from multiprocessing.managers import Server, SyncManager
from typing import Any, NoReturn, cast

from workers.contract.derived import calls_of
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.state_calls import StateObjects
from workers.runtime.deadline_proxy import SERIALIZER, DeadlineProxy
from workers.runtime.local.fork_server import begin_process, fork_server
from workers.runtime.many_threads import prepare_for_many_threads


class _Owned:
    """The Manager process's objects, made once, before the first request."""

    objects: StateObjects
    held_open: "Connection[Any, Any]"  # see `StateManager.start_process`


def _prepare_process(limits: MailboxLimits, held_open: "Connection[Any, Any]") -> None:
    # Here, as the service imports this module as well; the fork server has imported this before.
    from workers.runtime.state_objects import make_objects  # noqa: PLC0415

    begin_process("imgup-manager")
    prepare_for_many_threads()
    _Owned.objects = make_objects(limits)
    _Owned.held_open = held_open


def _owned(name: str) -> object:
    return getattr(_Owned.objects, name)


class _LastingServer(Server):
    def accepter(self) -> NoReturn:
        """Accept connections for ever; close one for which the system has no thread."""
        while True:
            with suppress(RuntimeError):
                super().accepter()


class StateManager(SyncManager):
    """A SyncManager that owns the state: a mailbox, a job table, a token store, a recovery.

    Attributes:
        sentinel: readable as soon as the process has ended, also where a fork server died.
    """

    sentinel: "Connection[Any, Any]"
    _Server = _LastingServer  # the name is multiprocessing's

    def __init__(self, limits: MailboxLimits) -> None:
        super().__init__(serializer=SERIALIZER, ctx=fork_server())
        self._limits = limits

    def start_process(self) -> None:
        """Start the Manager process; it ignores stop signals and ends with its parent."""
        # Only the Manager holds the other end of this pipe, so it ends with the Manager. The
        # process's own sentinel would also end with the fork server.
        self.sentinel, held_open = Pipe(duplex=False)
        self.start(initializer=_prepare_process, initargs=(self._limits, held_open))
        held_open.close()

    @property
    def pid(self) -> int:
        return cast("int", self._process.pid)  # type: ignore[attr-defined]

    def kill(self) -> None:
        """Kill a Manager that does not respond."""
        if not self.sentinel.poll():
            os.kill(self.pid, signal.SIGKILL)

    def objects(self) -> StateObjects:
        """Return proxies of the Manager's objects, whose calls have deadlines."""
        # The name is multiprocessing's.
        return StateObjects.derived(lambda name: getattr(self, name)()._callmethod)  # noqa: SLF001


for _name, _protocol in StateObjects.protocols().items():
    StateManager.register(_name, partial(_owned, _name), DeadlineProxy, calls_of(_protocol))

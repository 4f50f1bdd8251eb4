"""A worker process as the supervisor sees it."""

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Pipe
from typing import Final, cast

from workers.contract.state_calls import MailboxCalls
from workers.contract.tokens import Tokens
from workers.contract.worker_config import WorkerConfig
from workers.runtime.local.fork_server import end_stopped_server, fork_server
from workers.runtime.local.worker_process import run_worker

_REPORT_SECONDS: Final = 5.0  # ample for the fork server to tell the exit code
_UNKNOWN_EXIT: Final = 255  # as of multiprocessing, where the fork server died before it told


class ForkedWorker:
    """A started worker. It does not depend on the fork server, which tells its exit code only.

    To multiprocessing all processes end with their fork server. That may be killed, and ends where
    it cannot fork because of a limit, so that the start of one worker would cost all others.

    Raises:
        OSError: it could not be started.
    """

    def __init__(
        self, config: WorkerConfig, worker_id: str, mailbox: MailboxCalls, tokens: Tokens
    ) -> None:
        # Only the worker holds the other end: this one is readable as soon as it has ended, and
        # until then the pid is its own.
        self._end, held_open = Pipe(duplex=False)
        self._process = fork_server().Process(
            target=run_worker, args=(config, worker_id, mailbox, tokens, held_open), name=worker_id
        )
        try:
            self._process.start()
        except EOFError as error:
            raise OSError("the fork server died meanwhile") from error
        finally:
            held_open.close()

    @property
    def pid(self) -> int:
        return cast("int", self._process.pid)

    @property
    def exitcode(self) -> int | None:
        if not self._end.poll():
            return None
        end_stopped_server()  # it would never tell, and all of that time nobody else is watched
        self._process.join(_REPORT_SECONDS)
        code = self._process.exitcode
        return _UNKNOWN_EXIT if code is None else code

    @property
    def sentinel(self) -> int:
        return self._end.fileno()

    def kill(self) -> None:
        if not self._end.poll():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def join(self) -> None:
        self._end.poll(None)

    def close(self) -> None:
        with suppress(ValueError):  # the fork server has not told its end
            self._process.close()
        self._end.close()

"""A worker process as the supervisor sees it."""

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Pipe
from typing import cast

from workers.contract.state_calls import MailboxCalls
from workers.contract.tokens import Tokens
from workers.contract.worker_config import WorkerConfig
from workers.runtime.local.fork_server import fork_server
from workers.runtime.local.worker_process import run_worker


class ForkedWorker:
    """A started worker. To multiprocessing it has ended when the fork server has; it may be alive.

    Raises:
        OSError: it could not be started.
    """

    def __init__(
        self, config: WorkerConfig, worker_id: str, mailbox: MailboxCalls, tokens: Tokens
    ) -> None:
        # Only the worker holds the other end, so its pid is its own until this one is readable.
        self._has_ended, held_open = Pipe(duplex=False)
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
        return self._process.exitcode

    @property
    def sentinel(self) -> int:
        return self._process.sentinel

    def kill(self) -> None:
        """Kill it if it is alive."""
        if not self._has_ended.poll():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def join(self) -> None:
        self._process.join()

    def close(self) -> None:
        """Release what is kept of a fenced worker. One that is alive is of no use any more; it
        would notice that with its next request, and if it is stopped not even the service's end.
        """
        self.kill()
        self._process.close()
        self._has_ended.close()

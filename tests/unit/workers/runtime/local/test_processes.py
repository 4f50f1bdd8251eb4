"""The end of the fork server while it starts a process, and of the Manager while it starts."""

import errno
import multiprocessing.resource_tracker
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Listener, Pipe
from pathlib import Path

import pytest

from workers.contract.backend import BackendLostError, BackendState
from workers.contract.download_policy import DownloadPolicy
from workers.contract.imgur_access import ImgurAccess
from workers.contract.logs import LogConfig
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.state_calls import StateObjects
from workers.contract.wakeup_pipe import WakeupPipe
from workers.contract.worker_config import WorkerConfig
from workers.runtime.backend_config import BackendConfig
from workers.runtime.deadline_proxy import ManagerLostError
from workers.runtime.local import forked_worker, processes
from workers.runtime.local.manager import StateManager
from workers.runtime.local.processes import LocalBackend
from workers.runtime.managed_backend import BackendError
from workers.runtime.state_objects import make_objects
from workers.runtime.supervisor import Supervisor


class DyingServer:
    """In place of the context of multiprocessing, and of its process."""

    def Process(self, **_arguments: object) -> "DyingServer":  # noqa: N802 - multiprocessing's name
        return self

    def start(self) -> None:
        raise EOFError("unexpected EOF")


class StoppedServer(DyingServer):
    """The same of a fork server that is stopped, so that it tells no end."""

    exitcode: int | None = None

    def start(self) -> None: ...

    def join(self, _seconds: float) -> None:
        assert self.exitcode is not None, "nobody has killed the server: this takes all the time"


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setattr(forked_worker, "fork_server", DyingServer)
    worker = WorkerConfig(1, 1, DownloadPolicy(), ImgurAccess("https://imgur.test", "id"))
    return LocalBackend(BackendConfig(1, 1, worker))


def test_the_supervisor_may_try_a_worker_again(backend: LocalBackend) -> None:
    backend._objects = make_objects(backend._config.limits)
    backend.mailbox = backend._objects.mailbox

    with pytest.raises(OSError, match="the fork server died"):
        backend._start_worker("worker-1.1")


def test_the_end_of_a_worker_is_not_awaited_from_a_stopped_fork_server(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend._objects = make_objects(backend._config.limits)
    backend.mailbox = backend._objects.mailbox
    monkeypatch.setattr(forked_worker, "fork_server", StoppedServer)
    monkeypatch.setattr(
        forked_worker,
        "end_stopped_server",
        lambda: monkeypatch.setattr(StoppedServer, "exitcode", 255),
    )
    assert backend._start_worker("worker-1.1").exitcode == 255


def test_a_start_without_free_descriptors_is_told_as_one(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a traceback, and exit code 1: that of a lost state."""

    def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(multiprocessing.resource_tracker, "ensure_running", fail)

    with pytest.raises(BackendError, match="Too many open files"):
        backend.start()


def test_a_temporary_directory_with_too_long_a_path_is_told(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: StateManager) -> None:
        Listener(str(tmp_path / ("long" * 30)), "AF_UNIX")

    monkeypatch.setattr(StateManager, "start_process", start)

    with pytest.raises(BackendError, match=r"Set TMPDIR to a shorter path\.$"):
        backend.start()


def test_a_backend_whose_manager_did_not_start_can_be_stopped(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateManager, "start_process", DyingServer.start)

    with pytest.raises(BackendError, match=r"^The Manager process could not be started"):
        backend.start()
    backend.stop()


class DyingManager:
    """In place of a Manager that is killed while it reads a journal."""

    pid = 1

    def __init__(self, limits: MailboxLimits) -> None:
        self._objects = replace(make_objects(limits), recovery=self)

    def start_process(self) -> None: ...

    def objects(self) -> StateObjects:
        return self._objects

    def restore(self, path: str, logs: LogConfig) -> None:
        raise ManagerLostError("The Manager process is gone.")

    def shutdown(self) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None: ...


def test_a_manager_that_dies_while_it_reads_the_journal_is_one_line(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "StateManager", DyingManager)
    backend._config = replace(backend._config, journal_path="/data/journal")

    with pytest.raises(BackendError, match=r"^The Manager process is gone\. .*/data/journal"):
        backend.start()
    backend.stop()


class LoneManager(DyingManager):
    """In place of a Manager without a socket."""

    def __init__(self, limits: MailboxLimits, address: str) -> None:
        super().__init__(limits)
        self.address = address
        self.sentinel, self._held_open = Pipe(duplex=False)
        self.is_killed = False

    def kill(self) -> None:
        self.is_killed = True

    def close(self) -> None:
        self.sentinel.close()
        self._held_open.close()


def test_a_manager_whose_socket_was_removed_is_lost(backend: LocalBackend, tmp_path: Path) -> None:
    """It would respond to connections from before alone: `/readyz` said 200, and all else 503."""
    with closing(LoneManager(backend._config.limits, str(tmp_path / "socket"))) as manager:
        backend._manager = manager  # type: ignore[assignment]
        backend.mailbox = manager.objects().mailbox
        backend._supervisor = Supervisor(backend.mailbox, backend._start_worker, 0)

        with (
            closing(WakeupPipe()) as wakeup,
            pytest.raises(BackendLostError, match="was removed"),
        ):
            backend.supervise(wakeup)

        assert manager.is_killed
        assert backend.health().state is BackendState.LOST

"""The end of the fork server while it starts a process."""

import pytest

from workers.contract.download_policy import DownloadPolicy
from workers.contract.imgur_access import ImgurAccess
from workers.contract.worker_config import WorkerConfig
from workers.runtime.backend_config import BackendConfig
from workers.runtime.local import processes
from workers.runtime.local.manager import StateManager
from workers.runtime.local.processes import LocalBackend
from workers.runtime.managed_backend import BackendError
from workers.runtime.state_objects import make_objects


class DyingServer:
    """In place of the context of multiprocessing, and of its process."""

    def Process(self, **_arguments: object) -> "DyingServer":  # noqa: N802 - multiprocessing's name
        return self

    def start(self) -> None:
        raise EOFError("unexpected EOF")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> LocalBackend:
    monkeypatch.setattr(processes, "fork_server", DyingServer)
    worker = WorkerConfig(1, 1, DownloadPolicy(), ImgurAccess("https://imgur.test", "id"))
    return LocalBackend(BackendConfig(1, 1, worker))


def test_the_supervisor_may_try_a_worker_again(backend: LocalBackend) -> None:
    backend._objects = make_objects(backend._config.limits)
    backend.mailbox = backend._objects.mailbox

    with pytest.raises(OSError, match="the fork server died"):
        backend._start_worker("worker-1.1")


def test_a_backend_whose_manager_did_not_start_can_be_stopped(
    backend: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StateManager, "start_process", DyingServer.start)

    with pytest.raises(BackendError, match=r"^The Manager process could not be started"):
        backend.start()
    backend.stop()

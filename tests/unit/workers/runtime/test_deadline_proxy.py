"""The time limits of calls, where the Manager is at work and where it is not."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Listener
from pathlib import Path

import pytest

from tests.processes import suspend
from tests.waiting import wait_until
from workers.runtime import deadline_proxy
from workers.runtime.deadline_proxy import connect, is_at_work

KEY = b"key"


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, threading.Event]]:
    """A listener that answers its first message when it is told to."""
    monkeypatch.setattr(deadline_proxy, "CALL_SECONDS", 0.3)
    # To connect there is time, however slow the machine is.
    monkeypatch.setattr(deadline_proxy, "_MAX_LIMITS", 200)
    monkeypatch.setattr(deadline_proxy, "is_at_work", lambda _pid: True)
    may_answer, address = threading.Event(), str(tmp_path / "socket")

    def answer() -> None:
        with listener.accept() as connection:
            message = connection.recv()
            may_answer.wait()
            with suppress(BrokenPipeError):
                connection.send(message)

    with Listener(address, "AF_UNIX", authkey=KEY) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield address, may_answer
        may_answer.set()
        thread.join()


def test_an_answer_may_be_late_while_the_manager_is_at_work(
    late: tuple[str, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, may_answer = late
    asked: list[int] = []

    def is_at_work_and_answers(pid: int) -> bool:
        asked.append(pid)
        may_answer.set()
        return True

    with connect(address, KEY) as connection:
        monkeypatch.setattr(deadline_proxy, "is_at_work", is_at_work_and_answers)
        connection.send("late")
        assert connection.recv() == "late"
    assert set(asked) == {os.getpid()}


@pytest.mark.parametrize(("at_work", "looks"), [(True, 2), (False, 1)])
def test_no_call_waits_for_ever(
    late: tuple[str, threading.Event],
    monkeypatch: pytest.MonkeyPatch,
    *,
    at_work: bool,
    looks: int,
) -> None:
    address, _ = late
    asked: list[int] = []

    def is_it(pid: int) -> bool:
        asked.append(pid)
        return at_work

    with connect(address, KEY) as connection:
        monkeypatch.setattr(deadline_proxy, "is_at_work", is_it)
        monkeypatch.setattr(deadline_proxy, "_MAX_LIMITS", 3)
        connection.send("never")
        with pytest.raises(BlockingIOError):
            connection.recv()
    assert len(asked) == looks


@pytest.fixture
def spawn() -> Iterator[Callable[..., int]]:
    children: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> int:
        children.append(subprocess.Popen(command, stdin=subprocess.PIPE))
        return children[-1].pid

    yield start
    for child in children:
        child.kill()
        child.communicate()


def test_what_wants_a_processor_is_at_work(spawn: Callable[..., int]) -> None:
    busy = spawn("sh", "-c", "while :; do :; done")
    wait_until(lambda: is_at_work(busy))
    suspend(busy)
    assert not is_at_work(busy), "stopped"
    os.kill(busy, signal.SIGCONT)
    wait_until(lambda: is_at_work(busy))


def test_what_waits_for_others_is_not(spawn: Callable[..., int]) -> None:
    idle = spawn("cat")
    wait_until(lambda: not is_at_work(idle))
    assert not is_at_work(0), "unknown"

"""The Manager process, its proxies, and how either ends."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.managers import listener_client
from pathlib import Path
from typing import Any

import pytest

from tests.job_snapshot import snapshot_of
from tests.processes import is_running, suspend
from tests.waiting import wait_until
from workers import BackendBusyError, BackendLostError
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState, JobStatus
from workers.contract.messages.outcomes import Failed, Uploaded
from workers.contract.messages.round_trip import (
    Ack,
    Directive,
    DownloadReport,
    Lease,
    Report,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.submission import Submission
from workers.contract.state_calls import JobTableCalls, MailboxCalls
from workers.contract.tokens import TokenAnswer
from workers.runtime import deadline_proxy
from workers.runtime.deadline_proxy import ManagerLostError
from workers.runtime.local import manager as manager_module
from workers.runtime.local.manager import StateManager

ROOT = Path(__file__).parents[2]
SOON = 60.0
"""Seconds in which what should happen at once has happened, on the slowest machine."""
SHORT = 0.3
"""Seconds that a call waits for a Manager that is stopped, and so never answers."""


@pytest.fixture
def manager() -> Iterator[StateManager]:
    manager = StateManager(MailboxLimits())
    manager.start_process()
    yield manager
    manager.shutdown()


@pytest.fixture
def mailbox(manager: StateManager) -> MailboxCalls:
    return manager.objects().mailbox


@pytest.fixture
def table(manager: StateManager) -> JobTableCalls:
    return manager.objects().job_table


prepare_process = manager_module._prepare_process


def prepare_without_a_thread(*args: Any) -> None:
    """The Manager finds the system without a thread for its first connection."""
    prepare_process(*args)
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if "handle_request" not in thread.name:
            return start(thread)
        threading.Thread.start = start  # type: ignore[method-assign]
        raise RuntimeError("can't start new thread")

    threading.Thread.start = refuse  # type: ignore[method-assign]


def job(job_id: str, count: int) -> Submission:
    return Submission(job_id, tuple(f"https://source.test/{job_id}/{n}.jpg" for n in range(count)))


class Call:
    """A call in a thread of its own, and so on a connection of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._result: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join(SOON)
        assert not self._thread.is_alive(), "the call still waits"
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._call()
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error


def test_a_connection_without_a_thread_is_not_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager_module, "_prepare_process", prepare_without_a_thread)
    manager = StateManager(MailboxLimits())
    manager.start_process()
    try:
        with pytest.raises((EOFError, OSError)):
            manager.objects()
        assert manager.objects().mailbox.put(job("j", 1)) is None
    finally:
        manager.shutdown()


class TestProxies:
    def test_a_job_goes_through(self, mailbox: MailboxCalls, table: JobTableCalls) -> None:
        assert mailbox.put(job("j", 3)) is None
        mailbox.register("w1")

        first, second = mailbox.exchange("w1", WorkerRequest(wanted=2), 0).leases
        reports = (
            Report(first.token, Uploaded("link", "secret")),
            Report(second.token, Failed("empty", "Nothing came.")),
        )
        response = mailbox.exchange("w1", WorkerRequest(reports, wanted=1), 0)
        (third,) = response.leases
        words = WorkerRequest(uploads=(DownloadReport(second.token), DownloadReport(third.token)))
        announced = mailbox.exchange("w1", words, 0)

        assert response.acks == (Ack(accepted=True), Ack(accepted=True))
        assert announced.cleared == (False, True)
        assert (first.index, second.index, third.index) == (0, 1, 2)
        snapshot = snapshot_of(table, "j")
        assert snapshot is not None
        assert snapshot.status is JobStatus.IN_PROGRESS
        assert list(snapshot.states) == [
            ImageState.COMPLETE,
            ImageState.FAILED,
            ImageState.PENDING,
        ]
        assert table.links(0, 10) == ("link",)
        assert table.unfinished() == {"j": 1}
        assert mailbox.stats().leased == 1
        assert mailbox.expired() == ()
        assert mailbox.fence("w1").returned == 1
        mailbox.close()
        assert mailbox.exchange("w1", WorkerRequest(wanted=1), 60) == WorkerResponse(
            Directive.FENCED
        )

    def test_all_ask_the_same_objects(self, manager: StateManager) -> None:
        manager.objects().mailbox.put(job("j", 2))

        assert manager.objects().mailbox.stats().queued == 2
        assert manager.objects().job_table.unfinished() == {"j": 2}

    def test_limits_reach_the_mailbox(self) -> None:
        manager = StateManager(MailboxLimits(max_open_urls=2))
        manager.start_process()
        with contextlib.ExitStack() as stack:
            stack.callback(manager.shutdown)
            mailbox = manager.objects().mailbox
            assert mailbox.put(job("j", 3)) is not None
            assert mailbox.put(job("j", 2)) is None

    def test_an_unknown_job_is_none(self, table: JobTableCalls) -> None:
        assert snapshot_of(table, "nowhere") is None

    def test_an_error_inside_arrives_as_itself(self, mailbox: MailboxCalls) -> None:
        mailbox.put(job("j", 1))

        with pytest.raises(ValueError, match="exists already"):
            mailbox.put(job("j", 1))

        assert mailbox.stats().queued == 1, "and the connection serves on"

    def test_the_table_is_read_only_from_outside(self, manager: StateManager) -> None:
        with pytest.raises(multiprocessing.managers.RemoteError, match="not in exposed"):
            manager.job_table()._callmethod("record", ("j", 0, Failed("empty", "Nothing came.")))

    def test_workers_share_one_token(self, manager: StateManager) -> None:
        tokens = manager.objects().token_store
        permit = tokens.token(None, 0.0).permit
        assert permit is not None
        waiting = Call(lambda: manager.objects().token_store.token(None, SOON))

        tokens.refreshed(permit, "access", 3600.0, None)

        assert waiting.result().access_token == "access"

    def test_a_failed_refresh_is_shared_too(self, manager: StateManager) -> None:
        tokens = manager.objects().token_store
        permit = tokens.token(None, 0.0).permit
        assert permit is not None

        tokens.refresh_failed(permit, TokenAnswer(error="Imgur said no."))

        assert tokens.token(None, 0.0).error == "Imgur said no."

    def test_a_put_wakes_a_claim_at_once(self, mailbox: MailboxCalls) -> None:
        mailbox.register("w1")
        waiting = Call(lambda: mailbox.exchange("w1", WorkerRequest(wanted=1), 600.0))
        wait_until(lambda: mailbox.stats().workers_ready == 1)

        mailbox.put(job("j", 1))

        assert waiting.result().directive is Directive.WORK

    def test_a_hundred_connect_at_once(self, mailbox: MailboxCalls) -> None:
        together = threading.Barrier(100)

        def connect() -> int:
            together.wait(SOON)
            return mailbox.stats().queued

        calls = [Call(connect) for _ in range(100)]

        assert [call.result() for call in calls] == [0] * 100

    def test_a_job_of_100_000_urls_goes_in_and_out_in_one_call_each(
        self, mailbox: MailboxCalls, table: JobTableCalls
    ) -> None:
        submission = job("j", 100_000)
        assert mailbox.put(submission) is None
        mailbox.register("w1")
        words = WorkerRequest(wanted=1)
        for number in range(100):
            (lease,) = mailbox.exchange("w1", words, 0).leases
            words = WorkerRequest((Report(lease.token, Uploaded(f"link-{number}", "d")),), wanted=1)

        snapshot = snapshot_of(table, "j")

        assert snapshot is not None
        assert snapshot.urls == submission.urls
        assert len(snapshot.states) == 100_000
        assert len(snapshot.links) == 99


@pytest.mark.parametrize("order", ["retire, then put", "put, then retire"])
def test_clients_killed_while_they_wait_lose_nothing(
    order: str, mailbox: MailboxCalls, table: JobTableCalls
) -> None:
    """A stock queue loses one message for each of them (20 of 20, measured)."""
    count = 20
    # So many at once: spawned ones would each import everything anew.
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload(["__main__", "workers.runtime.local.manager"])
    clients = []
    for number in range(count):
        mailbox.register(f"w{number}")
        claim = (f"w{number}", WorkerRequest(wanted=1), 600.0)
        clients.append(forkserver.Process(target=mailbox.exchange, args=claim))
        clients[-1].start()
    wait_until(lambda: mailbox.stats().workers_ready == count)

    for client in clients:
        client.kill()
    for client in clients:
        client.join()
        client.close()
    if order == "put, then retire":
        mailbox.put(job("j", count))
        # The dead clients' claims still wait in the Manager, and take what comes.
        wait_until(lambda: mailbox.stats().leased == count)
    for number in range(count):
        assert mailbox.fence(f"w{number}").failed == 0
    if order == "retire, then put":
        mailbox.put(job("j", count))

    mailbox.register("fresh")
    leases: list[Lease] = []
    while len(leases) < count:
        leases += mailbox.exchange("fresh", WorkerRequest(wanted=count), SOON).leases
    assert sorted(lease.index for lease in leases) == list(range(count))
    reports = (Report(lease.token, Uploaded(f"link-{lease.index}", "d")) for lease in leases)
    mailbox.exchange("fresh", WorkerRequest(tuple(reports)), 0)
    assert table.unfinished() == {}
    assert len(table.links(0, 100)) == count


def test_a_thread_without_a_descriptor_to_ask_with_takes_nothing_for_lost(
    mailbox: MailboxCalls,
) -> None:
    # In a process of its own: all of this one would run out of descriptors.
    context = multiprocessing.get_context("spawn")
    asker = context.Process(target=_ask_without_descriptors, args=(mailbox,))

    asker.start()
    asker.join(SOON)

    assert asker.exitcode == 0


def _ask_without_descriptors(mailbox: MailboxCalls) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    call = Call(mailbox.stats)
    assert call.result().queued == 0
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limit[1]))
    with contextlib.suppress(OSError):
        while True:
            taken.append(socket.socket())
    with pytest.raises(BackendBusyError):
        Call(mailbox.stats).result()
    for sock in taken:
        sock.close()
    assert Call(mailbox.stats).result().queued == 0


class TestKilledManager:
    def test_every_call_ends_at_once(self, manager: StateManager, mailbox: MailboxCalls) -> None:
        mailbox.register("w1")
        waiting = Call(lambda: mailbox.exchange("w1", WorkerRequest(wanted=1), 600.0))
        wait_until(lambda: mailbox.stats().workers_ready == 1)

        os.kill(manager.pid, signal.SIGKILL)

        with pytest.raises(ManagerLostError, match="gone"):
            waiting.result()
        for _ in range(2):  # on a connection that was open, then on a new one
            with pytest.raises(ManagerLostError, match="gone"):
                mailbox.stats()
        with pytest.raises(ManagerLostError, match="gone"):
            Call(mailbox.stats).result()

    def test_the_sentinel_tells(self, manager: StateManager) -> None:
        assert multiprocessing.connection.wait([manager.sentinel], 0) == []

        manager.kill()

        assert multiprocessing.connection.wait([manager.sentinel], SOON) == [manager.sentinel]

    def test_shutdown_is_no_trouble_afterwards(self, manager: StateManager) -> None:
        manager.kill()

        manager.shutdown()

    def test_to_the_web_side_the_backend_is_lost(self) -> None:
        assert issubclass(ManagerLostError, BackendLostError)


class TestStoppedManager:
    @pytest.fixture(autouse=True)
    def connections(self, monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
        """Those that the test's calls have opened."""
        opened: list[Connection] = []

        def remember(address: str, authkey: bytes) -> Connection:
            opened.append(deadline_proxy.connect(address, authkey))
            return opened[-1]

        listener, _ = listener_client[deadline_proxy.SERIALIZER]
        monkeypatch.setitem(listener_client, deadline_proxy.SERIALIZER, (listener, remember))
        return opened

    @pytest.fixture
    def stop(
        self,
        manager: StateManager,
        monkeypatch: pytest.MonkeyPatch,
        connections: list[Connection],
    ) -> Callable[[], None]:
        """Stop it; from then on calls wait for a moment only, on open connections too."""

        def stop_it() -> None:
            suspend(manager.pid)
            monkeypatch.setattr(deadline_proxy, "CALL_SECONDS", SHORT)
            limit = struct.pack("ll", 0, int(SHORT * 1_000_000))
            for connection in connections:
                if connection.closed:
                    continue
                with socket.socket(fileno=os.dup(connection.fileno())) as sock:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

        return stop_it

    def test_every_call_ends_in_time(
        self, manager: StateManager, mailbox: MailboxCalls, stop: Callable[[], None]
    ) -> None:
        mailbox.register("w1")
        begin = threading.Event()

        def on_an_open_connection() -> None:
            mailbox.stats()
            connected.release()
            begin.wait(SOON)
            mailbox.stats()

        def on_a_new_connection() -> None:
            begin.wait(SOON)
            mailbox.stats()

        def with_more_than_the_socket_holds() -> None:
            mailbox.stats()
            connected.release()
            begin.wait(SOON)
            mailbox.put(job("j", 200_000))

        def with_a_wait_of_its_own() -> None:
            mailbox.stats()
            connected.release()
            begin.wait(SOON)
            mailbox.exchange("w1", WorkerRequest(wanted=1), SHORT)

        connected = threading.Semaphore(0)
        calls = [
            Call(on_an_open_connection),
            Call(on_a_new_connection),
            Call(with_more_than_the_socket_holds),
            Call(with_a_wait_of_its_own),
        ]
        for _ in range(3):
            assert connected.acquire(timeout=SOON)
        # So many wait to be let in that the backlog (16) is full.
        calls += [Call(on_a_new_connection) for _ in range(30)]

        stop()
        begin.set()

        for call in calls:
            with pytest.raises(ManagerLostError, match="does not answer"):
                call.result()
        manager.kill()

    def test_the_error_holds_no_view_of_a_file(
        self, manager: StateManager, mailbox: MailboxCalls, stop: Callable[[], None]
    ) -> None:
        mailbox.stats()  # connects
        stop()

        with pytest.raises(ManagerLostError) as raised:
            mailbox.put(job("j", 200_000))  # more than the socket holds

        cause = raised.value.__cause__
        assert cause is not None
        frames = [frame for frame, _ in traceback.walk_tb(cause.__traceback__)]
        values = [value for frame in frames for value in frame.f_locals.values()]
        viewed = [value.obj for value in values if isinstance(value, memoryview)]
        assert viewed
        assert {type(owner) for owner in viewed} == {bytes}
        manager.kill()

    def test_a_late_answer_is_not_taken_for_the_next(
        self,
        manager: StateManager,
        mailbox: MailboxCalls,
        table: JobTableCalls,
        stop: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        mailbox.put(job("j", 2))
        stop()
        with pytest.raises(ManagerLostError):
            mailbox.stats()

        monkeypatch.setattr(deadline_proxy, "CALL_SECONDS", SOON)
        os.kill(manager.pid, signal.SIGCONT)

        assert table.unfinished() == {"j": 2}
        assert mailbox.expired() == ()

    def test_it_can_be_shut_down(self, manager: StateManager, stop: Callable[[], None]) -> None:
        stop()

        Call(manager.shutdown).result()

        assert multiprocessing.connection.wait([manager.sentinel], 0) == [manager.sentinel]


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_stop_signals_are_the_parents_business(
        self, number: signal.Signals, manager: StateManager, mailbox: MailboxCalls
    ) -> None:
        mailbox.put(job("j", 1))
        for _ in range(3):
            os.kill(manager.pid, number)

        # It takes signals before it answers.
        assert mailbox.stats().queued == 1
        assert not multiprocessing.connection.wait([manager.sentinel], 0)

    def test_leaves_when_its_parent_is_killed(self) -> None:
        script = (
            "import time\n"
            "from workers.runtime.local.manager import StateManager\n"
            "from workers.contract.mailbox_limits import MailboxLimits\n"
            "manager = StateManager(MailboxLimits())\n"
            "manager.start_process()\n"
            "print(manager.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE)
        with parent:
            assert parent.stdout is not None
            manager_pid = int(parent.stdout.readline())
            assert is_running(manager_pid)

            parent.kill()

            # Whoever still runs holds the pipe open.
            assert multiprocessing.connection.wait([parent.stdout.fileno()], SOON)
            assert parent.stdout.read() == b""
        wait_until(lambda: not is_running(manager_pid))

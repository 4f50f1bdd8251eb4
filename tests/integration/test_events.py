"""Server-sent events over real sockets: nobody misses a change, and nobody holds up the others."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import falcon
import pytest
import requests
from urllib3.exceptions import ProtocolError

from imgup.event_stream import Event, read_events
from service.app import create_app
from service.events.broadcaster import Broadcaster
from service.http.connection_limits import ConnectionLimits
from service.http.server import WebServer
from service.problems.problems import render_problems
from service.resources.events import EventsResource
from service.settings.environment import load_settings
from service.views.forecast import Forecasts
from tests.job_snapshot import snapshot_of
from tests.plain_backend import WORKER, PlainBackend
from tests.waiting import wait_until
from workers import Submission
from workers.contract.messages.outcomes import Failed, RetryLater, Uploaded
from workers.contract.messages.round_trip import Report

PATIENCE = 60.0  # seconds; far beyond what anything here takes
JOB = "55355b7c-9b86-4a1a-b32e-6cdd6db07183"
OTHER_JOB = "66355b7c-9b86-4a1a-b32e-6cdd6db07183"
KEYS = {"API_KEYS": "alice:key-a,bob:key-b"}
AS_ALICE = {"Authorization": "Bearer key-a"}
AS_BOB = {"Authorization": "Bearer key-b"}
USUAL = ConnectionLimits(sweep_seconds=0.05)

LATER = RetryLater("source-error", "Busy.", 0.0)


class Backend(PlainBackend):
    """One whose jobs are worked on in the order that they came."""

    def __init__(self) -> None:
        super().__init__(source_concurrency=0)

    def add(self, count: int, job_id: str = JOB, owner: str = "", more: str = "") -> None:
        urls = tuple(f"https://source.test/{number}{more}.jpg" for number in range(count))
        assert self.mailbox.put(Submission(job_id, urls, owner)) is None

    def take(self, count: int) -> None:
        """Take so many URLs and end them, each fifth with a failure."""
        for lease in self.mailbox.claim(WORKER, 0, count).leases:
            link = f"https://i.imgur.com/{lease.index}.jpg"
            outcome = Uploaded(link, "d") if lease.index % 5 else Failed("empty", "No bytes.")
            self.mailbox.ack(WORKER, Report(lease.token, outcome))

    @property
    def is_done(self) -> bool:
        stats = self.mailbox.stats()
        return not stats.queued + stats.leased


class Watched:
    """What a client makes of the events."""

    def __init__(self) -> None:
        self.results: dict[int, Any] = {}
        self.counts: Any = None
        self.names: list[str] = []
        self.ids: list[int] = []
        self.last_id = ""

    def take(self, event: Event) -> None:
        if event.name == "heartbeat":
            return
        data = json.loads(event.data)
        self.names.append(event.name)
        self.ids.append(int(event.last_id.removesuffix(".end"), 16))
        self.last_id = event.last_id
        self.counts = data["counts"]
        for place, result in enumerate(data.get("results", ())):
            self.results[result.pop("index", place)] = result

    @property
    def is_over(self) -> bool:
        return self.names[-1:] == ["end"]


class Running:
    def __init__(self, app: Any, limits: ConnectionLimits) -> None:
        self.server = WebServer(app, "127.0.0.1", 0, limits=limits)
        self.server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/v1/images/upload"

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(f"{self.url}/{path}", timeout=PATIENCE, **more)

    @contextlib.contextmanager
    def events(
        self, job_id: str = JOB, last_id: str = "", query: str = "", **headers: str
    ) -> Iterator[Iterator[Event]]:
        if last_id:
            headers["Last-Event-ID"] = last_id
        with self.get(f"{job_id}/events{query}", headers=headers, stream=True) as answer:
            assert answer.status_code == 200, answer.text
            assert answer.headers["Content-Type"] == "text/event-stream"
            yield read_events(answer.raw)

    def watch(self, watched: Watched, stop_after: int | None = None, **how: Any) -> Watched:
        """Follow a job to its end, or for some events."""
        with self.events(last_id=watched.last_id, **how) as events:
            for count, event in enumerate(events, 1):
                watched.take(event)
                if count == stop_after:
                    break
        return watched

    def streams(self) -> int:
        return sum(channel.is_streaming for channel in self.server._server.channels())


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def start(backend: Backend) -> Iterator[Callable[..., Running]]:
    with contextlib.ExitStack() as stack:

        def make(app: Any = None, limits: ConnectionLimits = USUAL, **environ: str) -> Running:
            settings = load_settings({"IMGUR_CLIENT_ID": "id", "ACCESS_LOG": "off"} | environ)
            running = Running(
                app or create_app(backend, settings),  # type: ignore[arg-type]
                limits,
            )
            stack.callback(running.server.close)
            return running

        yield make


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    return start()


def check(watched: Watched, backend: Backend) -> None:
    """The client knows what the table knows."""
    snapshot = snapshot_of(backend.job_table, JOB)
    assert snapshot is not None
    assert watched.is_over
    assert [
        (index, result["url"], result["state"], result["link"], result["reason"])
        for index, result in sorted(watched.results.items())
    ] == [
        (index, result.url, result.state.name.lower(), result.link, result.reason)
        for index, result in enumerate(snapshot.results())
    ]
    assert watched.counts["complete"] == len(snapshot.links)
    assert watched.counts["pending"] == 0
    # Who has just come may be told a stretch twice, with its ids; told anew, it is on others.
    assert watched.names.count("snapshot") > 1 or watched.ids[-1] == max(watched.ids)


class TestFollowing:
    def test_a_snapshot_changes_and_the_end(self, running: Running, backend: Backend) -> None:
        backend.add(3)
        with running.events() as events:
            first = next(events)
            assert first.name == "snapshot"
            snapshot = json.loads(first.data)
            assert [result["state"] for result in snapshot["results"]] == ["pending"] * 3
            assert snapshot["forecast"]["ahead"] == 2
            backend.take(1)
            changes = (json.loads(event.data) for event in events if event.name == "change")
            told = next(change for change in changes if change["counts"]["failed"])  # not its lease
            assert told["counts"] == {"pending": 2, "complete": 0, "failed": 1, "total": 3}
            assert told["status"] == "in-progress"
            assert told["results"] == [
                {
                    "index": 0,
                    "url": "https://source.test/0.jpg",
                    "state": "failed",
                    "link": None,
                    "reason": "empty",
                    "message": "No bytes.",
                    "attempts": 1,
                }
            ]
            backend.take(2)
            *_, before, last = events
            assert (before.name, last.name) == ("change", "end")
            assert json.loads(last.data)["finished"] is not None

    @pytest.mark.unmeasured
    def test_many_follow_one_job_under_load(self, running: Running, backend: Backend) -> None:
        backend.add(500)
        with ThreadPoolExecutor(20) as pool:
            watching = [pool.submit(running.watch, Watched()) for _ in range(20)]
            wait_until(lambda: running.streams() == 20)
            while not backend.is_done:
                backend.take(7)
                time.sleep(0.001)
            for watched in watching:
                check(watched.result(PATIENCE), backend)

    @pytest.mark.unmeasured
    def test_who_comes_back_misses_nothing(self, running: Running, backend: Backend) -> None:
        backend.add(400)

        def watch_in_parts() -> Watched:
            watched = Watched()
            while not watched.is_over:
                running.watch(watched, stop_after=2)
            return watched

        with ThreadPoolExecutor(8) as pool:
            watching = [pool.submit(watch_in_parts) for _ in range(8)]
            while not backend.is_done:
                backend.take(1)
                time.sleep(0.002)
            for future in watching:
                watched = future.result(PATIENCE)
                check(watched, backend)
                assert watched.names.count("snapshot") == 1

    def test_an_unknown_version_begins_anew(self, running: Running, backend: Backend) -> None:
        backend.add(1)
        for last_id in ("0", "1", "ffffffffffffffff", "no version", "-1", "9" * 40):
            with running.events(last_id=last_id) as events:
                assert next(events).name == "snapshot"

    def test_a_large_snapshot_says_where_to_go_on(self, running: Running, backend: Backend) -> None:
        backend.add(2500)
        for query, shown in (("", 1000), ("?limit=1", 1), ("?limit=2400", 2400)):
            with running.events(query=query) as events:
                snapshot = json.loads(next(events).data)
                assert len(snapshot["results"]) == shown
                assert snapshot["next"] == shown
                assert snapshot["counts"]["total"] == 2500

    def test_a_complete_job_is_told_at_once(self, running: Running, backend: Backend) -> None:
        backend.add(2)
        backend.take(2)
        watched = running.watch(Watched())
        assert watched.names == ["snapshot", "end"]
        # A browser connects again after the end; this answer keeps it from doing so.
        again = running.get(f"{JOB}/events", headers={"Last-Event-ID": watched.last_id})
        assert (again.status_code, again.content) == (204, b"")

    def test_head_tells_what_get_would(self, running: Running, backend: Backend) -> None:
        backend.add(1)
        answer = requests.head(f"{running.url}/{JOB}/events", timeout=PATIENCE)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert running.streams() == 0

    def test_who_missed_the_end_is_told(self, running: Running, backend: Backend) -> None:
        backend.add(1)
        backend.take(1)
        before_end = running.watch(Watched(), stop_after=1)
        assert not before_end.is_over
        assert running.watch(before_end).names == ["snapshot", "end"]

    def test_clients_are_told_when_to_come_back(self, running: Running, backend: Backend) -> None:
        backend.add(1)
        backend.take(1)
        assert running.get(f"{JOB}/events").content.startswith(b"retry: 3000\n\nevent: snapshot\n")


class TestRefusals:
    def test_unknown_jobs(self, running: Running) -> None:
        for job_id in (OTHER_JOB, "nonsense"):
            answer = running.get(f"{job_id}/events")
            assert (answer.status_code, answer.json()["code"]) == (404, "job-not-found")

    def test_another_keys_job(self, start: Callable[..., Running], backend: Backend) -> None:
        running = start(**KEYS)
        backend.add(1, owner="alice")
        refused = running.get(f"{JOB}/events", headers=AS_BOB)
        assert (refused.status_code, refused.json()["code"]) == (404, "job-not-found")
        with running.events(**AS_ALICE) as events:
            assert next(events).name == "snapshot"

    def test_without_a_key(self, start: Callable[..., Running], backend: Backend) -> None:
        running = start(**KEYS)
        backend.add(1, owner="alice")
        for path in ("events", "forecast"):
            answer = running.get(f"{JOB}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")

    def test_limits_without_a_key(self, start: Callable[..., Running]) -> None:
        running = start(**KEYS)
        url = f"http://127.0.0.1:{running.server.port}/v1/limits"
        answer = requests.get(url, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        allowed = requests.head(url, headers=AS_ALICE, timeout=PATIENCE)
        assert (allowed.status_code, allowed.content) == (200, b"")

    @pytest.mark.parametrize("query", ["limit=0", "limit=10001", "limit=x", "cursor=5"])
    def test_other_pages(self, running: Running, backend: Backend, query: str) -> None:
        backend.add(1)
        answer = running.get(f"{JOB}/events?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-page")

    def test_more_watchers_than_there_is_room_for(
        self, start: Callable[..., Running], backend: Backend
    ) -> None:
        backend.add(1)
        backend.add(1, OTHER_JOB)
        forecasts = Forecasts(backend, sandbox=False)  # type: ignore[arg-type]
        broadcaster = Broadcaster(backend, forecasts, sandbox=False, max_subscribers=4)  # type: ignore[arg-type]
        resource = EventsResource(backend, broadcaster, forecasts, sandbox=False)  # type: ignore[arg-type]
        app: Any = falcon.App()
        render_problems(app)
        app.add_route("/v1/images/upload/{job_id}/events", resource)
        running = start(app)
        with running.events() as one:
            next(one)
            with running.events(OTHER_JOB) as other:
                next(other)
                wait_until(lambda: broadcaster.is_full("127.0.0.1"))
                assert not broadcaster.is_full("127.0.0.2"), "others have a place"
                refused = running.get(f"{JOB}/events")
                assert (refused.status_code, refused.json()["code"]) == (503, "too-many-watchers")
                assert int(refused.headers["Retry-After"]) > 0

            def is_let_in() -> bool:
                with running.get(f"{JOB}/events", stream=True) as answer:
                    return answer.status_code == 200

            wait_until(is_let_in)


class TestOthers:
    @pytest.mark.unmeasured
    def test_a_reader_that_does_not_read_holds_up_nobody(
        self, running: Running, backend: Backend
    ) -> None:
        backend.add(1000, more="x" * 2000)
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", running.server.port))
            slow.sendall(
                b"GET /v1/images/upload/%b/events HTTP/1.1\r\nHost: t\r\n\r\n" % JOB.encode()
            )
            wait_until(lambda: running.streams() == 1)

            def watch() -> Watched:
                """Come back where this machine reads too slowly too, as every client does."""
                watched = Watched()
                while not watched.is_over:
                    with contextlib.suppress(ProtocolError):
                        running.watch(watched)
                return watched

            with ThreadPoolExecutor(1) as pool:
                watching = pool.submit(watch)
                wait_until(lambda: running.streams() == 2)
                # Its own connection is closed: more is unread than is kept for it.
                while running.streams() == 2:
                    for lease in backend.mailbox.claim(WORKER, 0, 500).leases:
                        backend.mailbox.ack(WORKER, Report(lease.token, LATER))
                while not backend.is_done:
                    backend.take(500)
                check(watching.result(PATIENCE), backend)

    @pytest.mark.unmeasured
    def test_a_snapshot_that_nobody_reads_silences_no_other_job(
        self, start: Callable[..., Running], backend: Backend
    ) -> None:
        """However long the URLs are. No deadline helps: it comes later than anybody waits here."""
        running = start(limits=replace(USUAL, idle_seconds=300, window_seconds=300))
        backend.add(3000, OTHER_JOB, more="x" * 7000)
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", running.server.port))
            slow.sendall(
                b"GET /v1/images/upload/%b/events?limit=3000 HTTP/1.1\r\nHost: t\r\n\r\n"
                % OTHER_JOB.encode()
            )
            wait_until(lambda: running.streams() == 1)
            (channel,) = running.server._server.channels()
            assert channel.total_outbufs_len < channel.adj.outbuf_high_watermark // 2
            for lease in backend.mailbox.claim(WORKER, 0, 100).leases:
                backend.mailbox.ack(WORKER, Report(lease.token, Failed("empty", "No bytes.")))
            backend.add(1)
            with ThreadPoolExecutor(1) as pool:
                watched = Watched()
                watching = pool.submit(running.watch, watched)
                wait_until(lambda: watched.names)
                while backend.mailbox.stats().queued:
                    backend.take(500)
                check(watching.result(PATIENCE), backend)

    @pytest.mark.unmeasured
    def test_long_changes_are_told_bit_by_bit(self, running: Running, backend: Backend) -> None:
        backend.add(1500, more="x" * 4000)
        begun = running.watch(Watched(), stop_after=1)
        assert 0 < len(begun.results) < 1500
        while not backend.is_done:
            backend.take(500)
        with running.events(last_id=begun.last_id) as events:
            longest = 0
            for event in events:
                begun.take(event)
                longest = max(longest, len(event.data))
        check(begun, backend)
        assert begun.names.count("snapshot") == 1
        assert longest < 4 * 1024**2

    def test_a_drain_ends_all_streams(self, running: Running, backend: Backend) -> None:
        backend.add(1)
        with ThreadPoolExecutor(10) as pool:
            watching = [
                pool.submit(lambda: running.get(f"{JOB}/events").content) for _ in range(10)
            ]
            wait_until(lambda: running.streams() == 10)
            assert running.server.drain(PATIENCE)
            for content in watching:
                assert content.result(PATIENCE).endswith(b"retry: 5000\n\n")

    def test_many_watchers_take_no_threads(self, running: Running, backend: Backend) -> None:
        backend.add(1)
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(running.events()) for _ in range(30)]
            wait_until(lambda: running.streams() == 30)
            before = set(threading.enumerate())
            streams += [stack.enter_context(running.events()) for _ in range(30)]
            for events in streams:
                assert next(events).name == "snapshot"
            wait_until(lambda: running.streams() == 60)
            assert not set(threading.enumerate()) - before  # some of other tests may have ended
            assert running.get(JOB).status_code == 200

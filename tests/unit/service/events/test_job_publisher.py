"""What followers of a job are told, turn by turn; the time is the test's."""

import json
from typing import Any

import pytest

from service.backend.circuit_breaker import BackendSilentError
from service.events.job_publisher import JobPublisher
from service.events.server_sent import HEARTBEAT, JobEvents
from service.views.forecast import Forecasts
from workers import ChangesWanted, Submission

JOB = "55355b7c-9b86-4a1a-b32e-6cdd6db07183"
TURN = 0.25


class Reader:
    """Follows from a version on."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.most_results = 1000
        self.events: list[tuple[str, Any]] = []
        self.heartbeats = 0
        self.has_left = False
        self.is_finished = False

    def is_over(self) -> bool:
        return self.has_left

    def send(self, events: bytes) -> bool:
        for event in filter(None, events.split(b"\n\n")):
            if event + b"\n\n" == HEARTBEAT:
                self.heartbeats += 1
                continue
            name, _, data = event.decode().split("\n")
            self.events.append((name.removeprefix("event: "), json.loads(data.partition(" ")[2])))
        return not self.has_left

    def finish(self) -> None:
        self.is_finished = True

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


class Turns:
    """A feed over a backend, and a clock for both."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.now = 1000.0
        events = JobEvents(backend, JOB, "", sandbox=False)
        forecasts = Forecasts(backend, sandbox=False, wall_clock=lambda: 0.0)
        self.publisher = JobPublisher(events, forecasts, self.now)

    def add(self, count: int) -> None:
        urls = tuple(f"https://source.test/{number}.jpg" for number in range(count))
        self.backend.mailbox.put(Submission(JOB, urls))

    def version(self) -> int:
        changes = self.backend.job_table.changes(ChangesWanted(JOB, limit=0))
        assert changes is not None
        return int(changes.latest)

    def reader(self) -> Reader:
        return Reader(self.version())

    def turn(self, *newcomers: Reader, seconds: float = TURN) -> None:
        self.now += seconds
        self.publisher.turn(list(newcomers), self.now)

    def calls_of(self, *newcomers: Reader) -> int:
        before = self.backend.calls
        self.turn(*newcomers)
        return int(self.backend.calls - before)


@pytest.fixture
def turns(backend: Any) -> Turns:
    turns = Turns(backend)
    turns.add(3)
    return turns


def test_one_call_a_turn_however_many_follow(turns: Turns) -> None:
    readers = [turns.reader() for _ in range(50)]
    turns.turn(*readers)
    assert turns.calls_of() == 1
    turns.backend.upload("https://i.imgur.com/a.jpg")
    assert turns.calls_of() == 1
    assert {tuple(reader.names) for reader in readers} == {("change",)}


def test_what_changed_within_a_turn_is_one_event(turns: Turns) -> None:
    reader = turns.reader()
    turns.turn(reader)
    turns.backend.upload("https://i.imgur.com/a.jpg", "https://i.imgur.com/b.jpg")
    turns.turn()
    assert reader.names == ["change"]
    assert [result["index"] for result in reader.events[0][1]["results"]] == [0, 1]


def test_newcomers_are_brought_to_where_the_others_are(turns: Turns) -> None:
    first, late = turns.reader(), turns.reader()
    turns.turn(first)
    turns.backend.upload("https://i.imgur.com/a.jpg")
    turns.turn()
    turns.turn(late)
    assert (first.names, late.names) == (["change"], ["change"])
    turns.backend.upload("https://i.imgur.com/b.jpg")
    turns.turn()
    assert late.events[-1] == first.events[-1]


def test_newcomers_with_much_to_catch_up_on_miss_nothing(backend: Any) -> None:
    turns, count = Turns(backend), 600
    urls = tuple(f"https://source.test/{'x' * 8000}{number}.jpg" for number in range(count + 1))
    backend.mailbox.put(Submission(JOB, urls))
    late = turns.reader()
    backend.upload(*(f"https://i.imgur.com/{number}.jpg" for number in range(count)))
    first = turns.reader()
    turns.turn(first)
    turns.turn(late)
    for _ in range(3):
        turns.turn()
    told = [result["index"] for _, data in late.events for result in data["results"]]
    assert (first.names, told) == ([], list(range(count)))


def test_the_end_is_told_and_the_stream_ends(turns: Turns) -> None:
    reader = turns.reader()
    turns.turn(reader)
    turns.backend.upload(*(f"https://i.imgur.com/{name}.jpg" for name in "abc"))
    turns.turn()
    assert reader.names == ["change", "end"]
    assert reader.is_finished
    assert not turns.publisher.subscribers


def test_who_has_left_is_told_nothing(turns: Turns) -> None:
    reader, other = turns.reader(), turns.reader()
    turns.turn(reader, other)
    reader.has_left = True
    turns.backend.upload("https://i.imgur.com/a.jpg")
    turns.turn()
    assert (reader.events, turns.publisher.subscribers) == ([], [other])


def test_silence_is_filled_with_heartbeats(turns: Turns) -> None:
    reader = turns.reader()
    turns.turn(reader)
    for _ in range(4 * 60):
        turns.turn()
    assert 3 <= reader.heartbeats <= 4
    told = reader.heartbeats
    turns.backend.upload("https://i.imgur.com/a.jpg")
    turns.turn()
    turns.turn(seconds=14.0)
    assert reader.heartbeats == told


def test_a_forecast_that_changes_is_told_alone(turns: Turns) -> None:
    reader = turns.reader()
    turns.turn(reader)
    turns.turn(seconds=3.0)
    ((name, told),) = reader.events
    assert (name, told["results"], told["forecast"]["ahead"]) == ("change", [], 2)
    turns.turn(seconds=3.0)
    assert len(reader.events) == 1
    # Another job comes, whose URLs have turns in between.
    turns.backend.mailbox.put(
        Submission("other", tuple(f"https://other.test/{n}" for n in range(9)))
    )
    turns.turn(seconds=3.0)
    assert reader.events[-1][1]["forecast"]["ahead"] == 5


def test_a_silent_backend_costs_nobody_the_stream(turns: Turns) -> None:
    reader, late = turns.reader(), turns.reader()
    turns.turn(reader)
    turns.backend.failure = BackendSilentError("silent")
    for _ in range(4 * 20):
        turns.turn(late)
        late = Reader(late.version)
    assert reader.heartbeats >= 1
    turns.backend.failure = None
    turns.backend.upload("https://i.imgur.com/a.jpg")
    turns.turn()
    assert reader.names == ["change"]
    assert all(subscriber.names == ["change"] for subscriber in turns.publisher.subscribers)  # type: ignore[attr-defined]


def test_whoever_waits_during_an_unexpected_error_is_not_forgotten(turns: Turns) -> None:
    """As its stream, which the broadcaster ends then, would stay silent for ever."""
    late = turns.reader()
    turns.backend.failure = BackendSilentError("silent")
    turns.turn(late)
    turns.backend.failure = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        turns.turn()
    assert turns.publisher.subscribers == [late]


def test_a_job_that_is_forgotten_ends_its_streams(turns: Turns) -> None:
    reader = Reader(1)
    turns.turn(reader)
    turns.backend.table.forget([JOB])
    turns.turn()
    assert reader.is_finished


def test_a_log_begun_anew_is_told_from_the_beginning(turns: Turns) -> None:
    reader = turns.reader()
    turns.turn(reader)
    job = turns.backend.table.by_id[JOB]
    for _ in range(2000):
        job.log.note(0)
    turns.turn()
    assert reader.names == ["snapshot"]


def test_what_a_reader_knows_after_a_wait_is_what_the_job_shows(turns: Turns) -> None:
    turns.backend.table.hold(("imgur-rate-limited", "Uploads wait."))
    newcomer = Reader(0)
    turns.turn(newcomer)
    turns.backend.put_off("source-error", "It answered 500.")
    turns.turn()
    assert newcomer.events[-1][1]["waiting"]["message"] == "Uploads wait."
    turns.backend.table.hold(None)
    turns.turn()
    (_, snapshot), *changes = newcomer.events
    known = snapshot["results"]
    for _, change in changes:
        for result in change["results"]:
            known[result.pop("index")] = result
    assert [result["reason"] for result in known] == ["source-error", None, None]
    assert "waiting" not in changes[-1][1]

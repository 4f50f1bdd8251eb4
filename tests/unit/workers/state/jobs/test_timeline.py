"""What happened to a URL, and when, by a job table whose clocks the test sets."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from workers.contract.errors import Reason
from workers.contract.messages.jobs import ChangesWanted
from workers.contract.messages.outcomes import Failed, Uploaded
from workers.contract.messages.round_trip import DownloadReport
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable
from workers.state.jobs.timeline import TIMELINE_BYTES, TimelineEvent, Timelines, read_timeline

DONE = Uploaded("https://i.imgur.test/1", "hash")


class Harness:
    """A table with one job, and its clocks."""

    def __init__(self, urls: int = 2) -> None:
        self.now = 1000.0
        self.wall = 1513961309.5
        self.table = JobTable(lambda: self.wall, lambda: self.now)
        self.table.open(Submission("j", tuple(f"https://s.test/{n}" for n in range(urls))))

    def events(self, index: int = 0) -> list[TimelineEvent]:
        changes = self.table.changes(ChangesWanted("j"))
        assert changes is not None
        last = changes.timelines[index * TIMELINE_BYTES : (index + 1) * TIMELINE_BYTES]
        return list(read_timeline(changes.earlier.get(index, b"") + last))

    def begin(self, now: float) -> None:
        self.now = now
        self.table.begin("j", 0)

    def arrive(self, now: float, media_type: str = "image/png") -> None:
        self.now = now
        self.table.begin_upload("j", 0, DownloadReport(1, 4321, media_type, 250))

    def interrupt(self, now: float, reason: str = "source-error") -> None:
        self.now = now
        self.table.interrupt("j", 0, reason, "Broken.", count=True)


def test_an_image_that_goes_straight_through() -> None:
    harness = Harness()
    harness.begin(1000.5)
    harness.arrive(1001.0)
    harness.now = 1001.75
    harness.table.record("j", 0, DONE)

    assert harness.events() == [
        TimelineEvent("claimed", 0.5, {"attempt": 1}),
        TimelineEvent("downloaded", 1.0, {"bytes": 4321, "type": "image/png", "ms": 250}),
        TimelineEvent("uploaded", 1.75, {"ms": 750}),
    ]
    assert harness.events(1) == []


def test_each_attempt_is_told() -> None:
    harness = Harness()
    harness.begin(1001.0)
    harness.interrupt(1002.0)
    harness.begin(1003.0)
    harness.arrive(1004.0)
    harness.interrupt(1005.0, "imgur-error")
    harness.begin(1006.0)
    harness.now = 1007.0
    harness.table.record("j", 0, Failed("too-large", "Too large."))

    assert [
        (event.event, event.seconds, event.details.get("attempt"), event.details.get("reason"))
        for event in harness.events()
    ] == [
        ("claimed", 1.0, 1, None),
        ("retried", 2.0, None, "source-error"),
        ("claimed", 3.0, 2, None),
        ("downloaded", 4.0, None, None),
        ("retried", 5.0, None, "imgur-error"),
        ("claimed", 6.0, 3, None),
        ("failed", 7.0, None, "too-large"),
    ]


def test_a_url_that_ends_without_an_attempt() -> None:
    harness = Harness()
    harness.now = 1003.0
    harness.table.record("j", 0, Failed("empty", "Nothing."))

    assert harness.events() == [TimelineEvent("failed", 3.0, {"reason": "empty"})]


def test_one_that_fails_while_it_waits_for_another_attempt() -> None:
    harness = Harness()
    harness.begin(1001.0)
    harness.interrupt(1002.0)
    harness.now = 1003.0
    harness.table.record("j", 0, Failed("empty", "Nothing."))

    assert [(event.event, event.seconds) for event in harness.events()] == [
        ("claimed", 1.0),
        ("retried", 2.0),
        ("failed", 3.0),
    ]


def test_a_version_shows_the_same_whenever_it_is_looked_at() -> None:
    harness = Harness()
    harness.begin(1000.5)
    before = harness.table.changes(ChangesWanted("j"))

    harness.arrive(1001.0)

    assert harness.table.changes(ChangesWanted("j")) == before


def test_of_many_attempts_the_last_ones_are_kept() -> None:
    harness = Harness()
    for attempt in range(100):
        harness.begin(1000.0 + attempt)
        harness.interrupt(1000.5 + attempt)

    events = harness.events()

    assert len(events) == 2 * 17
    assert events[-1] == TimelineEvent("retried", 99.5, {"reason": "source-error"})


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told(reason: Reason) -> None:
    harness = Harness()
    harness.begin(1001.0)
    harness.interrupt(1002.0, reason)

    assert harness.events()[-1].details["reason"] == reason


def test_what_is_not_known_is_left_out() -> None:
    harness = Harness()
    harness.begin(1001.0)
    harness.arrive(1002.0, "image/unheard-of")
    harness.interrupt(1003.0, "unheard-of")

    assert not any("type" in event.details for event in harness.events())
    assert "reason" not in harness.events()[-1].details


def test_numbers_beyond_the_columns_are_shown_as_the_largest() -> None:
    timelines = Timelines(1, 0.0)
    timelines.claimed(0, 255, 1e9)
    timelines.arrived(0, DownloadReport(1, 2**40, "image/png", 2**40), 1e9)
    timelines.ended(0, 1, 1e9)

    events = list(read_timeline(timelines.rows([0])))

    assert {event.seconds for event in events} == {(2**32 - 2) / 1000}
    assert events[1].details == {"bytes": 2**32 - 1, "type": "image/png", "ms": 2**32 - 1}


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["begin", "arrive", "interrupt", "end"]),
            st.floats(0, 100),
            st.floats(-1e6, 1e6),
        ),
        max_size=30,
    )
)
def test_no_timeline_goes_backwards_whatever_the_wall_clock_does(
    steps: list[tuple[str, float, float]],
) -> None:
    harness = Harness(1)
    for what, seconds, leap in steps:
        now = harness.now + seconds
        harness.wall += leap
        match what:
            case "begin":
                harness.begin(now)
            case "arrive":
                harness.arrive(now)
            case "interrupt":
                harness.interrupt(now)
            case "end":
                harness.now = now
                harness.table.record("j", 0, DONE)

    times = [event.seconds for event in harness.events()]
    assert times == sorted(times)
    assert all(0 <= time <= harness.now - 1000 for time in times)

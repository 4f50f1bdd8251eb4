"""Automatic scaling, on a simulated clock."""

from dataclasses import dataclass, replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from workers.contract.budget import QueueStats, QuotaState
from workers.contract.messages.supervision import MailboxStats
from workers.contract.quota import UNKNOWN
from workers.runtime.scaling import Change, Scaler, ScalingRules


@dataclass(frozen=True)
class Load:
    """What the mailbox's figures come to."""

    waiting_urls: int
    workers_ready: int
    workers_idle: int
    rate_per_second: float | None = None
    is_paused: bool = False
    uploads_left: int | None = None

    def figures(self) -> tuple[MailboxStats, QueueStats]:
        stats = MailboxStats(
            queued=self.waiting_urls + 8,
            delayed=8,
            workers_ready=self.workers_ready,
            workers_idle=self.workers_idle,
        )
        pause = 1.0 if self.is_paused else 0.0
        quota = QuotaState(UNKNOWN, pause, uploads_left=self.uploads_left)
        return stats, QueueStats(self.rate_per_second, quota)


BUSY = Load(waiting_urls=3400, workers_ready=2, workers_idle=0, rate_per_second=50.0)
IDLE = Load(waiting_urls=0, workers_ready=2, workers_idle=1, rate_per_second=50.0)
RULES = ScalingRules(maximum=8)


class Harness:
    """A scaler, with a supervisor that starts workers at once."""

    def __init__(self, count: int = 2, rules: ScalingRules = RULES) -> None:
        self.now = 100.0
        self.scaler = Scaler(count, rules, lambda: self.now)

    def look(self, load: Load) -> Change | None:
        return self.scaler.review(*replace(load, workers_ready=self.scaler.wanted).figures())

    def watch(self, load: Load, seconds: float) -> list[tuple[float, int]]:
        """Review the load each second; return the changes with their times."""
        began, changes = self.now, []
        while self.now < began + seconds:
            change = self.look(load)
            if change is not None:
                changes.append((self.now - began, change.wanted))
            self.now += 1.0
        return changes


def test_it_doubles_each_few_seconds_while_the_queue_is_long() -> None:
    harness = Harness()
    assert harness.watch(BUSY, 30) == [(2, 4), (7, 8)]
    assert harness.scaler.wanted == RULES.maximum == 8


def test_it_says_why() -> None:
    harness = Harness()
    harness.look(BUSY)
    harness.now += RULES.hold_seconds
    assert harness.look(BUSY) == Change(2, 4, "3,400 URLs wait, all lanes are busy")


def test_no_more_than_would_do() -> None:
    # 12.5 s with 8 workers, so 10 will have it done in 10 s.
    harness = Harness(8, replace(RULES, maximum=100))
    assert harness.watch(replace(BUSY, waiting_urls=625), 4) == [(2, 10)]


@pytest.mark.parametrize(
    "but",
    [
        {"waiting_urls": 500},  # 10 s of work
        {"waiting_urls": 0, "rate_per_second": None},
        {"workers_idle": 1},
        {"is_paused": True},
        {"uploads_left": 3399},
    ],
    ids=str,
)
def test_nobody_is_added_where_that_would_not_help(but: dict[str, Any]) -> None:
    assert Harness().watch(replace(BUSY, **but), 60) == []


@pytest.mark.parametrize("but", [{"rate_per_second": None}, {"uploads_left": 3400}], ids=str)
def test_somebody_is_where_it_would(but: dict[str, Any]) -> None:
    assert Harness().watch(replace(BUSY, **but), 3) == [(2, 4)]


def test_the_allowance_of_a_sandbox_does_not_count() -> None:
    harness = Harness(rules=replace(RULES, heeds_quota=False))
    assert harness.watch(replace(BUSY, uploads_left=0), 3) == [(2, 4)]


def test_nobody_is_added_while_some_have_not_come_yet() -> None:
    harness = Harness()
    for _ in range(30):
        assert harness.scaler.review(*replace(BUSY, workers_ready=1).figures()) is None
        harness.now += 1.0


def test_a_moment_is_not_enough() -> None:
    harness = Harness()
    for _ in range(30):
        assert harness.look(BUSY) is None
        harness.now += 1.0
        assert harness.look(IDLE) is None
        harness.now += 1.0


def test_one_after_the_other_leaves_when_it_is_quiet() -> None:
    harness = Harness()
    harness.watch(BUSY, 10)
    changes = harness.watch(IDLE, 200)
    assert changes == [(60 + 10 * n, 7 - n) for n in range(6)]
    assert harness.scaler.wanted == 2


def test_why_one_leaves() -> None:
    harness = Harness()
    harness.watch(BUSY, 5)
    harness.look(IDLE)
    harness.now += 60.0
    assert harness.look(IDLE) == Change(4, 3, "there were idle lanes for 60 s")


def test_a_busy_moment_begins_the_quiet_anew() -> None:
    harness = Harness()
    harness.watch(BUSY, 5)
    assert harness.watch(IDLE, 59) == []
    assert harness.watch(replace(BUSY, waiting_urls=1), 1) == []
    assert harness.watch(IDLE, 61) == [(60, 3)]


def test_without_a_bound_nothing_changes_by_itself() -> None:
    harness = Harness(rules=ScalingRules())
    assert harness.watch(BUSY, 60) == []
    assert harness.scaler.order(4) == Change(2, 4, "asked for")
    assert harness.watch(IDLE, 300) == []
    assert harness.scaler.wanted == 4


def test_what_was_asked_for_is_the_least() -> None:
    harness = Harness()
    harness.scaler.order(5)
    assert harness.watch(IDLE, 300) == []
    assert [wanted for _, wanted in harness.watch(BUSY, 30)] == [8]
    assert [wanted for _, wanted in harness.watch(IDLE, 300)] == [7, 6, 5]
    assert harness.scaler.order(1) == Change(5, 1, "asked for")
    assert [wanted for _, wanted in harness.watch(BUSY, 30)] == [2, 4, 8]
    assert [wanted for _, wanted in harness.watch(IDLE, 300)] == [7, 6, 5, 4, 3, 2, 1]


def test_the_same_number_is_no_change_and_a_new_least() -> None:
    harness = Harness()
    harness.watch(BUSY, 30)
    assert harness.scaler.order(8) is None
    assert harness.watch(IDLE, 300) == []


@pytest.mark.parametrize("count", [-1, 0, 9])
def test_a_number_out_of_bounds_is_refused(count: int) -> None:
    harness = Harness()
    with pytest.raises(ValueError, match="between 1 and 8"):
        harness.scaler.order(count)
    assert harness.scaler.wanted == 2


LOADS = st.builds(
    Load,
    waiting_urls=st.integers(0, 10_000),
    workers_ready=st.just(0),
    workers_idle=st.integers(0, 2),
    rate_per_second=st.none() | st.floats(0, 1000),
    is_paused=st.booleans(),
    uploads_left=st.none() | st.integers(0, 20_000),
)


@given(
    steps=st.lists(st.tuples(st.sampled_from([0.1, 1.0, 5.0, 61.0]), LOADS), max_size=40),
    orders=st.dictionaries(st.integers(0, 39), st.integers(1, 8), max_size=4),
)
@pytest.mark.unmeasured
def test_it_stays_within_its_bounds_and_takes_its_time(
    steps: list[tuple[float, Load]], orders: dict[int, int]
) -> None:
    harness, least, last = Harness(), 2, -1e9
    for number, (seconds, load) in enumerate(steps):
        harness.now += seconds
        if number in orders:
            least = orders[number]
            if harness.scaler.order(least) is not None:
                last = harness.now
        change = harness.look(load)
        assert least <= harness.scaler.wanted <= 8
        if change is None:
            continue
        assert change.wanted == harness.scaler.wanted != change.was
        assert change.wanted <= 2 * change.was
        assert change.wanted >= change.was - 1
        grew = change.wanted > change.was
        assert harness.now - last >= (RULES.grow_seconds if grew else RULES.shrink_seconds)
        assert not (grew and (load.is_paused or load.workers_idle))
        last = harness.now

"""How many lanes are of use."""

import threading
from statistics import median

import pytest

from tests.waiting import wait_until
from workers.worker.concurrency_limiter import FEWEST, ConcurrencyLimiter, LoadMonitor

LATE, BUSY = 0.02, 0.9
BETWEEN = 0.4  # of a core: its own lanes may be why it is late, or not
SOON = 60.0


def settled(
    limiter: ConcurrencyLimiter, late_seconds: float, busy_share: float, looks: int = 100
) -> int:
    for _ in range(looks):
        limiter.note(late_seconds, busy_share)
    return limiter.allowed


@pytest.mark.parametrize(
    ("late_seconds", "busy_share", "allowed"),
    [
        pytest.param(0.0, 0.0, 100, id="idle"),
        pytest.param(0.0, BUSY, 100, id="busy, but nobody waits"),
        pytest.param(LATE, 0.1, 100, id="others keep the machine busy"),
        pytest.param(LATE, BUSY, FEWEST, id="its own lanes wait for each other"),
    ],
)
def test_settles(late_seconds: float, busy_share: float, allowed: int) -> None:
    assert settled(ConcurrencyLimiter(100), late_seconds, busy_share) == allowed


def test_comes_down_from_all_lanes_within_a_second() -> None:
    limiter = ConcurrencyLimiter(100)
    settled(limiter, 0.0, 0.0)

    assert settled(limiter, LATE, BUSY, looks=10) == FEWEST


def test_goes_up_to_all_lanes_within_two_seconds() -> None:
    limiter = ConcurrencyLimiter(100)
    settled(limiter, LATE, BUSY)

    assert settled(limiter, 0.0, 0.2, looks=20) == 100


def test_lanes_that_wait_for_the_network_are_kept() -> None:
    limiter = ConcurrencyLimiter(100)
    seen = []
    for _ in range(600):
        limiter.note(LATE, min(0.5, limiter.allowed / 140))  # 70 lanes wait for the network
        seen.append(limiter.allowed)

    assert 60 <= median(seen[300:]) < 100


def test_lanes_that_wait_for_each_other_are_taken_back() -> None:
    limiter = ConcurrencyLimiter(100)
    assert settled(limiter, 0.0, 0.0) == 100
    seen = []
    for _ in range(600):
        limiter.note(LATE, BETWEEN)
        seen.append(limiter.allowed)

    assert set(seen[300:]) == {FEWEST, FEWEST + FEWEST // 2}, "more are tried now and then"


def test_where_workers_share_a_core_a_part_of_it_is_much() -> None:
    assert settled(ConcurrencyLimiter(100, core_share=0.25), LATE, 0.2) == FEWEST


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_never_allows_more_lanes_than_there_are_nor_none(lanes: int) -> None:
    assert settled(ConcurrencyLimiter(lanes), LATE, BUSY) == min(FEWEST, lanes)
    assert settled(ConcurrencyLimiter(lanes), 0.0, 0.0) == lanes


def test_the_pacemaker_measures() -> None:
    limiter = ConcurrencyLimiter(64)
    changed = threading.Event()
    load_monitor = LoadMonitor(limiter, changed.set)
    try:
        assert changed.wait(SOON)
        wait_until(lambda: limiter.allowed == 64, "an idle process never came to all of its lanes")
    finally:
        load_monitor.close()

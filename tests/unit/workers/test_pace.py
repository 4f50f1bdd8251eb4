"""How many lanes are of use."""

import threading
import time

import pytest

from workers.pace import FEWEST, Pace, Pacemaker

LATE, BUSY = 0.02, 0.9
SOON = 10.0


def settled(pace: Pace, late_seconds: float, busy_share: float) -> int:
    for _ in range(100):
        pace.note(late_seconds, busy_share)
    return pace.allowed


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
    assert settled(Pace(100), late_seconds, busy_share) == allowed


def test_recovers_within_a_second() -> None:
    pace = Pace(100)
    settled(pace, LATE, BUSY)

    for _ in range(9):  # of the ten looks a second
        pace.note(0.0, 0.2)

    assert pace.allowed == 100


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_never_allows_more_lanes_than_there_are_nor_none(lanes: int) -> None:
    assert settled(Pace(lanes), LATE, BUSY) == lanes
    assert settled(Pace(lanes), 0.0, 0.0) == lanes


def test_the_pacemaker_measures() -> None:
    pace = Pace(64)
    changed = threading.Event()
    pacemaker = Pacemaker(pace, changed.set)
    try:
        assert changed.wait(SOON)
        give_up = time.monotonic() + SOON
        while pace.allowed < 64:
            assert time.monotonic() < give_up, "an idle process never came to all of its lanes"
            time.sleep(0.01)
    finally:
        pacemaker.close()

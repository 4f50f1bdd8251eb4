import pytest

from workers.state.schedule.throughput import Throughput


def steady(throughput: Throughput, start: float, per_second: int, seconds: int) -> float:
    """Work at a rate; returns when that ended."""
    throughput.begin(start)
    for number in range(1, per_second * seconds + 1):
        throughput.ended(start + number / per_second)
    return start + seconds


def test_nothing_is_known_at_first() -> None:
    throughput = Throughput()
    assert throughput.per_second(5.0) is None
    throughput.begin(5.0)
    assert throughput.per_second(50.0) is None


def test_one_url_says_too_little() -> None:
    throughput = Throughput()
    throughput.begin(0.0)
    throughput.ended(0.01)
    assert throughput.per_second(0.02) is None


def test_a_steady_rate_is_found_at_once_and_later() -> None:
    for seconds in (1, 10, 300):
        throughput = Throughput()
        now = steady(throughput, 100.0, 20, seconds)
        assert throughput.per_second(now) == pytest.approx(20.0, rel=0.05)


def test_time_without_work_does_not_count() -> None:
    throughput = Throughput()
    now = steady(throughput, 0.0, 20, 10)
    throughput.rest(now)
    later = now + 8 * 3600
    assert throughput.per_second(later) == pytest.approx(20.0, rel=0.05)
    now = steady(throughput, later, 20, 1)
    assert throughput.per_second(now) == pytest.approx(20.0, rel=0.05)


def test_it_follows_a_change() -> None:
    throughput = Throughput()
    now = steady(throughput, 0.0, 50, 60)
    now = steady(throughput, now, 5, 120)
    assert throughput.per_second(now) == pytest.approx(5.0, rel=0.2)


def test_work_that_does_not_end_slows_it_down() -> None:
    throughput = Throughput()
    now = steady(throughput, 0.0, 10, 60)
    stalled = throughput.per_second(now + 60)
    assert stalled is not None
    assert stalled < 2.0

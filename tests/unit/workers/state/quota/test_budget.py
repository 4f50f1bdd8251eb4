"""Sliding windows, against a plain count of what any window holds."""

import pytest
from hypothesis import given, strategies as st

from workers.contract.budget import DAY_SECONDS, HOUR_SECONDS, QuotaRules
from workers.state.quota.budget import SlidingWindow, UploadBudget


def run_all(budget: UploadBudget, urls: int, now: float = 0.0) -> list[float]:
    """The times at which so many URLs go, each as early as it may."""
    times: list[float] = []
    while len(times) < urls:
        left = budget.left(now, 0)
        count = urls - len(times) if left is None else min(left, urls - len(times))
        if count <= 0:
            wait, _ = budget.seconds_until(1, now, 0)
            assert wait > 0
            now += wait
            continue
        budget.add(now, count)
        times += [now] * count
    return times


def test_100_a_day_over_350_urls_are_100_100_100_and_50() -> None:
    budget = UploadBudget(QuotaRules(uploads_per_day=100))

    times = run_all(budget, 350)

    days = [int(at // DAY_SECONDS) for at in times]
    assert [days.count(day) for day in range(5)] == [100, 100, 100, 50, 0]


def test_the_forecast_is_when_the_last_one_goes() -> None:
    for urls in (1, 99, 100, 101, 350, 1000):
        rules = QuotaRules(uploads_per_day=100)
        seconds, window = UploadBudget(rules).seconds_until(urls, 0.0, 0)
        assert seconds == run_all(UploadBudget(rules), urls)[-1]
        assert window == ("day" if urls > 100 else None)


@given(
    used=st.lists(st.floats(0, 100), max_size=10).map(sorted),
    uploads=st.integers(1, 40),
    limit=st.integers(1, 7),
)
def test_the_forecast_holds_after_any_past(used: list[float], uploads: int, limit: int) -> None:
    window = SlidingWindow("w", 50.0, limit)
    kept: list[float] = []
    for at in used:  # as it might have been: never more than the limit in a window
        if window.used(at) < limit:
            window.add(at)
            kept.append(at)
    now = 100.0

    expected = window.seconds_until(uploads, now, 0)

    at = now
    for _ in range(uploads):
        at += window.seconds_until(1, at, 0)
        window.add(at)
        assert window.used(at) <= limit
    assert expected == pytest.approx(at - now, abs=2 * (1 + uploads / limit))


def test_what_is_under_way_counts() -> None:
    budget = UploadBudget(QuotaRules(uploads_per_hour=10))
    budget.add(0.0, 4)

    assert budget.left(1.0, 5) == 1
    assert budget.seconds_until(1, 1.0, 6) == (HOUR_SECONDS - 1.0, "hour")


def test_the_scarcer_window_counts() -> None:
    budget = UploadBudget(QuotaRules(uploads_per_day=15, uploads_per_hour=10))
    budget.add(0.0, 10)

    assert budget.left(10.0, 0) == 0
    assert budget.left(HOUR_SECONDS, 0) == 5
    budget.add(HOUR_SECONDS, 5)
    assert budget.left(2 * HOUR_SECONDS, 0) == 0
    assert budget.seconds_until(1, 2 * HOUR_SECONDS, 0)[1] == "day"


def test_none_of_it_without_a_bound() -> None:
    budget = UploadBudget(QuotaRules())

    assert not budget.is_limited
    assert budget.left(0.0, 1000) is None
    assert budget.seconds_until(10**6, 0.0, 0) == (0.0, None)


def test_an_upload_leaves_the_window_not_a_moment_early() -> None:
    window = SlidingWindow("w", 60.0, 1)
    window.add(0.4)

    assert window.used(60.4) == 1
    assert window.used(61.0) == 0

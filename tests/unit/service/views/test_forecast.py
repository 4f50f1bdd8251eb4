import pytest

from service.views.forecast import forecast, seconds_left
from workers import LimitState, QueueStats, Quota, QuotaState

NOW = 1513961309.5


def queue_stats(
    ahead: int | None = 99,
    rate: float | None = 10.0,
    pause: float = 0.0,
    **limits: LimitState,
) -> QueueStats:
    return QueueStats(rate, QuotaState(Quota(**limits), pause), ahead)


def left(of: QueueStats, *, counts: bool = True) -> float | None:
    return seconds_left(of, counts_quota=counts)


def test_the_queue_at_the_rate_of_late() -> None:
    assert left(queue_stats()) == 10.0


def test_a_pause_comes_first() -> None:
    assert left(queue_stats(pause=60.0)) == 70.0


@pytest.mark.parametrize("rate", [None, 0.0])
def test_without_a_rate_nobody_knows(rate: float | None) -> None:
    found = forecast(queue_stats(rate=rate), NOW, counts_quota=True)
    assert found is not None
    assert found["expectedFinish"] is None
    assert found["ahead"] == 99


def test_a_job_without_open_urls_has_none() -> None:
    assert forecast(queue_stats(ahead=None), NOW, counts_quota=True) is None


def test_it_is_told_in_a_clients_terms() -> None:
    assert forecast(queue_stats(pause=0.12345, rate=3.33333, ahead=9), NOW, counts_quota=True) == {
        "ahead": 9,
        "ratePerSecond": 3.333,
        "expectedFinish": "2017-12-22T16:48:32.623Z",
        "pauseSeconds": 0.123,
    }


def test_what_is_left_suffices() -> None:
    assert left(queue_stats(posts=LimitState(1250, 100, 1800.0))) == 10.0


def test_what_is_left_does_not_suffice() -> None:
    # 60 now; the other 40 after the reset, in 4 s.
    assert left(queue_stats(posts=LimitState(1250, 60, 1800.0))) == 1804.0


def test_credits_are_ten_an_upload() -> None:
    assert left(queue_stats(user=LimitState(500, 1000, 1800.0))) == 10.0
    assert left(queue_stats(user=LimitState(2000, 999, 1800.0))) == pytest.approx(1800.1)


def test_more_than_one_period_is_needed() -> None:
    # 50 an hour: none now, 50 after the reset, 50 an hour later.
    assert left(queue_stats(user=LimitState(500, 0, 1800.0))) == 1800.0 + 3600.0 + 5.0


def test_the_clients_period_is_a_day() -> None:
    assert left(queue_stats(client=LimitState(500, 0, 1800.0))) == 1800.0 + 86_400.0 + 5.0


def test_of_several_limits_the_longest_counts() -> None:
    limits = {"posts": LimitState(1250, 60, 1800.0), "user": LimitState(5000, 0, 900.0)}
    assert left(queue_stats(**limits)) == 1804.0


def test_a_pause_until_the_reset_is_that_wait() -> None:
    assert left(queue_stats(pause=1800.0, posts=LimitState(1250, 0, 1800.0))) == 1810.0


def test_overdrawn_is_none_left() -> None:
    assert left(queue_stats(ahead=9, posts=LimitState(1250, -5, 100.0))) == 101.0


@pytest.mark.parametrize(
    "state",
    [LimitState(1250, 0, None), LimitState(None, 0, 100.0), LimitState(1250, None, 100.0)],
)
def test_a_limit_half_known_says_nothing(state: LimitState) -> None:
    assert left(queue_stats(posts=state)) == 10.0


def test_limits_for_show_do_not_count() -> None:
    assert left(queue_stats(posts=LimitState(1250, 0, 1800.0)), counts=False) == 10.0


def test_beyond_ten_years_nobody_knows() -> None:
    assert left(queue_stats(rate=1e-9)) is None


@pytest.mark.parametrize("rate", [None, 10.0])
def test_the_budget_decides_within_ten_years(rate: float | None) -> None:
    for days, known in ((3, True), (4000, False)):
        quota = QuotaState(Quota(), budget_seconds=days * 86_400.0, budget_window="day")
        seconds = left(QueueStats(rate, quota, 99))
        assert seconds == (days * 86_400.0 if known else None)

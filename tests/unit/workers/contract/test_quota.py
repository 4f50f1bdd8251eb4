from dataclasses import replace

import pytest

from tests.clock import Clock
from workers.contract.quota import UNKNOWN, LimitState, Quota, QuotaReports
from workers.worker.imgur.rate_limit import read_quota

USER = LimitState(500, 490, 3600.0)
TOLD = Quota(user=USER)


class TestReading:
    def test_all_of_it(self) -> None:
        headers = {
            "X-RateLimit-UserLimit": "500",
            "X-RateLimit-UserRemaining": "490",
            "X-RateLimit-UserReset": "3600",
            "X-RateLimit-ClientLimit": "12500",
            "X-RateLimit-ClientRemaining": "-3",
            "X-RateLimit-ClientReset": "86400",
            "X-Post-Rate-Limit-Limit": "1250",
            "X-Post-Rate-Limit-Remaining": "1249",
            "X-Post-Rate-Limit-Reset": "3569",
        }
        assert read_quota(headers, 0.0) == Quota(
            client=LimitState(12500, -3, 86400.0),
            user=USER,
            posts=LimitState(1250, 1249, 3569.0),
        )

    def test_a_reset_may_be_a_time(self) -> None:
        now = 1_700_000_000.0
        found = read_quota({"X-RateLimit-UserReset": "1700000090"}, now)
        assert found.user == LimitState(reset_seconds=90.0)

    @pytest.mark.parametrize("value", ["", "x", "1.5", "1e3", "9" * 30, "٣"])
    def test_what_is_no_number_says_nothing(self, value: str) -> None:
        assert read_quota({"X-RateLimit-UserRemaining": value}, 0.0) == UNKNOWN


class TestNews:
    def test_the_first_word_is_news_once(self) -> None:
        news = QuotaReports(Clock())
        assert news.take() is None
        news.read(TOLD)
        assert news.take() == TOLD
        assert news.take() is None

    @pytest.mark.parametrize(
        ("state", "is_news"),
        [
            (replace(USER, remaining=489), False),
            (replace(USER, remaining=485), True),
            (replace(USER, remaining=500), True),
            (replace(USER, limit=400), True),
            (replace(USER, remaining=None), True),
            (replace(USER, reset_seconds=3590.0), False),
            (replace(USER, reset_seconds=1800.0), True),
            (replace(USER, reset_seconds=None), True),
        ],
    )
    def test_what_somebody_would_notice(self, state: LimitState, *, is_news: bool) -> None:
        news = QuotaReports(Clock())
        news.read(TOLD)
        news.take()
        news.read(Quota(user=state))
        assert (news.take() is not None) is is_news

    def test_the_end_is_told_to_the_last_unit(self) -> None:
        news = QuotaReports(Clock())
        for remaining in (4, 3, 2, 1, 0, -1):
            news.read(Quota(user=replace(USER, remaining=remaining)))
            taken = news.take()
            assert taken is not None
            assert taken.user.remaining == remaining

    def test_small_steps_add_up(self) -> None:
        news, told = QuotaReports(Clock()), 0
        for remaining in range(500, 0, -1):
            news.read(Quota(user=replace(USER, remaining=remaining)))
            told += news.take() is not None
        assert 90 <= told <= 110

    def test_a_reset_that_counts_down_is_no_news(self) -> None:
        clock = Clock()
        news = QuotaReports(clock)
        news.read(TOLD)
        news.take()
        clock.now += 1800.0
        news.read(Quota(user=replace(USER, reset_seconds=1800.0)))
        assert news.take() is None

    def test_limits_that_an_answer_does_not_name_stay(self) -> None:
        news = QuotaReports(Clock())
        news.read(TOLD)
        news.read(Quota(posts=LimitState(1250, 3, 9.0)))
        assert news.take() == Quota(user=USER, posts=LimitState(1250, 3, 9.0))

    def test_a_report_holds_no_figures_of_an_earlier_one(self) -> None:
        """They would count as of now: a limit that was spent an hour ago for another hour."""
        clock = Clock()
        news = QuotaReports(clock)
        news.read(Quota(user=USER, posts=LimitState(1250, 0, 3600.0)))
        news.take()
        clock.now += 3600.0
        deletion = Quota(user=replace(USER, remaining=100))
        news.read(deletion)
        assert news.take() == deletion

    def test_what_was_no_news_is_not_told_later(self) -> None:
        clock = Clock()
        news = QuotaReports(clock)
        news.read(TOLD)
        news.take()
        news.read(TOLD)
        assert news.take() is None
        news.read(Quota(posts=LimitState(1250, 3, 9.0)))
        assert news.take() == Quota(posts=LimitState(1250, 3, 9.0))

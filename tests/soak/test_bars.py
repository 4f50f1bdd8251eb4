"""The soak's own judgement: each bar is met by a good run, and missed by the fault it is for."""

from dataclasses import replace

import pytest

from tests.chaos.checker import Checker
from tests.soak import bars
from tests.soak.bars import Request

MB = 1_000_000
GOOD_LARGE = {"ended": 3, "forgotten": 1, "unended": 0, "wrong": []}
WANTED = {"readers": 200, "writers": 20}


def small(duration: float, status: int = 202) -> Request:
    return Request(0.0, "small", status, duration)


def large(*statuses: int) -> list[Request]:
    return [Request(0.0, "large", status, 1.0) for status in statuses]


def samples(series: str, *values: float) -> list[dict[str, float]]:
    return [{"second": float(n), series: value} for n, value in enumerate(values)]


class TestPercentile:
    @pytest.mark.parametrize(
        ("count", "share", "expected"),
        [(100, 0.99, 99), (1000, 0.99, 990), (1, 0.99, 1), (4, 0.5, 2)],
    )
    def test_it_is_the_least_value_that_covers_the_share(self, count, share, expected):
        assert bars.percentile(range(count, 0, -1), share) == expected

    def test_nothing_measured_is_within_no_limit(self):
        assert not bars.latency_bar("", [], "small", 202, 0.2).is_met


class TestLatency:
    def judge(self, requests):
        return bars.latency_bar("", requests, "small", 202, 0.2)

    def test_one_slow_answer_of_a_hundred_is_allowed(self):
        bar = self.judge([small(0.1)] * 99 + [small(9.0)])
        assert bar.is_met
        assert "100 ms" in bar.figure

    def test_what_the_machine_takes_is_told_and_not_judged(self):
        control = [Request(0.0, "control", 200, 0.5)] * 10
        assert bars.control_bar([*control, small(9.0)]).is_met
        assert "500 ms (median 500, longest 500) of 10" in bars.control_bar(control).figure
        assert "10" not in self.judge([*control, small(0.1)]).figure.replace("100", "")

    def test_two_are_not(self):
        assert not self.judge([small(0.1)] * 98 + [small(0.3)] * 2).is_met

    def test_other_kinds_do_not_count(self):
        assert self.judge([small(0.1), Request(0.0, "health", 200, 5.0)]).is_met

    @pytest.mark.parametrize("status", [0, 503])
    def test_a_fast_answer_of_another_status_is_a_miss(self, status):
        bar = self.judge([small(0.1)] * 999 + [small(0.1, status)])
        assert not bar.is_met
        assert f"{{{status}: 1}}" in bar.figure


class TestMemory:
    @pytest.mark.parametrize(("peak", "met"), [(99 * MB, True), (100 * MB, False)])
    def test_one_sample_at_the_budget_is_enough(self, peak, met):
        rows = [{"total bytes": total, "budget": 100 * MB} for total in (50 * MB, peak, 50 * MB)]
        assert bars.memory_bar(rows).is_met is met


class TestFlat:
    @pytest.mark.parametrize(
        ("last", "links", "met"),
        [(100, 0, True), (110, 0, False), (110, 100_000, True)],
        ids=["level", "rising", "by-its-links"],
    )
    def test_bytes(self, last, links, met):
        rise = (last - 100) * MB / 49
        rows = samples("total bytes", *range(50), *(100 * MB + n * rise for n in range(50)))
        (bar,) = bars.flat_bars(rows, links)
        assert bar.is_met is met

    def test_what_rises_in_the_first_half_is_warm_up(self):
        rows = samples("service bytes", *(n * MB for n in range(50)), *[50 * MB] * 50)
        assert bars.growth_of(rows, "service bytes") == pytest.approx((50 * MB, 0))

    @pytest.mark.parametrize(("peak", "met"), [(11, True), (12, False)])
    def test_counts_go_by_their_peaks(self, peak, met):
        rows = samples("service threads", *[10] * 99, peak)
        (bar,) = bars.flat_bars(rows, 0)
        assert bar.is_met is met

    def test_what_only_counts_up_is_not_judged(self):
        assert not bars.flat_bars([{"second": 0.0, "kills": 0, "budget": 1}] * 10, 0)


class TestJobs:
    def test_a_url_of_a_small_job_that_failed_is_a_miss(self):
        verdict = replace(Checker(name_of=str).judge([], 0), urls=10, complete=9)
        assert not bars.small_jobs_bar(verdict, done=True).is_met

    def test_a_small_job_that_never_ended_is_lost(self):
        checker = Checker(name_of=str)
        assert bars.small_jobs_bar(checker.judge([], 0), done=True).is_met
        assert not bars.small_jobs_bar(checker.judge([], 0), done=False).is_met
        checker.accepted("job", ["http://s.test/a"], 0.0)
        assert not bars.small_jobs_bar(checker.judge([], 0), done=True).is_met

    def test_large_jobs_end_are_forgotten_or_are_refused(self):
        assert bars.large_jobs_bar(large(202, 202, 202, 202, 503), **GOOD_LARGE).is_met

    @pytest.mark.parametrize(
        "change",
        [{"ended": 2}, {"ended": 2, "unended": 1}, {"wrong": ["a job"]}],
        ids=["missing", "unended", "wrong"],
    )
    def test_a_large_job_that_does_not_end_is_lost(self, change):
        assert not bars.large_jobs_bar(large(202, 202, 202, 202), **GOOD_LARGE | change).is_met

    @pytest.mark.parametrize("status", [0, 413, 500])
    def test_a_large_job_is_refused_with_503_or_not_at_all(self, status):
        assert not bars.large_jobs_bar(large(202, 202, 202, 202, status), **GOOD_LARGE).is_met

    def test_a_flood_of_which_nothing_was_accepted_shows_nothing(self):
        nothing = {"ended": 0, "forgotten": 0, "unended": 0, "wrong": []}
        assert not bars.large_jobs_bar(large(503), **nothing).is_met

    @pytest.mark.parametrize(
        ("finished", "images", "met"), [(4, 9, True), (3, 9, False), (4, 8, False)]
    )
    def test_the_service_itself_counts_all_as_ended(self, finished, images, met):
        totals = {
            "imgup_jobs_accepted_total": 4,
            "imgup_jobs_finished_total": finished,
            "imgup_urls_accepted_total": 9,
            "imgup_images_total": images,
        }
        assert bars.totals_bar(totals).is_met is met


class TestAttack:
    @pytest.mark.parametrize(
        ("readers", "met"), [(200, True), (100, True), (99, False), (0, False)]
    )
    def test_an_attack_that_does_not_take_place_shows_nothing(self, readers, met):
        seconds = [{"readers": readers, "writers": 20}] * 9 + [{}]
        assert bars.crowd_bar(seconds, {"readers": 300}, WANTED).is_met is met

    @pytest.mark.parametrize(("kills", "met"), [(30, True), (23, False)])
    def test_nor_do_kills_that_did_not_happen(self, kills, met):
        assert bars.kills_bar(kills, 60.0, 2.0).is_met is met

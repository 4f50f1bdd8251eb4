"""The gate, the pauses and the budget together, on a clock that the test moves."""

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.clock import Clock
from workers.contract.budget import DAY_SECONDS, QuotaRules
from workers.contract.messages.outcomes import (
    Deferred,
    Done,
    Failed,
    ImageDetails,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.supervision import LogLine
from workers.contract.messages.tasks import TaskKind
from workers.contract.quota import LimitState, Quota
from workers.state.jobs.job_records import JobJournal
from workers.state.jobs.job_table import JobTable
from workers.state.journal.replay import replay, state_records
from workers.state.quota.quota import UploadQuota

if TYPE_CHECKING:
    from workers.contract.budget import Block

MINUTE = 60.0
HOUR = 3600.0
BUSY = "Imgur is temporarily over capacity."


def over_capacity() -> MaybeBlocked:
    return MaybeBlocked(RetryLater("imgur-over-capacity", "Over capacity.", 1.0), BUSY)


def forbidden() -> MaybeBlocked:
    return MaybeBlocked(Failed("imgur-forbidden", "Forbidden."), "These actions are forbidden.")


def bad_credentials() -> MaybeBlocked:
    return MaybeBlocked(Failed("imgur-credentials", "Check IMGUR_CLIENT_ID."), is_certain=True)


def taken() -> Uploaded:
    return Uploaded("https://i.imgur.com/a.jpg", "d")


@dataclass
class Records(JobJournal):
    """A journal in memory."""

    records: list[Any] = field(default_factory=list)

    def append(self, record: Any) -> None:
        self.records.append(record)

    commit = append


class Harness:
    """A quota on a clock that stands still, and shorthand for what happens to images."""

    def __init__(self, **rules: Any) -> None:
        self.rules = QuotaRules(**rules)
        self.clock = Clock()
        self.wall = Clock(1_800_000_000.0)
        self.journal = Records()
        self.blocks: list[Block | None] = []
        self.calls = 0
        self._numbers = itertools.count()
        self._open(JobTable(self.wall))

    def _open(self, table: JobTable) -> None:
        self.table = table
        table.resume(self.journal)
        self.quota = UploadQuota(
            self.rules, self.clock, table, lambda: self.blocks.append(self.quota.gate.block)
        )

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.wall.now += seconds

    def restart(self, down_seconds: float = 0.0) -> None:
        """As after a kill: only the journal's records are left."""
        self.wall.now += down_seconds
        self.clock.now = 5.0  # of another boot
        for table in (JobTable(self.wall), JobTable(self.wall)):
            replay(self.journal.records, table)
            self.journal.records = list(state_records(table))
        self._open(table)
        self.quota.restore()

    def lines(self) -> list[LogLine]:
        lines, self.table.lines = self.table.lines, []
        return lines

    def told_of_wait(self) -> list[LogLine]:
        self.quota.tell_wait()
        return self.lines()

    def begin(self, url: str | None = None) -> tuple[str, int]:
        assert self.quota.may_begin()
        place = (url or "job", next(self._numbers))
        self.quota.begin(place)
        return place

    def upload(self, outcome: Outcome, url: str | None = None) -> bool:
        """One image, from its start to what Imgur says of it; whether that is still in doubt."""
        place = self.begin()
        assert self.quota.why_not(place) is None
        self.quota.send(place)
        self.calls += 1
        return self.quota.ended(place, url or f"url-{place[1]}", outcome)

    def shut(self) -> None:
        for _ in range(3):
            self.upload(over_capacity())
        assert self.quota.gate.block is not None


class TestGate:
    def test_three_different_images_refused_alike_shut_it(self) -> None:
        harness = Harness()
        doubts = [harness.upload(over_capacity()) for _ in range(3)]

        assert doubts == [True, True, False]
        block = harness.quota.gate.block
        assert block is not None
        assert (block.reason, block.sentence) == ("imgur-over-capacity", BUSY)
        assert (block.since, block.next_probe_seconds) == (harness.wall.now, MINUTE)
        assert not harness.quota.may_begin()
        assert harness.blocks == [block]

    def test_the_same_image_again_and_again_does_not(self) -> None:
        harness = Harness()

        doubts = {harness.upload(forbidden(), url="the same") for _ in range(10)}

        assert doubts == {True}

    def test_a_success_in_between_begins_the_count_anew(self) -> None:
        harness = Harness()
        harness.upload(forbidden())
        harness.upload(forbidden())
        assert not harness.upload(taken())

        assert harness.upload(forbidden())

    def test_a_success_without_an_upload_does_not(self) -> None:
        harness = Harness()
        harness.upload(forbidden())
        harness.upload(forbidden())
        place = harness.begin()
        known = Uploaded("https://i.imgur.com/a.jpg", "", details=ImageDetails(deduplicated=True))
        assert not harness.quota.ended(place, "known", known)

        assert not harness.upload(forbidden())
        assert not harness.quota.may_begin()

    def test_refusals_that_are_not_alike_do_not_shut_it(self) -> None:
        harness = Harness()
        doubts = [harness.upload(over_capacity()) for _ in range(2)]
        doubts += [harness.upload(forbidden()) for _ in range(2)]

        assert set(doubts) == {True}

    def test_refused_credentials_shut_it_at_once(self) -> None:
        harness = Harness()

        assert not harness.upload(bad_credentials())
        assert not harness.quota.may_begin()

    def test_what_is_under_way_goes_back_and_is_not_sent(self) -> None:
        harness = Harness()
        arrived, sent = harness.begin(), harness.begin()
        harness.quota.send(sent)
        harness.shut()

        why = harness.quota.why_not(arrived)
        assert why is not None
        assert why.reason == "imgur-over-capacity"
        assert not harness.quota.ended(sent, "sent", over_capacity())

    def test_one_image_is_tried_after_1_2_4_to_60_minutes(self) -> None:
        harness = Harness()
        harness.shut()
        waits = []
        for _ in range(9):
            wait = harness.quota.seconds()
            waits.append(wait / MINUTE)
            harness.pass_time(wait - 0.5)
            assert not harness.quota.may_begin()
            harness.pass_time(0.5)
            probe = harness.begin()
            assert not harness.quota.may_begin(), "one at a time"
            harness.quota.send(probe)
            assert not harness.quota.ended(probe, f"probe-{wait}", over_capacity())

        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    def test_at_most_ten_calls_in_the_first_hour(self) -> None:
        harness = Harness()
        began = harness.clock.now
        while harness.clock.now < began + HOUR:
            harness.upload(over_capacity())
            harness.pass_time(harness.quota.seconds())

        assert harness.calls <= 10

    def test_a_probe_that_is_taken_opens_it(self) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(MINUTE)

        assert not harness.upload(taken())

        assert harness.quota.gate.block is None
        assert harness.quota.may_begin()
        assert harness.blocks[-1] is None
        harness.shut()
        assert harness.quota.seconds() == MINUTE, "the waits begin anew"

    def test_an_upload_of_before_that_is_taken_late_does_not_open_it(self) -> None:
        harness = Harness()
        early = harness.begin()
        harness.quota.send(early)
        harness.shut()

        harness.quota.ended(early, "early", taken())

        assert harness.quota.gate.block is not None

    def test_a_probe_that_never_reached_imgur_costs_no_wait(self) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(MINUTE)
        probe = harness.begin()

        harness.quota.ended(probe, "gone", Failed("source-not-found", "404."))

        assert harness.quota.may_begin()

    @pytest.mark.parametrize(
        "outcome",
        [None, RetryLater("imgur-error", "500.", 1.0), Deferred("imgur-rate-limited", "", 9.0)],
    )
    def test_a_probe_with_any_other_end_waits_longer(self, outcome: Outcome | None) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(MINUTE)
        probe = harness.begin()
        harness.quota.send(probe)

        harness.quota.ended(probe, "url", outcome)

        assert harness.quota.seconds() == 2 * MINUTE

    def test_it_opens_at_once_when_told_to(self) -> None:
        harness = Harness()
        harness.shut()

        assert harness.quota.open("repaired")

        assert harness.quota.may_begin()
        assert not harness.quota.open("again")

    def test_a_refusal_of_before_the_opening_does_not_shut_it_again(self) -> None:
        harness = Harness()
        early = harness.begin()
        harness.quota.send(early)
        harness.shut()
        harness.quota.open("repaired")

        assert not harness.quota.ended(early, "early", over_capacity())
        assert harness.quota.may_begin()
        assert [harness.upload(over_capacity()) for _ in range(2)] == [True, True]
        assert harness.quota.may_begin(), "the early one is none of the three"

    def test_opening_an_open_gate_leaves_refusals_their_meaning(self) -> None:
        harness = Harness()
        places = [harness.begin() for _ in range(3)]
        for place in places:
            harness.quota.send(place)
        assert not harness.quota.open("to be sure")

        doubts = [harness.quota.ended(place, str(place), over_capacity()) for place in places]
        assert doubts == [True, True, False]
        assert not harness.quota.may_begin()

    def test_a_pause_ends_when_told_to(self) -> None:
        harness = Harness()
        harness.upload(Deferred("imgur-rate-limited", "Wait.", None))
        harness.quota.end_pause()

        assert harness.quota.may_begin()

    def test_a_used_up_limit_does_not_outlast_the_pause(self) -> None:
        harness = Harness()
        harness.quota.note(Quota(user=LimitState(500, 0, HOUR)))
        assert not harness.quota.may_begin()

        harness.quota.end_pause()
        assert harness.quota.may_begin()

        harness.quota.note(Quota(user=LimitState(500, 0, HOUR)))
        assert not harness.quota.may_begin()

    def test_the_log_has_an_error_a_line_a_probe_and_the_end(self) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(MINUTE)
        harness.upload(over_capacity())
        harness.pass_time(2 * MINUTE)
        harness.upload(taken())

        assert [line.level for line in harness.lines()] == ["error", "info", "info"]
        assert not harness.lines()

    def test_other_calls_wait_too(self) -> None:
        harness = Harness()
        assert harness.quota.seconds_until_calls(images_wait=True) == 0
        harness.shut()
        assert harness.quota.seconds_until_calls(images_wait=True) == MINUTE
        harness.pass_time(MINUTE)
        assert harness.quota.seconds_until_calls(images_wait=True) > 0, "an image is tried first"
        assert harness.quota.seconds_until_calls(images_wait=False) == 0

    @pytest.mark.parametrize(
        "outcome",
        [
            RetryLater("imgur-over-capacity", "Over capacity.", 1.0),
            Failed("imgur-forbidden", "Forbidden."),
            Deferred("imgur-rate-limited", "Wait.", None),
        ],
    )
    def test_the_call_after_one_in_vain_waits_longer(self, outcome: Outcome) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(MINUTE)
        harness.quota.gate.begin((TaskKind.DELETION, ("job", 0)))
        harness.quota.call_ended((TaskKind.DELETION, ("job", 0)), 1, outcome)

        assert harness.quota.seconds_until_calls(images_wait=False) == 2 * MINUTE

    def test_calls_wait_for_a_pause_as_well(self) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(MINUTE)
        waits = Deferred("imgur-rate-limited", "Wait.", HOUR)
        harness.quota.gate.begin((TaskKind.DELETION, ("job", 0)))
        harness.quota.call_ended((TaskKind.DELETION, ("job", 0)), 1, waits)

        assert harness.quota.seconds_until_calls(images_wait=False) == HOUR


class TestPatience:
    def test_images_fail_after_a_day(self) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(DAY_SECONDS - 1)
        assert not harness.quota.gate.is_patience_over
        harness.pass_time(1)

        assert harness.quota.gate.is_patience_over
        harness.quota.gate.renew_patience()
        assert not harness.quota.gate.is_patience_over, "what comes later waits as long again"
        harness.pass_time(DAY_SECONDS)
        assert harness.quota.gate.is_patience_over

    def test_0_waits_for_ever(self) -> None:
        harness = Harness(blocked_seconds=0.0)
        harness.shut()
        harness.pass_time(1000 * DAY_SECONDS)

        assert not harness.quota.gate.is_patience_over

    def test_after_a_long_rest_one_image_is_tried_first(self) -> None:
        harness = Harness()
        harness.shut()
        harness.restart(2 * DAY_SECONDS)

        assert not harness.quota.gate.is_patience_over
        assert not harness.upload(taken())
        harness.pass_time(DAY_SECONDS)
        assert not harness.quota.gate.is_patience_over


class TestRestart:
    def test_a_block_is_not_forgotten(self) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(MINUTE)
        harness.upload(over_capacity())
        before = harness.quota.gate.block
        harness.restart(30.0)

        block = harness.quota.gate.block
        assert before is not None
        assert block is not None
        assert (block.reason, block.message, block.sentence, block.since, block.probes) == (
            before.reason,
            before.message,
            before.sentence,
            before.since,
            1,
        )
        assert block.next_probe_seconds == 2 * MINUTE - 30.0
        assert harness.blocks[-1] == block

    def test_what_came_after_others_had_failed_waits_as_long_again(self) -> None:
        harness = Harness()
        harness.shut()
        harness.pass_time(DAY_SECONDS)
        harness.quota.gate.renew_patience()
        harness.restart(2 * HOUR)
        harness.pass_time(DAY_SECONDS - 2 * HOUR - 1)

        assert not harness.quota.gate.is_patience_over
        harness.pass_time(1)
        assert harness.quota.gate.is_patience_over

    def test_a_clock_that_was_set_back_makes_no_wait_longer_than_an_hour(self) -> None:
        harness = Harness()
        harness.shut()
        harness.restart(-30 * DAY_SECONDS)

        assert harness.quota.seconds() <= HOUR

    def test_a_clock_that_was_set_back_makes_no_patience_longer(self) -> None:
        harness = Harness()
        harness.shut()
        harness.restart(-30 * DAY_SECONDS)
        harness.pass_time(DAY_SECONDS)

        assert harness.quota.gate.is_patience_over

    def test_a_clock_that_ran_ahead_for_a_while_frees_no_budget(self) -> None:
        harness = Harness(uploads_per_day=3)
        harness.upload(taken())
        harness.upload(taken())
        harness.wall.now += 2 * DAY_SECONDS
        harness.upload(taken())
        harness.wall.now -= 2 * DAY_SECONDS
        for _ in range(2):
            harness.restart()

            assert not harness.quota.may_begin()
            assert harness.quota.seconds() > DAY_SECONDS - MINUTE

    def test_an_open_gate_stays_open(self) -> None:
        harness = Harness()
        harness.shut()
        harness.quota.open("repaired")
        harness.restart()

        assert harness.quota.may_begin()

    def test_the_budget_is_not_forgotten(self) -> None:
        harness = Harness(uploads_per_day=100)
        days: list[int] = []
        began, todo = harness.wall.now, 350
        while todo:
            wait = harness.quota.seconds()
            if wait > 0:
                harness.restart(wait)
                continue
            harness.upload(taken())
            days.append(int((harness.wall.now - began) // DAY_SECONDS))
            todo -= 1
            if todo % 37 == 0:
                harness.restart()

        assert [days.count(day) for day in range(5)] == [100, 100, 100, 50, 0]


class TestBudget:
    def test_what_has_begun_has_its_place(self) -> None:
        harness = Harness(uploads_per_day=2)
        first, _ = harness.begin(), harness.begin()
        assert not harness.quota.may_begin()

        harness.quota.ended(first, "a", Failed("source-not-found", "404."))

        assert harness.quota.may_begin()

    @pytest.mark.parametrize(
        ("outcome", "left"),
        [
            (RetryLater("imgur-unreachable", "No network.", 1.0), 2),
            (RetryLater("imgur-timeout", "No network.", 1.0), 2),
            (MaybeBlocked(Failed("imgur-unreachable", "No network.")), 2),
            (RetryLater("imgur-unreachable", "Lost.", 1.0, maybe_stored=True), 1),
            (Failed("imgur-unreachable", "Lost."), 1),
            (RetryLater("imgur-error", "500.", 1.0), 1),
            (over_capacity(), 1),
            (None, 1),
        ],
    )
    def test_what_was_not_sent_does_not_count(self, outcome: Outcome | None, left: int) -> None:
        harness = Harness(uploads_per_day=2)
        place = harness.begin()
        harness.quota.send(place)
        harness.quota.ended(place, "a", outcome)

        assert harness.quota.state().uploads_left == left
        harness.restart()
        assert harness.quota.state().uploads_left == left

    def test_whichever_leaves_less_counts(self) -> None:
        harness = Harness(uploads_per_day=100)
        harness.quota.note(Quota(posts=LimitState(1250, 3, 1800.0)))
        assert harness.quota.state().uploads_left == 3

        for left in (2, 1, 0):
            harness.upload(taken())
            harness.quota.note(Quota(posts=LimitState(1250, left, 1800.0)))
        assert not harness.quota.may_begin()
        harness.pass_time(1800)

        assert harness.quota.may_begin()
        assert harness.quota.state().uploads_left == 97

    def test_the_sandbox_s_limits_are_for_show(self) -> None:
        harness = Harness(uploads_per_day=1, heeds_limits=False)
        harness.quota.note(Quota(posts=LimitState(1250, 0, 1800.0)))

        for _ in range(5):
            harness.upload(taken())

        assert harness.quota.state().uploads_left is None

    def test_it_says_when_so_many_have_had_their_turn(self) -> None:
        harness = Harness(uploads_per_day=100, uploads_per_hour=50)

        state = harness.quota.state(uploads=350)

        assert (state.budget_seconds, state.budget_window) == (3 * DAY_SECONDS, "day")
        assert [window.name for window in state.budget] == ["day", "hour"]

    def test_a_shared_client_id_is_told_once(self) -> None:
        harness = Harness(uploads_per_day=100)
        for left in (12_000, 9_000, 8_000):
            harness.quota.note(Quota(client=LimitState(12_500, left, 80_000.0)))

        assert harness.quota.state().others == 400
        assert [line.level for line in harness.lines()] == ["warning"]

    def test_the_calls_for_albums_are_our_own(self) -> None:
        harness = Harness()
        for number in range(100):
            harness.quota.note(Quota(client=LimitState(12_500, 12_000 - 3 * number, 80_000.0)))
            harness.quota.call_ended((TaskKind.ALBUM, (f"j{number}", 0)), number, Done())

        assert harness.quota.state().others == 0
        assert harness.lines() == []

    def test_the_log_tells_of_a_spent_budget_once_an_hour(self) -> None:
        harness = Harness(uploads_per_hour=1, heeds_limits=True)
        assert not harness.told_of_wait()
        harness.upload(taken())

        (line,) = harness.told_of_wait()
        assert (line.level, line.event) == ("warning", "uploads wait: a limit is reached")
        assert "IMGUR_UPLOADS_PER_HOUR (1)" in line.fields["message"]
        assert not harness.told_of_wait()
        harness.pass_time(HOUR + 1)
        assert not harness.told_of_wait()
        harness.upload(taken())
        assert len(harness.told_of_wait()) == 1


class TestPauses:
    def test_a_pause_that_nobody_explains_ends_with_one_image(self) -> None:
        harness = Harness()
        harness.upload(Deferred("imgur-rate-limited", "Wait.", None))
        assert harness.quota.pause_seconds == MINUTE
        harness.pass_time(MINUTE)

        trial = harness.begin()
        assert not harness.quota.may_begin()
        harness.quota.send(trial)
        harness.quota.ended(trial, "trial", Deferred("imgur-rate-limited", "Wait.", None))
        assert harness.quota.pause_seconds == 2 * MINUTE
        harness.pass_time(2 * MINUTE)
        harness.upload(taken())

        places = {harness.begin(), harness.begin()}

        assert len(places) == 2

    def test_an_image_that_has_arrived_waits_for_its_end(self) -> None:
        harness = Harness()
        place = harness.begin()
        harness.upload(Deferred("imgur-rate-limited", "Wait.", 30.0))

        why = harness.quota.why_not(place)
        assert why is not None
        assert why.reason == "imgur-rate-limited"
        harness.pass_time(30.0)
        assert harness.quota.why_not(place) is None

    def test_a_word_that_an_image_may_not_be_sent_is_no_pause(self) -> None:
        harness = Harness()
        place = harness.begin()
        harness.quota.ended(place, "a", Deferred("imgur-forbidden", "Blocked.", 0.0))

        assert harness.quota.may_begin()

    def test_deletions_may_ask_for_one(self) -> None:
        harness = Harness()
        waits = Deferred("imgur-rate-limited", "Wait.", 30.0)
        assert harness.quota.call_ended((TaskKind.DELETION, ("job", 0)), 1, waits) is waits

        assert harness.quota.pause_seconds == 30.0

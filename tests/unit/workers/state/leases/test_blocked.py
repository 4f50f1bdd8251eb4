"""Images that Imgur refuses, perhaps with all others: what the mailbox does with them."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from tests.job_snapshot import JobSnapshot, snapshot_of
from tests.lane_mailbox import Mailbox
from workers.contract.budget import DAY_SECONDS, QuotaRules
from workers.contract.job_options import NO_OPTIONS, JobOptions, NewAlbum
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.albums import AlbumCreated, AlbumState
from workers.contract.messages.jobs import ChangesWanted, ImageState
from workers.contract.messages.outcomes import (
    Deferred,
    Failed,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import DownloadReport, Lease, Report
from workers.contract.messages.submission import Origin, Submission
from workers.contract.messages.tasks import TaskKind
from workers.state.jobs.job_store import LONGEST_SECONDS
from workers.state.jobs.job_table import JobTable
from workers.state.leases.outcome_handler import HELD_SECONDS

FORBIDDEN = MaybeBlocked(Failed("imgur-forbidden", "Forbidden."), "These actions are forbidden.")
BUSY = MaybeBlocked(RetryLater("imgur-over-capacity", "Busy.", 1.0))
NO_NETWORK = RetryLater("imgur-unreachable", "No network.", 1.0)
NO_NETWORK_AT_LAST = MaybeBlocked(Failed("imgur-unreachable", "No network."))
BAD_CLIENT = MaybeBlocked(Failed("imgur-credentials", "No."), is_certain=True)
ALBUM = JobOptions(album=NewAlbum("A day"))
CREATED = AlbumCreated("aBc", "https://imgur.com/a/aBc", "s3cret")
DONE = Uploaded("https://i.imgur.com/a.jpg", "hash")
GONE = Failed("source-not-found", "404.")


class Harness:
    """A mailbox with one worker, and a clock that stands still."""

    def __init__(self, **rules: Any) -> None:
        self.now = 1000.0
        self.table = JobTable(lambda: 1_800_000_000.0 + self.now)
        limits = MailboxLimits(quota=QuotaRules(**rules))
        self.box = Mailbox(self.table, limits, lambda: self.now)
        self.box.register("w")

    def put(self, job_id: str, count: int, options: JobOptions = NO_OPTIONS) -> None:
        urls = tuple(f"https://s.test/{job_id}/{n}" for n in range(count))
        assert self.box.put(Submission(job_id, urls, options=options)) is None

    def claim(self, count: int = 1) -> list[Lease]:
        return list(self.box.claim("w", 0, count).leases)

    def send(self, lease: Lease) -> None:
        assert self.box.begin_upload("w", lease.token, DownloadReport(lease.token)) is True

    def end(self, lease: Lease, outcome: Outcome) -> None:
        assert self.box.ack("w", Report(lease.token, outcome)).accepted

    def upload(self, outcome: Outcome) -> Lease:
        (lease,) = self.claim()
        self.send(lease)
        self.end(lease, outcome)
        return lease

    def create_album(self, outcome: Outcome) -> None:
        (lease,) = self.claim(5)
        assert lease.kind is TaskKind.ALBUM
        self.end(lease, outcome)
        self.now += 1.0

    def block_beside_an_image_in_doubt(self) -> None:
        """An image of job j waits for a verdict while an album shows that all are refused."""
        self.put("j", 2)
        lease, _ = self.claim(2)
        self.send(lease)
        self.end(lease, FORBIDDEN)
        self.put("album", 5, ALBUM)
        self.create_album(BAD_CLIENT)

    def waiting(self) -> tuple[str, str] | None:
        self.box.tend()
        changes = self.table.changes(ChangesWanted("j"))
        assert changes is not None
        self.version = changes.version
        return changes.held

    def job(self, job_id: str = "j") -> JobSnapshot:
        snapshot = snapshot_of(self.table, job_id)
        assert snapshot is not None
        return snapshot

    def states(self, job_id: str = "j") -> list[ImageState]:
        return [ImageState(state) for state in self.job(job_id).states]


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_all_go_back_unharmed(harness: Harness) -> None:
    harness.put("j", 10)
    for _ in range(3):
        harness.upload(FORBIDDEN)

    assert harness.claim() == []
    assert set(harness.states()) == {ImageState.PENDING}
    assert set(harness.job().attempts) == {0}
    assert harness.box.stats().queued == 10


def test_a_last_attempt_waits_for_images_that_are_tried_again_later(harness: Harness) -> None:
    harness.put("j", 3)
    leases = harness.claim(3)
    for lease, outcome in zip(leases, (NO_NETWORK, NO_NETWORK, NO_NETWORK_AT_LAST), strict=True):
        harness.send(lease)
        harness.end(lease, outcome)
    harness.now += 2.0
    for _ in range(2):
        harness.upload(NO_NETWORK_AT_LAST)

    assert harness.box.stats().block is not None
    assert harness.states() == [ImageState.PENDING] * 3


def test_each_image_that_is_tried_without_a_network_is_another_and_keeps_its_attempts(
    harness: Harness,
) -> None:
    harness.put("j", 6)
    for _ in range(3):
        harness.upload(NO_NETWORK_AT_LAST)
    probes = []
    for minutes in (1, 2, 4):
        harness.now += minutes * 60.0
        probes.append(harness.upload(NO_NETWORK).index)

    assert probes[0] != probes[1] != probes[2]
    assert set(harness.job().attempts) == {0}


def test_an_opening_while_uploads_go_on_anyway_ends_no_wait(harness: Harness) -> None:
    harness.put("j", 2)
    harness.upload(FORBIDDEN)
    harness.box.open_gate()
    harness.claim()

    assert harness.states() == [ImageState.PENDING] * 2


def test_what_was_under_way_at_the_opening_is_tried_again(harness: Harness) -> None:
    harness.put("j", 2)
    early, late = harness.claim(2)
    for lease in (early, late):
        harness.send(lease)
    harness.end(late, BAD_CLIENT)
    harness.box.open_gate()

    harness.end(early, BAD_CLIENT)

    assert {lease.attempt for lease in harness.claim(2)} == {1}


def test_a_lone_image_fails_at_once_for_its_own_sake(harness: Harness) -> None:
    harness.put("j", 1)
    harness.upload(FORBIDDEN)

    assert harness.states() == [ImageState.FAILED]
    assert set(harness.job().attempts) == {1}
    failed, finished = harness.box.tend()
    assert (failed.event, failed.fields["reason"]) == ("image failed", "imgur-forbidden")
    assert finished.event == "job complete"
    assert not harness.box.tend(), "told once"


def test_what_no_worker_logs_has_the_request_and_the_place_in_the_log_as_well(
    harness: Harness,
) -> None:
    urls = "https://s.test/a", "https://s.test/b"
    assert harness.box.put(Submission("j", urls, origin=Origin("shop-42"))) is None
    harness.upload(DONE)
    harness.upload(FORBIDDEN)

    failed, finished = harness.box.tend()
    assert (failed.event, failed.fields["index"]) == ("image failed", 1)
    assert failed.fields["request_id"] == finished.fields["request_id"] == "shop-42"


def test_the_next_success_tells_that_it_was_the_image(harness: Harness) -> None:
    harness.put("j", 4)
    harness.upload(FORBIDDEN)
    harness.upload(BUSY)
    assert harness.states()[:2] == [ImageState.PENDING] * 2
    harness.upload(DONE)

    assert harness.states()[0] is ImageState.FAILED
    assert harness.states()[1] is ImageState.PENDING, "due for another attempt"
    assert list(harness.job().attempts[:2]) == [1, 1]


def test_after_a_long_wait_it_is_the_image_s(harness: Harness) -> None:
    harness.put("j", 3)
    harness.upload(FORBIDDEN)
    harness.now += HELD_SECONDS - 1
    harness.claim()
    assert harness.states()[0] is ImageState.PENDING
    harness.now += 1
    harness.claim()

    assert harness.states()[0] is ImageState.FAILED


def test_what_has_arrived_is_not_sent(harness: Harness) -> None:
    harness.put("j", 10)
    early, sent = harness.claim(2)
    harness.send(sent)
    harness.upload(BAD_CLIENT)

    answer = harness.box.begin_upload("w", early.token, DownloadReport(early.token))
    assert isinstance(answer, Deferred)
    assert answer.reason == "imgur-credentials"
    harness.end(sent, BAD_CLIENT)
    assert set(harness.states()) == {ImageState.PENDING}


def test_each_probe_is_another_image(harness: Harness) -> None:
    harness.put("j", 10)
    refused = [harness.upload(FORBIDDEN).index for _ in range(3)]
    tried = []
    for wait in (60.0, 120.0):
        harness.now += wait
        tried.append(harness.upload(FORBIDDEN).index)

    assert tried[0] not in refused
    harness.now += 240.0
    assert len(harness.claim(10)) == 1, "one at a time"


def test_refused_ones_are_tried_where_there_are_no_others(harness: Harness) -> None:
    harness.put("j", 3)
    for _ in range(3):
        harness.upload(FORBIDDEN)
    harness.now += 60.0
    harness.upload(DONE)

    assert len(harness.claim(3)) == 2
    assert harness.box.stats().block is None


def test_a_probe_whose_source_fails_lets_another_go(harness: Harness) -> None:
    harness.put("j", 10)
    harness.upload(BAD_CLIENT)
    harness.now += 60.0
    (lease,) = harness.claim()
    harness.end(lease, GONE)

    assert len(harness.claim(5)) == 1


def test_a_worker_that_dies_with_the_probe_keeps_nobody_waiting(harness: Harness) -> None:
    harness.put("j", 10)
    harness.upload(BAD_CLIENT)
    harness.now += 60.0
    harness.claim()
    harness.box.fence("w")
    harness.box.register("w")

    assert len(harness.claim(5)) == 1


def test_a_cancelled_job_ends_also_while_it_waits(harness: Harness) -> None:
    harness.put("j", 10)
    for _ in range(3):
        harness.upload(FORBIDDEN)

    harness.box.cancel("j", "")

    assert set(harness.states()) == {ImageState.FAILED}
    assert harness.box.stats().queued == 0


def test_a_held_image_of_a_cancelled_job_ends_with_its_verdict(harness: Harness) -> None:
    harness.put("j", 1)
    harness.put("other", 2)
    harness.upload(FORBIDDEN)
    harness.box.cancel("j", "")
    harness.upload(DONE)

    assert harness.states() == [ImageState.FAILED]


def test_readers_are_told_why_all_wait_and_that_it_is_over(harness: Harness) -> None:
    harness.put("j", 5)
    before = harness.table.changes(ChangesWanted("j"))
    assert before is not None
    harness.upload(BAD_CLIENT)
    changes = harness.table.changes(ChangesWanted("j"))

    assert changes is not None
    assert changes.held is not None
    assert changes.held[0] == "imgur-credentials"
    assert changes.latest > before.latest
    assert harness.box.open_gate()
    changes = harness.table.changes(ChangesWanted("j"))
    assert changes is not None
    assert changes.held is None
    assert not harness.box.open_gate()
    assert len(harness.claim(5)) == 5


def test_all_that_wait_fail_when_it_lasts_too_long(harness: Harness) -> None:
    harness.put("j", 2500)
    for _ in range(3):
        harness.upload(BUSY)
    harness.now += DAY_SECONDS
    lines = harness.box.tend()

    assert set(harness.states()) == {ImageState.FAILED}
    assert "IMGUR_BLOCKED_SECONDS" in harness.job().errors[7][1]
    assert {line.level for line in lines if line.logger == "imgur"} == {"error"}
    assert sum(line.event == "image failed" for line in lines) == 100
    assert harness.box.stats().queued == 0


def test_many_jobs_fail_in_several_calls_that_the_supervisor_can_wait_for(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = ["j", "k", "l"]
    for job_id in jobs:
        harness.put(job_id, 3)
    harness.upload(BAD_CLIENT)
    harness.now += DAY_SECONDS
    a_look = itertools.count(0.0, LONGEST_SECONDS / 2)
    waiting = replace(harness.box._waiting, clock=lambda: next(a_look))
    monkeypatch.setattr(harness.box, "_waiting", waiting)

    ended = []
    for _ in jobs:
        harness.box.tend()
        ended.append(sum(ImageState.PENDING not in harness.states(job_id) for job_id in jobs))
    assert ended == [1, 2, 3]
    harness.box.tend()
    harness.put("later", 3)
    harness.box.tend()
    assert set(harness.states("later")) == {ImageState.PENDING}


def test_one_large_job_fails_in_several_calls_too(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.state.leases.waiting_urls._URLS_A_STEP", 10)
    harness.put("j", 95)
    harness.upload(BAD_CLIENT)
    harness.now += DAY_SECONDS
    a_look = itertools.count(0.0, LONGEST_SECONDS / 4)
    waiting = replace(harness.box._waiting, clock=lambda: next(a_look))
    monkeypatch.setattr(harness.box, "_waiting", waiting)

    counts = [0]
    while counts[-1] < 95:
        harness.box.tend()
        counts.append(harness.states().count(ImageState.FAILED))
        assert counts[-2] < counts[-1] < counts[-2] + 80, "not all in one call"
    harness.box.tend()
    harness.put("later", 3)
    harness.box.tend()
    assert set(harness.states("later")) == {ImageState.PENDING}


def test_a_budget_holds_back_what_could_not_be_sent() -> None:
    harness = Harness(uploads_per_day=3)
    harness.put("j", 10)
    leases = harness.claim(10)

    assert len(leases) == 3
    harness.end(leases[0], GONE)
    (another,) = harness.claim(10)
    for lease in (*leases[1:], another):
        harness.send(lease)
        harness.end(lease, DONE)
    assert harness.claim(10) == []
    harness.now += DAY_SECONDS + 1
    assert len(harness.claim(10)) == 3


def test_the_log_tells_of_a_limit_while_an_image_waits_for_it() -> None:
    harness = Harness(uploads_per_day=1)
    harness.put("j", 1)
    harness.upload(DONE)
    assert not harness.box.tend()
    harness.put("k", 1)
    assert [line.event for line in harness.box.tend()] == ["uploads wait: a limit is reached"]


def test_jobs_tell_of_a_spent_budget_and_when_it_goes_on() -> None:
    harness = Harness(uploads_per_day=1)
    harness.put("j", 3)
    assert harness.waiting() is None
    harness.upload(DONE)

    told = harness.waiting()
    assert told is not None
    assert told[0] == "imgur-rate-limited"
    assert told[1] == (
        "Uploads wait for IMGUR_UPLOADS_PER_DAY (1); the next begins by 2027-01-16 08:17 UTC."
    )
    version = harness.version
    harness.now += 1800.0
    assert (harness.waiting(), harness.version) == (told, version), "no change for readers"
    harness.now += DAY_SECONDS - 1800.0
    assert harness.waiting() is None
    assert harness.version > version


def test_the_log_has_a_pause_once_however_many_lanes_meet_it(harness: Harness) -> None:
    harness.put("j", 4)
    leases = harness.claim(4)
    for lease in leases:
        harness.send(lease)
    waits = (None, None, 90.0, 90.0)
    reports = [
        Report(lease.token, Deferred("imgur-rate-limited", "Wait.", seconds))
        for lease, seconds in zip(leases, waits, strict=True)
    ]
    acks = [harness.box.ack("w", report) for report in reports]

    assert [ack.is_logged for ack in acks] == [True, False, True, False]


def test_jobs_tell_of_a_pause_that_lasts() -> None:
    harness = Harness(uploads_per_day=9)
    harness.put("j", 3)
    harness.upload(Deferred("imgur-rate-limited", "Wait.", 4.0))
    assert harness.waiting() is None, "too short"
    harness.now += 4.0
    harness.upload(Deferred("imgur-rate-limited", "Wait.", 90.0))

    told = harness.waiting()
    assert told is not None
    assert told[1] == "Imgur has asked to wait; uploads go on by 2027-01-15 08:19 UTC."
    assert not harness.box.open_gate()
    changes = harness.table.changes(ChangesWanted("j"))
    assert changes is not None
    assert changes.held is None
    assert len(harness.claim(3)) == 3


@pytest.mark.parametrize("refusal", [BUSY, BAD_CLIENT], ids=["alike", "certain"])
def test_an_album_is_not_created_while_imgur_refuses_all(
    harness: Harness, refusal: MaybeBlocked
) -> None:
    harness.put("j", 5, ALBUM)
    while harness.box.stats().block is None:
        harness.create_album(refusal)
    assert harness.claim(5) == []
    assert harness.states() == [ImageState.PENDING] * 5
    harness.now += 60.0
    harness.create_album(refusal)
    assert harness.claim(5) == [], "that was the probe"
    harness.now += 120.0
    harness.create_album(CREATED)

    assert harness.box.stats().block is None
    assert [lease.kind for lease in harness.claim(5)] == [TaskKind.IMAGE] * 5


def test_an_album_has_all_its_attempts_once_imgur_is_reached_again(harness: Harness) -> None:
    harness.put("j", 5, ALBUM)
    for _ in range(3):
        harness.create_album(NO_NETWORK)
    harness.create_album(replace(NO_NETWORK_AT_LAST, is_certain=True))
    for minutes in (1, 2):
        harness.now += minutes * 60.0
        harness.create_album(NO_NETWORK)
    harness.now += 240.0

    (lease,) = harness.claim(5)

    assert lease.attempt == 1


def test_an_attempt_that_may_have_created_an_album_counts_whatever_comes_later(
    harness: Harness,
) -> None:
    harness.put("j", 5, ALBUM)
    harness.create_album(RetryLater("imgur-timeout", "No answer.", 1.0, maybe_stored=True))
    for _ in range(2):
        harness.create_album(NO_NETWORK)
    harness.create_album(replace(NO_NETWORK_AT_LAST, is_certain=True))
    harness.now += 60.0

    (lease,) = harness.claim(5)

    assert lease.attempt == 2


def test_an_image_is_the_probe_where_there_is_one(harness: Harness) -> None:
    harness.put("j", 5)
    harness.upload(BAD_CLIENT)
    harness.put("album", 5, ALBUM)
    harness.now += 60.0

    (lease,) = harness.claim(5)

    assert lease.kind is TaskKind.IMAGE


def test_images_that_wait_for_a_verdict_go_back_where_an_album_brings_it(harness: Harness) -> None:
    harness.block_beside_an_image_in_doubt()
    harness.now += HELD_SECONDS
    harness.claim()

    assert harness.states() == [ImageState.PENDING] * 2


def test_they_have_gone_back_by_the_time_that_somebody_opens(harness: Harness) -> None:
    harness.block_beside_an_image_in_doubt()
    harness.box.open_gate()
    harness.claim()

    assert harness.states() == [ImageState.PENDING] * 2


def test_a_worker_that_dies_with_an_album_keeps_no_probe(harness: Harness) -> None:
    harness.put("j", 5, ALBUM)
    harness.create_album(BAD_CLIENT)
    harness.now += 60.0
    harness.claim(5)
    harness.box.fence("w")
    harness.box.register("w")

    harness.create_album(CREATED)

    assert harness.box.stats().block is None


def test_an_album_that_is_refused_while_images_are_taken_fails(harness: Harness) -> None:
    harness.put("j", 5, ALBUM)
    harness.put("other", 9)
    for outcome in (BUSY, BUSY, BUSY, MaybeBlocked(Failed("imgur-over-capacity", "Busy."))):
        leases = harness.claim(2)
        for lease in leases:
            if lease.kind is TaskKind.IMAGE:
                harness.send(lease)
            harness.end(lease, DONE if lease.kind is TaskKind.IMAGE else outcome)
        harness.now += 2.0

    harness.box.tend()
    assert harness.box.stats().block is None
    assert set(harness.states()) == {ImageState.FAILED}


def test_a_job_that_waited_too_long_for_its_album_fails_as_others(harness: Harness) -> None:
    harness.put("j", 5, ALBUM)
    harness.create_album(BAD_CLIENT)
    harness.now += DAY_SECONDS
    harness.box.tend()

    assert set(harness.states()) == {ImageState.FAILED}
    changes = harness.table.changes(ChangesWanted("j"))
    assert changes is not None
    assert changes.album is not None
    assert (changes.album.state, changes.album.reason) == (AlbumState.FAILED, "album-failed")
    assert harness.claim(5) == []

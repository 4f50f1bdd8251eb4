"""A restart finds the state as it was, whatever had happened before."""

import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from tests.clock import Clock
from tests.job_snapshot import JobSnapshot, snapshot_of
from tests.lane_mailbox import Mailbox
from workers.contract.errors import JournalError
from workers.contract.job_options import NO_OPTIONS, JobOptions, Priority
from workers.contract.logs import LogConfig
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ChangesWanted, JobStatus
from workers.contract.messages.outcomes import (
    Altered,
    Deferred,
    Done,
    Failed,
    ImageDetails,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import Directive, Lease, Report
from workers.contract.messages.submission import (
    Cancellation,
    Refusal,
    RefusalCode,
    Replay,
    RequestKey,
    Retry,
    Submission,
)
from workers.state.jobs.job_table import JobTable
from workers.state.jobs.timeline import TIMELINE_BYTES, read_timeline
from workers.state.journal.journal import Journal
from workers.state.journal.journal_records import END_MARK, encode
from workers.state.journal.recovery import Recovery, load
from workers.state.journal.replay import replay, state_records

URLS = ("https://s.test/0", "https://s.test/1", "https://s.test/2")
KNOWN = ImageDetails(deduplicated=True)
EMPTY = Failed("empty", "Nothing came.")
OWNERS = ("", "anna")
NEW_FIELDS = ("options", "details", "deliveries")
OPTIONS = (
    NO_OPTIONS,
    JobOptions("al8um", "{number}", "of {count}", Priority.LOW),
    JobOptions(source_headers=(("https://s.test", (("Authorization", "s3cret"),)),)),
)


class Clocks(Clock):
    """Both clocks; the wall's ticks with each look, so that no two stamps are the same."""

    def wall(self) -> float:
        self.now += 0.125
        return 1_511_961_509.0 + self.now


class Run:
    """One life of the service's state, from a start to a kill."""

    def __init__(self, path: Path, clock: Clocks, limits: MailboxLimits | None = None) -> None:
        limits = limits or MailboxLimits()
        self.table = JobTable(clock.wall, clock, limits.state_bytes)
        self.journal, self.cut_bytes = load(path, self.table)
        self.table.resume(self.journal)
        self.mailbox = Mailbox(self.table, limits, clock)
        self.mailbox.restore()
        self.lines = self.mailbox.tend()
        self.mailbox.register("w")

    def claim(self) -> Lease:
        delivery = self.mailbox.claim("w", 0)
        assert delivery.directive is Directive.WORK
        (lease,) = delivery.leases
        return lease

    def report(self, lease: Lease, outcome: Uploaded | Failed | RetryLater | Deferred) -> None:
        assert self.mailbox.ack("w", Report(lease.token, outcome)).accepted

    def upload(self, name: str) -> Lease:
        lease = self.claim()
        assert self.mailbox.begin_upload("w", lease.token)
        self.report(lease, uploaded(name))
        return lease

    def job(self, job_id: str, owner: str = "") -> JobSnapshot:
        snapshot = snapshot_of(self.table, job_id, owner)
        assert snapshot is not None
        return snapshot


def uploaded(name: str) -> Uploaded:
    return Uploaded(f"https://i.imgur.com/{name}.jpg", f"delete-{name}")


def altered(size: int) -> ImageDetails:
    return ImageDetails(altered=Altered("image/jpeg", size))


def state_of(table: JobTable) -> tuple[object, ...]:
    """All that must survive, the order of jobs and links included."""
    jobs = [
        (job_id, snapshot_of(table, job_id, job.asked.owner)) for job_id, job in table.by_id.items()
    ]
    link_orders = [list(job.links) for job in table.by_id.values()]
    hidden = [
        (
            job.deletehashes,
            job.uploading,
            job.outcome_unknown,
            job.pending,
            job.details,
            job.deliveries,
            job.asked.options,
            job.cancelled,
        )
        for job in table.by_id.values()
    ]
    links = {owner: table.links(0, 1000, owner) for owner in OWNERS}
    lists = [
        [table.listing(owner, status, None, 1000).jobs for status in JobStatus] for owner in OWNERS
    ]
    asked = [job.asked for job in table.by_id.values()]
    keys = [one.request and table.request(one.owner, one.request.key) for one in asked]
    return jobs, link_orders, hidden, links, lists, keys


@pytest.fixture
def clock() -> Clocks:
    return Clocks()


@pytest.fixture
def start(tmp_path: Path, clock: Clocks) -> Iterator[Callable[..., Run]]:
    """Start the state from the journal; a second start kills the first."""
    runs: list[Run] = []

    def start_run(limits: MailboxLimits | None = None) -> Run:
        if runs:
            runs[-1].journal.close()
        runs.append(Run(tmp_path / "journal", clock, limits))
        return runs[-1]

    yield start_run
    runs[-1].journal.close()


# --- the state --------------------------------------------------------------------------------

STEPS = (
    "put put claim claim claim upload upload complete complete find fail try-again put-back crash"
    " evict cancel retry alter"
)

steps = st.lists(st.sampled_from(STEPS.split()), max_size=40)


class Life:
    """Does steps to a mailbox, as workers and clients would."""

    def __init__(self, run: Run, clock: Clocks) -> None:
        self.run = run
        self.clock = clock
        self.leases: list[Lease] = []
        self.count = 0

    def do(self, step: str) -> None:
        self.count += 1
        run, name = self.run, f"{self.count}"
        if step == "put":
            owner = OWNERS[self.count % len(OWNERS)]
            urls, options = URLS[: 1 + self.count % 3], OPTIONS[self.count % len(OPTIONS)]
            key = RequestKey(name, "digest") if self.count % 2 else None
            submission = Submission(f"j{name}", urls, owner, options, request=key)
            assert run.mailbox.put(submission) is None
        elif step in {"cancel", "retry"}:
            self.do_to_a_job(step)
        elif step == "claim":
            self.clock.now += 1
            lease = next(iter(run.mailbox.claim("w", 0).leases), None)
            if lease is not None:
                self.leases.append(lease)
        elif step == "crash":
            run.mailbox.fence("w")
            run.mailbox.register("w")
            self.leases.clear()
        elif step == "evict":
            run.table.evict(0.5)
        elif self.leases and step == "upload":
            run.mailbox.begin_upload("w", self.leases[-1].token)
        elif self.leases:
            outcome = {
                "complete": uploaded(name),
                "find": Uploaded("https://i.imgur.com/first.jpg", "", details=KNOWN),
                "alter": replace(uploaded(name), details=altered(self.count)),
                "fail": EMPTY,
                "try-again": RetryLater("source-error", f"Busy {name}.", 0.0, bool(self.count % 2)),
                "put-back": Deferred("imgur-rate-limited", "Wait.", 0.5),
            }[step]
            run.report(self.leases.pop(), outcome)

    def do_to_a_job(self, step: str) -> None:
        jobs = [(job_id, job.asked.owner) for job_id, job in self.run.table.by_id.items()]
        if not jobs:
            return
        job_id, owner = jobs[self.count % len(jobs)]
        if step == "cancel":
            self.run.mailbox.cancel(job_id, owner)
        else:
            self.run.mailbox.retry(job_id, owner, f"j{self.count}")


@given(steps)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@pytest.mark.unmeasured
def test_the_state_survives_whatever_had_happened(
    tmp_path_factory: pytest.TempPathFactory, happened: list[str]
) -> None:
    clock = Clocks()
    path = tmp_path_factory.mktemp("life") / "journal"
    run = Run(path, clock)
    life = Life(run, clock)
    for step in happened:
        life.do(step)
    # Attempts under way are taken back, as their ends will never be told.
    for lease in life.leases:
        run.table.by_id[lease.job_id].attempts[lease.index] -= 1
    before = state_of(run.table)
    run.journal.close()

    replayed = JobTable()
    journal, cut_bytes = load(path, replayed)
    journal.close()
    assert (state_of(replayed), cut_bytes) == (before, 0)

    from_the_shortest = JobTable()
    load(path, from_the_shortest)[0].close()
    assert state_of(from_the_shortest) == before

    run = Run(path, clock)
    while (lease := next(iter(run.mailbox.claim("w", 0).leases), None)) is not None:
        run.report(lease, EMPTY)
    assert run.table.unfinished() == {}
    run.journal.close()


def test_a_finished_job_stays_as_it_was_to_the_letter(start) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS, "anna"))
    run.report(run.claim(), RetryLater("source-error", "Busy.", 0.0))
    run.upload("a")
    run.upload("b")
    run.report(run.claim(), EMPTY)
    before = run.job("j", "anna")
    assert (before.status, sorted(before.attempts)) == (JobStatus.COMPLETE, [1, 1, 2])

    for _ in range(3):
        run = start()
        assert run.job("j", "anna") == before
        assert snapshot_of(run.table, "j") is None
        assert run.table.links(0, 10, "anna") == tuple(before.links.values())
        assert run.mailbox.claim("w", 0).directive is Directive.IDLE


def test_a_cancelled_job_stays_cancelled(start) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS))
    run.claim()
    waiting = run.claim()
    run.report(waiting, RetryLater("source-error", "Busy.", 0.0))
    run.mailbox.cancel("j", "")
    assert run.job("j").status is JobStatus.IN_PROGRESS

    run = start()
    # What was in work was given back by the restart, and that ends it.
    job = run.job("j")
    assert job.status is JobStatus.COMPLETE
    assert [reason for reason, _ in job.errors.values()] == ["cancelled"] * 3
    assert run.mailbox.claim("w", 0).directive is Directive.IDLE
    assert start().job("j") == job
    assert start().mailbox.cancel("j", "") == Cancellation(3, is_first=False)


def test_a_sweep_that_broke_off_is_completed(start) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS))
    run.table.cancel("j", ())
    run.table.cancel("j", (1,))
    run = start()
    assert run.job("j").status is JobStatus.COMPLETE
    assert run.mailbox.stats().queued == 0


def test_an_upload_of_a_cancelled_job_is_not_repeated(start) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS[:1]))
    lease = run.claim()
    assert run.mailbox.begin_upload("w", lease.token)
    run.mailbox.cancel("j", "")
    run = start()
    crashed, _ = run.lines
    assert crashed.fields["reason"] == "upload-interrupted"
    assert run.job("j").status is JobStatus.COMPLETE


def test_a_request_and_a_retry_are_known_again(start) -> None:
    def request(digest: str) -> Submission:
        return Submission("other", URLS, "anna", request=RequestKey("key", digest))

    run = start()
    run.mailbox.put(Submission("j", URLS, "anna", request=RequestKey("key", "digest")))
    for _ in URLS:
        run.report(run.claim(), EMPTY)
    run.mailbox.retry("j", "anna", "k")
    for _ in range(2):
        run = start()
        assert run.mailbox.put(request("digest")) == Replay("j")
        refusal = run.mailbox.put(request("of something else"))
        assert isinstance(refusal, Refusal)
        assert run.mailbox.retry("j", "anna", "l") == Retry("k", 3, is_first=False)


def test_what_is_unfinished_is_handed_out_again_in_order_and_once(start) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS))
    run.claim()
    run.upload("b")
    run = start()
    assert run.job("j").status is JobStatus.IN_PROGRESS
    assert run.mailbox.stats().queued == 2
    assert [run.claim().index, run.claim().index] == [0, 2]
    assert run.mailbox.claim("w", 0).directive is Directive.IDLE


def test_a_job_never_touched_is_still_pending(start) -> None:
    start().mailbox.put(Submission("j", URLS))
    assert start().job("j").status is JobStatus.PENDING


# --- uploads under way ------------------------------------------------------------------------


def test_an_upload_under_way_is_repeated_once_and_marked(start) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS[:1]))
    lease = run.claim()
    run.mailbox.begin_upload("w", lease.token)

    run = start()
    assert run.lines == ()
    assert run.job("j").possibly_duplicated == frozenset()
    assert run.upload("a").attempt == 1
    assert start().job("j").possibly_duplicated == {0}


@pytest.mark.parametrize(
    ("upload_again", "kills"), [(True, 2), (False, 1)], ids=["again", "never again"]
)
def test_an_upload_killed_too_often_fails(start, upload_again: bool, kills: int) -> None:  # noqa: FBT001 - a row of the table
    limits = MailboxLimits(upload_again=upload_again)
    run = start(limits)
    run.mailbox.put(Submission("j", URLS[:1]))
    for _ in range(kills):
        assert run.lines == ()
        lease = run.claim()
        run.mailbox.begin_upload("w", lease.token)
        run = start(limits)
    crashed, finished = run.lines
    assert crashed.fields["reason"] == "upload-interrupted"
    assert finished.event == "job complete"
    assert run.mailbox.claim("w", 0).directive is Directive.IDLE
    before = run.job("j")
    assert before.status is JobStatus.COMPLETE
    assert start(limits).job("j") == before


# --- old jobs ---------------------------------------------------------------------------------


def test_a_job_forgotten_stays_forgotten_and_its_links_listed(start, clock: Clocks) -> None:
    run = start()
    run.mailbox.put(Submission("old", URLS[:1]))
    run.upload("a")
    clock.now += 100
    run.mailbox.put(Submission("new", URLS[:1]))
    run.upload("b")
    assert run.table.evict(50) == 1
    for _ in range(2):
        run = start()
        assert snapshot_of(run.table, "old") is None
        assert run.table.links(0, 10) == (uploaded("a").link, uploaded("b").link)
    assert run.table.evict(50) == 0
    clock.now += 100
    assert run.table.evict(50) == 1


def test_the_age_of_a_finished_job_counts_from_its_end(start, clock: Clocks) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS[:1]))
    run.upload("a")
    clock.now += 100
    assert start().table.evict(90) == 1


# --- the disk ---------------------------------------------------------------------------------


def test_a_full_disk_refuses_a_job_and_keeps_nothing_of_it(
    start, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start()
    run.mailbox.put(Submission("first", URLS[:1]))

    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("workers.state.journal.journal.os.write", full)
        refusal = run.mailbox.put(Submission("second", URLS))
        run.upload("a")
    assert refusal is not None
    assert (refusal.code, refusal.retry_after > 0) == (RefusalCode.JOURNAL_FULL, True)
    assert snapshot_of(run.table, "second") is None
    assert run.mailbox.stats().queued == 0
    assert run.mailbox.put(Submission("third", URLS)) is None
    run = start()
    assert run.job("first").status is JobStatus.COMPLETE
    assert snapshot_of(run.table, "second") is None
    assert run.mailbox.stats().queued == 3


def test_a_job_that_the_disk_did_not_confirm_does_not_come_back(tmp_path: Path) -> None:
    path, clock = tmp_path / "journal", Clocks()
    run = Run(path, clock)
    failures = [OSError(errno.EIO, "Input/output error")]

    def sync(fd: int) -> None:
        if failures:
            raise failures.pop()

    failing = Journal(path.open("ab", buffering=0), sync)
    run.table.resume(failing)
    refusal = run.mailbox.put(Submission("j", URLS))
    assert refusal is not None
    assert refusal.code is RefusalCode.JOURNAL_FULL
    failing.close()
    run.journal.close()
    run = Run(path, clock)
    run.journal.close()
    assert snapshot_of(run.table, "j") is None


# --- the whole --------------------------------------------------------------------------------


def test_a_torn_last_record_is_left_out_and_told(start, tmp_path: Path) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS))
    run.upload("a")
    run.journal.close()
    path = tmp_path / "journal"
    path.write_bytes(path.read_bytes()[: -len(encode(END_MARK)) - 5])
    run = start()
    assert run.cut_bytes > 0
    assert run.job("j").links == {}
    assert start().cut_bytes == 0


@pytest.mark.parametrize(
    "record",
    [
        ["dance", "j"],
        ["started", "unknown"],
        ["started"],
        ["complete", "j", 99, ["link", "hash"], None],
        ["complete", "j", 0, "link", None],
        ["opened", "j", "", 0.0, ["https://s.test/again"]],
        ["cancelled", "unknown", [], None],
        ["cancelled", "j", [[5, 9]], None],
        [],
    ],
    ids=str,
)
def test_a_record_that_makes_no_sense_is_refused(record: list[object]) -> None:
    table = JobTable()
    table.open(Submission("j", URLS))
    with pytest.raises(JournalError, match="makes no sense"):
        replay([record], table)


def test_the_shortest_journal_of_an_empty_table_is_empty() -> None:
    assert list(state_records(JobTable())) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"my diary\n", "it is not a"), (b"", "it is empty")],
    ids=["diary", "empty"],
)
def test_recovery_names_the_journal_and_leaves_it_as_it_was(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "diary"
    path.write_bytes(content)
    table = JobTable()
    recovery = Recovery(table, Mailbox(table, MailboxLimits()))
    with pytest.raises(JournalError, match=f"The journal .*diary cannot be used: {why}"):
        recovery.restore(str(path), LogConfig())
    recovery.close()
    assert path.read_bytes() == content


def test_a_journal_behind_a_symbolic_link_is_rewritten_where_it_is(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "journal")
    for _ in range(2):
        load(link, JobTable())[0].close()
    assert link.is_symlink()
    assert (tmp_path / "journal").is_file()


@pytest.mark.parametrize("options", OPTIONS[1:], ids=["texts", "headers"])
def test_what_a_job_asks_for_is_still_done_after_a_restart(start, options: JobOptions) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS, "", options))
    before = run.claim()

    for _ in range(2):
        run = start()
        lease = run.claim()
        assert lease.options == before.options
        assert lease.options is not None
        assert run.table.by_id["j"].asked.options == options


def test_headers_for_sources_are_kept_where_only_the_service_reads_them(
    start, tmp_path: Path
) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS, "", OPTIONS[2]))

    assert b"s3cret" in (tmp_path / "journal").read_bytes()
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_timelines_begin_anew_with_a_restart(start, clock: Clocks) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS))
    run.upload("a")

    run = start()
    clock.now += 50.0
    run.claim()

    changes = run.table.changes(ChangesWanted("j"))
    assert changes is not None
    rows = [
        list(read_timeline(changes.timelines[at * TIMELINE_BYTES : (at + 1) * TIMELINE_BYTES]))
        for at in range(3)
    ]
    assert [len(events) for events in rows] == [0, 1, 0]
    assert rows[1][0].seconds >= 50.0, "still counted from when the job came in"


def test_a_journal_from_before_there_were_options_is_read() -> None:
    table = JobTable()
    replay(
        [
            ["opened", "j", "", 0.0, list(URLS)],
            ["complete", "j", 0, ["link", "hash"], None],
        ],
        table,
    )
    (record, _) = state_records(table)
    kept = {name: value for name, value in record[2].items() if name not in NEW_FIELDS}
    old = JobTable()

    replay([["job", "j", kept]], old)

    assert old.by_id["j"].asked.options is NO_OPTIONS
    assert list(old.by_id["j"].links) == [0]


# --- more than there is memory for --------------------------------------------------------------


def test_of_a_journal_beyond_the_memory_the_oldest_complete_jobs_are_dropped(start) -> None:
    run = start()
    for number in range(100):
        run.mailbox.put(Submission(f"j{number}", URLS, "anna"))
        for index in range(len(URLS)):
            run.upload(f"{number}-{index}")
    run.mailbox.put(Submission("open", URLS, "bob"))
    small = MailboxLimits(state_bytes=run.table.size // 2)

    for run in (start(small), start(small), start()):  # what was dropped is not in it any more
        assert run.table.size <= small.state_bytes
        assert run.table.unfinished() == {"open": 3}
        left = [job_id for job_id, job in run.table.by_id.items() if job.finished is not None]
        assert 20 < len(left) < 80
        assert left == [f"j{number}" for number in range(100 - len(left), 100)]
        assert len(run.table.links(0, 1000, "anna")) == 300, "their links stay"


def test_records_of_jobs_that_were_dropped_make_sense(start) -> None:
    run = start()
    run.mailbox.put(Submission("j", URLS[:1]))
    run.upload("a")
    run.mailbox.delete_image("j", 0)
    (deletion,) = run.mailbox.claim("w", 0, 1).leases
    run.mailbox.ack("w", Report(deletion.token, Done()))
    run.mailbox.put(Submission("k", URLS))
    run = start(MailboxLimits(state_bytes=4_000))
    assert list(run.table.unfinished()) == ["k"]
    assert list(run.table.by_id) == ["k"]
    assert not any(run.table.links(0, 10)), "the image is deleted"


def test_one_line_tells_what_was_dropped(start, tmp_path: Path, clock: Clocks) -> None:
    run = start()
    for number in range(10):
        run.mailbox.put(Submission(f"j{number}", URLS[:1]))
        run.upload(f"{number}")
    run.journal.close()
    table = JobTable(clock.wall, clock, 20_000)
    recovery = Recovery(table, Mailbox(table, MailboxLimits(), clock))
    recovery.restore(str(tmp_path / "journal"), LogConfig("json", "INFO"))
    read, dropped = table.lines
    recovery.close()
    assert "dropped" in dropped.event
    assert dropped.fields["dropped_jobs"] + read.fields["jobs"] == 10
    assert dropped.fields["dropped_jobs"] > 4

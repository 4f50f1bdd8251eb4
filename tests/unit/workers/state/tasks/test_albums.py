"""Albums that jobs ask for: created first, filled, ordered, deleted; over restarts too."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.job_options import JobOptions, NewAlbum
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.albums import AlbumCreated, AlbumState, AlbumStatus, AlbumStep
from workers.contract.messages.jobs import ChangesWanted
from workers.contract.messages.outcomes import (
    Deferred,
    Done,
    Failed,
    ImageDetails,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import Lease, Report
from workers.contract.messages.submission import Submission
from workers.contract.messages.tasks import DeletionRefusal, DeletionState, TaskKind
from workers.state.jobs.job_records import opened_record
from workers.state.jobs.job_table import JobTable
from workers.state.journal.recovery import load
from workers.state.journal.repair import repair_journal
from workers.state.journal.replay import replay, state_records
from workers.state.tasks.task_store import TaskStore

ASKED = NewAlbum("Holiday", None, "hidden", None)
KNOWN = ImageDetails(deduplicated=True)
OPTIONS = JobOptions(album=ASKED)
CREATED = AlbumCreated("aBc", "https://imgur.com/a/aBc", "s3cret")
EMPTY = Failed("empty", "Nothing came.")
W = "w"


class Run:
    """One life of the state, over a journal."""

    def __init__(self, path: Path, *, upload_again: bool = True) -> None:
        self.now = 100.0
        self.table = JobTable(lambda: 1_700_000_000.0 + self.now, lambda: self.now)
        self.journal, _ = load(path, self.table)
        self.table.resume(self.journal)
        limits = MailboxLimits(upload_again=upload_again)
        self.box = Mailbox(self.table, limits, lambda: self.now)
        self.box.restore()
        self.found = self.box.tend()
        self.box.register(W)

    def put(self, job_id: str = "j", count: int = 3) -> None:
        urls = tuple(f"https://s.test/{number}" for number in range(count))
        assert self.box.put(Submission(job_id, urls, options=OPTIONS)) is None

    def claim(self, count: int = 50) -> tuple[Lease, ...]:
        return self.box.claim(W, 0, count).leases

    def album_task(self, step: AlbumStep) -> Lease:
        (lease,) = self.claim()
        assert lease.kind is TaskKind.ALBUM
        assert lease.album is not None
        assert lease.album.step is step
        return lease

    def report(self, lease: Lease, outcome: Outcome) -> None:
        assert self.box.ack(W, Report(lease.token, outcome)).accepted

    def create(self, outcome: Outcome = CREATED) -> None:
        self.report(self.album_task(AlbumStep.CREATE), outcome)

    def work(self, *fails: int) -> list[Lease]:
        """All images, the last one first; some fail."""
        leases = [lease for lease in self.claim() if lease.kind is TaskKind.IMAGE]
        for lease in reversed(leases):
            name = f"{lease.job_id}-{lease.index}"
            image = Uploaded(f"https://i.imgur.com/{name}.jpg", f"hash-{name}")
            self.report(lease, EMPTY if lease.index in fails else image)
        return leases

    def order(self, outcome: Outcome | None = None) -> tuple[str, ...]:
        lease = self.album_task(AlbumStep.ORDER)
        self.report(lease, outcome or Done())
        assert lease.album is not None
        return lease.album.deletehashes

    def album(self, job_id: str = "j") -> AlbumStatus:
        changes = self.table.changes(ChangesWanted(job_id))
        assert changes is not None
        assert changes.album is not None
        return changes.album

    def version(self, job_id: str) -> int:
        changes = self.table.changes(ChangesWanted(job_id))
        assert changes is not None
        return changes.latest

    def crash(self) -> None:
        self.box.fence(W)
        self.box.register(W)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start the state from the journal; a second start kills the first."""
    runs: list[Run] = []

    def start_run(*, upload_again: bool = True) -> Run:
        if runs:
            runs[-1].journal.close()
        runs.append(Run(tmp_path / "journal", upload_again=upload_again))
        return runs[-1]

    yield start_run
    runs[-1].journal.close()


@pytest.fixture
def run(start: Callable[..., Run]) -> Run:
    return start()


def test_nothing_is_handed_out_before_the_album_is_created(run: Run) -> None:
    run.put()
    lease = run.album_task(AlbumStep.CREATE)
    assert lease.album is not None
    assert lease.album.asked == ASKED
    assert run.claim() == ()
    assert run.album() == AlbumStatus(AlbumState.PENDING)

    run.report(lease, CREATED)

    assert run.album() == AlbumStatus(AlbumState.CREATED, "aBc", "https://imgur.com/a/aBc")
    options = {lease.options for lease in run.work()}
    assert [one and one.job.album for one in options] == ["s3cret"]


def test_other_jobs_go_on_meanwhile(run: Run) -> None:
    run.put()
    run.album_task(AlbumStep.CREATE)
    run.box.put(Submission("other", ("https://s.test/a",)))
    assert [lease.job_id for lease in run.claim()] == ["other"]


def test_images_are_ordered_as_submitted_and_failures_leave_no_gap(run: Run) -> None:
    run.put(count=5)
    run.create()
    run.work(1, 3)
    assert run.order() == ("hash-j-0", "hash-j-2", "hash-j-4")
    assert run.album().state is AlbumState.ORDERED
    assert run.claim() == ()


def test_images_of_a_retry_take_their_places(run: Run) -> None:
    run.put(count=6)
    run.create()
    run.work(0, 2, 4)
    run.order()
    run.box.retry("j", "", "k")
    assert run.album("j").state is AlbumState.ORDERED
    version = run.version("j")
    assert [lease.index for lease in run.work(1)] == [0, 1, 2]
    assert run.album("k").state is run.album("j").state is AlbumState.CREATED
    assert run.version("j") > version, "its readers see that the order is to be made anew"
    assert run.order() == ("hash-k-0", "hash-j-1", "hash-j-3", "hash-k-2", "hash-j-5")
    run.box.retry("k", "", "l")
    assert [lease.target for lease in run.work()] == ["https://s.test/2"]
    assert run.order()[2] == "hash-l-0"
    assert run.album("l") == run.album("k") == run.album("j")


def test_an_order_under_way_is_not_the_last_word(run: Run) -> None:
    run.put()
    run.create()
    run.work(1)
    lease = run.album_task(AlbumStep.ORDER)
    run.box.retry("j", "", "k")
    run.work()
    run.report(lease, Done())
    assert run.order() == ("hash-j-0", "hash-k-0", "hash-j-2")


def test_the_same_image_twice_is_in_the_album_once(run: Run) -> None:
    run.put(count=2)
    run.create()
    first, second = run.claim()
    run.report(second, Uploaded("https://i.imgur.com/a.jpg", "hash"))
    run.report(first, Uploaded("https://i.imgur.com/a.jpg", "", details=KNOWN))
    assert run.order() == ("hash",)


def test_an_image_that_was_deleted_is_not_put_back(run: Run) -> None:
    run.put()
    run.create()
    run.work(2)
    run.order()
    run.box.delete_image("j", 0)
    (lease,) = run.claim()
    run.report(lease, Done())
    run.box.retry("j", "", "k")
    run.work()
    assert run.order() == ("hash-j-1", "hash-k-0")


def test_a_job_without_images_orders_nothing(run: Run) -> None:
    run.put()
    run.create()
    run.work(0, 1, 2)
    assert run.claim() == ()
    assert run.album().state is AlbumState.ORDERED, "a client may wait for it"
    run.box.retry("j", "", "k")
    assert run.album().state is AlbumState.CREATED
    run.work()
    assert run.album().state is AlbumState.CREATED
    assert len(run.order()) == 3
    assert run.album().state is AlbumState.ORDERED


def test_an_order_that_fails_is_told_and_the_album_stays(run: Run) -> None:
    run.put()
    run.create()
    run.work()
    run.order(Failed("imgur-bad-answer", "In another order."))
    assert run.album() == AlbumStatus(
        AlbumState.CREATED,
        "aBc",
        "https://imgur.com/a/aBc",
        "imgur-bad-answer",
        "In another order.",
    )
    assert run.claim() == ()


def test_without_an_album_all_urls_fail_and_a_retry_creates_it(run: Run) -> None:
    run.put(count=2500)
    run.create(Failed("imgur-refused", "Imgur did not create the album."))
    # Not while the worker waits that reported it: a larger job may take longer than it waits.
    assert run.table.unfinished() == {"j": 2500}
    *ends, last = run.box.tend()
    changes = run.table.changes(ChangesWanted("j"))
    assert changes is not None
    assert (changes.failed, changes.pending) == (2500, 0)
    reason, message = changes.errors[0]
    assert reason == "album-failed"
    assert message.endswith("Imgur did not create the album.")
    assert [end.event for end in ends] == ["image failed"] * 100
    assert last.event == "job complete"
    assert run.album().state is AlbumState.FAILED
    assert run.box.stats().queued == 0
    run.box.retry("j", "", "k")
    run.create()
    assert run.work()
    assert run.album("j").state is AlbumState.CREATED


def test_a_job_cancelled_at_once_needs_no_album(run: Run) -> None:
    run.put()
    run.box.cancel("j", "")
    assert run.claim() == ()
    assert run.album().reason == "cancelled"
    run.box.retry("j", "", "k")
    run.create()
    assert len(run.work()) == 3


def test_a_job_cancelled_while_its_album_is_created(run: Run) -> None:
    run.put()
    lease = run.album_task(AlbumStep.CREATE)
    run.box.cancel("j", "")
    run.report(lease, CREATED)
    assert run.album().state is AlbumState.ORDERED
    assert run.claim() == ()


def test_a_wait_that_imgur_asks_for_is_no_attempt(run: Run) -> None:
    run.put()
    run.create(Deferred("imgur-rate-limited", "Wait.", 30.0))
    assert run.claim() == ()
    run.now += 31
    lease = run.album_task(AlbumStep.CREATE)
    assert lease.attempt == 1
    run.report(lease, CREATED)
    assert not run.album().possibly_duplicated


def test_a_crash_creates_one_album_more_at_most_and_says_so(run: Run) -> None:
    run.put()
    run.album_task(AlbumStep.CREATE)
    run.crash()
    run.create()
    assert run.album().possibly_duplicated
    run.work()
    run.order()
    run.put("second")
    for _ in range(2):
        run.album_task(AlbumStep.CREATE)
        run.crash()
    assert run.album("second").state is AlbumState.FAILED
    assert run.album("second").reason == "upload-interrupted"
    run.box.tend()
    assert run.table.unfinished() == {}


def test_a_lost_answer_may_have_created_one(run: Run) -> None:
    run.put()
    run.create(RetryLater("imgur-timeout", "Lost.", 1.0, maybe_stored=True))
    assert run.album().reason == "imgur-timeout"
    run.now += 2
    run.create()
    assert run.album().possibly_duplicated
    assert run.album().reason is None


def test_a_crash_with_an_order_is_harmless(run: Run) -> None:
    run.put()
    run.create()
    run.work()
    run.album_task(AlbumStep.ORDER)
    run.crash()
    assert len(run.order()) == 3
    assert not run.album().possibly_duplicated


@pytest.mark.parametrize("step", [AlbumStep.ORDER, AlbumStep.DELETE])
def test_a_step_that_kills_its_workers_is_given_up(run: Run, step: AlbumStep) -> None:
    run.put()
    run.create()
    run.work()
    if step is AlbumStep.DELETE:
        run.order()
        run.box.delete_album("j")
    for _ in range(3):
        run.album_task(step)
        run.crash()
    assert run.claim() == ()
    album = run.album()
    reason = album.reason if step is AlbumStep.ORDER else album.deletion and album.deletion.reason
    assert reason == "worker-crashed"


# --- deletion -----------------------------------------------------------------------------------


def test_an_album_is_deleted_once(run: Run) -> None:
    run.put()
    run.create()
    assert run.box.delete_album("j") is DeletionRefusal.JOB_UNFINISHED
    run.work()
    run.order()
    assert run.box.delete_album("j") is None
    assert run.box.delete_album("j") is DeletionRefusal.ALBUM_ALREADY_DELETED
    lease = run.album_task(AlbumStep.DELETE)
    assert lease.album is not None
    assert lease.album.name == "s3cret"
    run.report(lease, Done())
    deletion = run.album().deletion
    assert deletion is not None
    assert deletion.state is DeletionState.DONE
    assert run.box.delete_album("j") is DeletionRefusal.ALBUM_ALREADY_DELETED
    assert run.claim() == ()


def test_a_deletion_has_all_its_attempts_beside_an_order_that_is_tried_again(run: Run) -> None:
    run.put()
    run.create()
    run.work()
    for attempt in (1, 2):
        lease = run.album_task(AlbumStep.ORDER)
        assert lease.attempt == attempt
        run.report(lease, RetryLater("imgur-error", "Down.", 1.0))
        run.now += 1.0
    run.box.delete_album("j")

    assert run.album_task(AlbumStep.DELETE).attempt == 1


def test_a_deletion_that_fails_may_be_asked_for_again(run: Run) -> None:
    run.put()
    run.create()
    run.work()
    run.order()
    run.box.delete_album("j")
    run.report(run.album_task(AlbumStep.DELETE), Failed("imgur-forbidden", "No."))
    assert run.box.delete_album("j") is None


def test_what_has_no_album_to_delete(run: Run) -> None:
    run.box.put(Submission("plain", ("https://s.test/1",), "anna"))
    run.put()
    assert run.box.delete_album("plain", "anna") is DeletionRefusal.ALBUM_NOT_FOUND
    assert run.box.delete_album("plain") is DeletionRefusal.JOB_NOT_FOUND
    run.box.cancel("j", "")
    assert run.box.delete_album("j") is DeletionRefusal.ALBUM_NOT_CREATED


def test_a_retry_after_the_deletion_has_an_album_of_its_own(run: Run) -> None:
    run.put()
    run.create()
    run.work(1)
    run.order()
    run.box.delete_album("j")
    run.report(run.album_task(AlbumStep.DELETE), Done())
    run.box.retry("j", "", "k")
    run.create(AlbumCreated("new", "https://imgur.com/a/new", "other"))
    run.work()
    assert run.order() == ("hash-k-0",)
    assert run.album("k").album_id == "new"


# --- restarts -----------------------------------------------------------------------------------


def test_an_album_survives_a_restart_at_every_step(start: Callable[..., Run]) -> None:
    run = start()
    run.put(count=4)
    run = start()
    run.create()
    before = run.album()
    run = start()
    assert run.album() == before
    run.work(2)
    run = start()
    run = start()  # from the shortest journal
    assert run.order() == ("hash-j-0", "hash-j-1", "hash-j-3")
    run = start()
    assert run.claim() == ()
    run.box.retry("j", "", "k")
    run = start()
    assert {lease.options and lease.options.job.album for lease in run.claim()} == {"s3cret"}
    run.crash()
    run.work()
    run = start()
    assert run.order() == ("hash-j-0", "hash-j-1", "hash-k-0", "hash-j-3")
    run.box.delete_album("k")
    run = start()
    run.report(run.album_task(AlbumStep.DELETE), Done())
    before = run.album()
    run = start()
    assert run.album() == before
    assert run.claim() == ()


def test_the_shortest_journal_says_the_same(start: Callable[..., Run]) -> None:
    run = start()
    run.put()
    run.create()
    run.work(1)
    run.order()
    run.box.retry("j", "", "k")
    run.work()
    records = list(state_records(run.table))
    run = start()
    assert list(state_records(run.table)) == records


def test_a_restart_creates_one_album_more_at_most(start: Callable[..., Run]) -> None:
    run = start()
    run.put()
    run.album_task(AlbumStep.CREATE)
    run = start()
    run.album_task(AlbumStep.CREATE)
    run = start()
    assert [line.event for line in run.found if line.logger == "tasks"] == ["task failed"]
    assert run.album().reason == "upload-interrupted"
    assert run.table.unfinished() == {}
    assert run.claim() == ()


@pytest.mark.parametrize("restart", [True, False])
def test_none_more_where_crashed_uploads_fail(start: Callable[..., Run], *, restart: bool) -> None:
    run = start(upload_again=False)
    run.put()
    run.album_task(AlbumStep.CREATE)
    if restart:
        run = start(upload_again=False)
    else:
        run.crash()
    assert run.album().state is AlbumState.FAILED
    run.box.tend()
    assert run.table.unfinished() == {}


def test_urls_that_were_failing_at_a_restart_fail(start: Callable[..., Run]) -> None:
    run = start()
    run.put()
    with TaskStore(run.table).album("j") as album:
        assert album is not None
        album.lease()
        album.settle(Failed("imgur-refused", "No."))
    run = start()
    assert run.table.unfinished() == {}
    assert start().album().reason == "imgur-refused"


def test_a_repaired_journal_that_lacks_a_failure_keeps_the_places(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    run = start()
    run.put()
    run.create()
    run.work(0, 1)
    run.order()
    run.box.retry("j", "", "k")
    run.journal.close()
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    lost = [line for line in lines if b'["failed","j",0' in line]
    (tmp_path / "journal").write_bytes(b"".join(lines).replace(lost[0], b"lost\n"))
    assert repair_journal(str(tmp_path / "journal")).lost_records == 1

    run = start()
    run.work()
    assert len(run.order()) == 3


def test_an_album_outlives_the_job_that_asked_for_it(start: Callable[..., Run]) -> None:
    run = start()
    run.put()
    run.create()
    run.work(0)
    run.order()
    run.box.retry("j", "", "k")
    assert run.table.evict(-1) == 1
    run = start()
    run = start()
    assert run.table.overview("j", "") is None
    run.work()
    assert run.order() == ("hash-k-0", "hash-j-1", "hash-j-2")


def test_a_retry_makes_no_room_by_the_job_whose_album_it_fills(run: Run) -> None:
    run.put(count=30)
    run.create()
    run.work(0)
    run.order()
    run.table.max_bytes = run.table.size

    run.box.retry("j", "", "k")

    run.work()
    assert run.order()[0] == "hash-k-0"
    assert run.table.evict(-1) == 2


def test_a_retry_that_the_disk_did_not_confirm_is_not_waited_for(start: Callable[..., Run]) -> None:
    run = start()
    run.put()
    run.create()
    run.work(0)
    run.order()
    retry = run.table.failed_of("j", "k", None)
    assert retry is not None
    run.journal.append(opened_record(retry, 1.0))
    run.journal.append(["forgotten", ["k"]])

    run = start()

    assert run.box.delete_album("j") is None
    run.album_task(AlbumStep.DELETE)


def retried(run: Run, times: int = 2) -> None:
    """A job, one of whose URLs fails again and again."""
    run.put()
    run.create()
    run.work(0)
    run.order()
    for number in range(times):
        run.box.retry(f"k{number - 1}" if number else "j", "", f"k{number}")
        run.work(0)


def test_a_retry_that_fails_changes_nothing_in_the_other_jobs_of_the_album(run: Run) -> None:
    retried(run, 1)
    before = run.version("j")
    run.box.retry("k0", "", "k1")
    run.work(0)
    assert run.version("j") == before
    run.box.retry("k1", "", "k2")
    run.work()
    assert run.album().state is AlbumState.CREATED
    assert run.version("j") > before


def test_a_compact_journal_has_the_images_of_an_album_once(run: Run) -> None:
    retried(run)
    whole = [record[2]["album"][2] for record in state_records(run.table) if record[0] == "job"]
    assert [len(album["images"]) for album in whole] == [2, 0, 0]
    assert {album["album"][0] for album in whole} == {"aBc"}


def test_no_image_of_an_album_goes_with_a_job_that_there_is_no_memory_for(run: Run) -> None:
    retried(run)
    run.box.retry("k1", "", "k2")
    table = JobTable()
    for record in state_records(run.table):
        replay([record], table)
        table.make_room(0)
    table.resume(run.journal)
    assert list(table.by_id) == ["k2"]
    assert set(table.albums["j"].images) == {1, 2}
    assert not table.read_albums


def test_a_repaired_journal_keeps_the_images_whose_jobs_it_has(run: Run) -> None:
    retried(run, 1)
    run.box.retry("k0", "", "k1")
    run.work()
    run.order()
    table = JobTable()
    replay([record for record in state_records(run.table) if record[1] != "j"], table)
    assert table.albums["j"].images == {0: ("https://i.imgur.com/k1-0.jpg", "hash-k1-0")}


def test_a_job_with_an_album_task_is_not_forgotten(run: Run) -> None:
    run.put()
    run.create()
    run.work()
    assert run.table.evict(-1) == 0
    run.order()
    assert run.table.evict(-1) == 1


def test_secrets_are_not_shown(run: Run) -> None:
    run.put()
    run.create()
    run.work()
    lease = run.album_task(AlbumStep.ORDER)
    status = run.album()
    with TaskStore(run.table).album("j", changes=False) as album:
        shown = repr((lease, album, status, CREATED))
    assert "s3cret" not in shown
    assert "hash-j" not in shown

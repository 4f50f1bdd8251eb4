import tracemalloc

import pytest

from tests.clock import Clock
from tests.job_snapshot import snapshot_of
from workers.contract.messages.jobs import ImageState, JobStatus
from workers.contract.messages.outcomes import Failed, Uploaded
from workers.contract.messages.submission import RequestKey, Submission
from workers.state.jobs.job_table import JobTable

URLS = ("https://s.test/0", "https://s.test/1", "https://s.test/2")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def table(clock: Clock) -> JobTable:
    table = JobTable(clock)
    table.open(Submission("j", URLS))
    return table


def uploaded(name: str) -> Uploaded:
    return Uploaded(f"https://i.imgur.com/{name}.jpg", f"delete-{name}")


EMPTY = Failed("empty", "Nothing came.")


def test_an_opened_job_is_pending(table: JobTable, clock: Clock) -> None:
    snapshot = snapshot_of(table, "j")

    assert snapshot is not None
    assert (snapshot.job_id, snapshot.status, snapshot.urls) == ("j", JobStatus.PENDING, URLS)
    assert (snapshot.created, snapshot.finished) == (clock.now, None)
    assert [result.state for result in snapshot.results()] == [ImageState.PENDING] * 3
    assert {result.attempts for result in snapshot.results()} == {0}


def test_an_unknown_job_has_no_snapshot(table: JobTable) -> None:
    assert snapshot_of(table, "other") is None


@pytest.mark.parametrize(
    ("submission", "sentence"),
    [
        pytest.param(Submission("j", URLS), "exists already", id="id taken"),
        pytest.param(Submission("k", ()), "at least one", id="no URLs"),
    ],
)
def test_open_refuses(table: JobTable, submission: Submission, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        table.open(submission)

    assert table.unfinished() == {"j": 3}


def test_the_first_attempt_starts_the_job(table: JobTable) -> None:
    assert table.begin("j", 1) == 1
    assert table.begin("j", 1) == 2

    snapshot = snapshot_of(table, "j")
    assert snapshot is not None
    assert snapshot.status is JobStatus.IN_PROGRESS
    assert list(snapshot.attempts) == [0, 2, 0]


def test_attempts_stop_counting_at_a_byte(table: JobTable) -> None:
    counted = [table.begin("j", 0) for _ in range(300)]

    assert counted[253:] == [254] + [255] * 46


class TestInterrupt:
    def test_tells_why_and_counts(self, table: JobTable) -> None:
        table.begin("j", 0)
        table.interrupt("j", 0, "source-error", "Busy.", count=True)

        snapshot = snapshot_of(table, "j")
        assert snapshot is not None
        result = next(snapshot.results())
        assert (result.state, result.reason, result.message, result.attempts) == (
            ImageState.PENDING,
            "source-error",
            "Busy.",
            1,
        )
        assert snapshot.status is JobStatus.IN_PROGRESS

    def test_takes_back_an_attempt_that_was_not_the_urls_fault(self, table: JobTable) -> None:
        table.begin("j", 0)
        table.interrupt("j", 0, "imgur-rate-limited", "Wait.", count=False)

        assert table.begin("j", 0) == 1

    def test_leaves_what_is_final_alone(self, table: JobTable) -> None:
        table.begin("j", 0)
        table.record("j", 0, uploaded("a"))
        before = snapshot_of(table, "j")

        table.interrupt("j", 0, "worker-crashed", "It died.", count=False)

        assert snapshot_of(table, "j") == before


class TestRecord:
    def test_an_upload_is_complete_with_its_link(self, table: JobTable) -> None:
        table.begin("j", 2)
        table.interrupt("j", 2, "source-error", "Busy.", count=True)
        table.begin("j", 2)

        assert table.record("j", 2, uploaded("a")) is None

        snapshot = snapshot_of(table, "j")
        assert snapshot is not None
        result = list(snapshot.results())[2]
        assert (result.state, result.link) == (ImageState.COMPLETE, "https://i.imgur.com/a.jpg")
        assert (result.reason, result.message, result.attempts) == (None, None, 2)

    def test_a_failure_says_why(self, table: JobTable) -> None:
        assert table.record("j", 1, EMPTY) is None

        snapshot = snapshot_of(table, "j")
        assert snapshot is not None
        result = list(snapshot.results())[1]
        assert (result.state, result.link) == (ImageState.FAILED, None)
        assert (result.reason, result.message) == ("empty", "Nothing came.")

    @pytest.mark.parametrize(
        ("first", "then"),
        [
            pytest.param(uploaded("a"), EMPTY, id="complete, then failed"),
            pytest.param(EMPTY, uploaded("a"), id="failed, then complete"),
            pytest.param(uploaded("a"), uploaded("b"), id="complete twice"),
        ],
    )
    def test_what_is_final_stays(
        self, table: JobTable, first: Uploaded | Failed, then: Uploaded | Failed
    ) -> None:
        table.record("j", 0, first)
        before = (snapshot_of(table, "j"), table.links(0, 10), table.unfinished())

        assert table.record("j", 0, then) is None

        assert (snapshot_of(table, "j"), table.links(0, 10), table.unfinished()) == before

    @pytest.mark.parametrize(
        ("results", "complete"),
        [
            pytest.param([uploaded("a"), uploaded("b"), uploaded("c")], 3, id="all complete"),
            pytest.param([EMPTY, EMPTY, EMPTY], 0, id="all failed"),
            pytest.param([uploaded("a"), uploaded("b"), EMPTY], 2, id="the last one failed"),
            pytest.param([EMPTY, uploaded("b"), uploaded("c")], 2, id="the last one complete"),
        ],
    )
    def test_the_last_result_finishes_the_job(
        self, table: JobTable, clock: Clock, results: list[Uploaded | Failed], complete: int
    ) -> None:
        created = clock.now
        summaries = []
        for index, result in enumerate(results):
            clock.now += 1.5
            snapshot = snapshot_of(table, "j")
            assert snapshot is not None
            assert snapshot.finished is None
            summaries.append(table.record("j", index, result))

        assert summaries[:2] == [None, None]
        summary = summaries[2]
        assert summary is not None
        counts = {"complete": complete, "failed": 3 - complete}
        assert summary.fields == {"job_id": "j", **counts, "seconds": 4.5}
        snapshot = snapshot_of(table, "j")
        assert snapshot is not None
        assert (snapshot.status, snapshot.finished) == (JobStatus.COMPLETE, created + 4.5)
        assert table.unfinished() == {}

    def test_a_clock_set_back_does_not_end_a_job_before_it_began(
        self, table: JobTable, clock: Clock
    ) -> None:
        created = clock.now
        clock.now -= 3600
        for index in range(3):
            table.record("j", index, EMPTY)

        snapshot = snapshot_of(table, "j")
        assert snapshot is not None
        assert snapshot.finished == created


class TestLinks:
    def test_come_in_order_of_completion_over_all_jobs(self, table: JobTable) -> None:
        table.open(Submission("k", URLS))
        table.record("k", 2, uploaded("first"))
        table.record("j", 1, EMPTY)
        table.record("j", 0, uploaded("second"))

        assert table.links(0, 10) == (
            "https://i.imgur.com/first.jpg",
            "https://i.imgur.com/second.jpg",
        )

    def test_come_in_pages(self, table: JobTable) -> None:
        for index, name in enumerate("abc"):
            table.record("j", index, uploaded(name))

        pages = [table.links(start, 2) for start in (0, 2, 4)]

        assert [len(page) for page in pages] == [2, 1, 0]
        assert pages[0] + pages[1] == table.links(0, 3)


def test_a_snapshot_does_not_change_afterwards(table: JobTable) -> None:
    table.record("j", 0, uploaded("a"))
    snapshot = snapshot_of(table, "j")
    assert snapshot is not None
    as_it_was = list(snapshot.results())

    table.record("j", 1, uploaded("b"))
    table.record("j", 2, EMPTY)

    assert list(snapshot.results()) == as_it_was


def test_no_delete_hash_leaves_the_table(table: JobTable) -> None:
    table.record("j", 0, uploaded("a"))

    assert "delete-a" not in repr(snapshot_of(table, "j"))


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(lambda n: uploaded(f"{n:07d}"), id="all complete"),
        pytest.param(lambda n: Failed("not-an-image", f"What came is text, {n}."), id="all failed"),
    ],
)
@pytest.mark.unmeasured
def test_a_url_takes_less_than_a_kilobyte(result) -> None:  # type: ignore[no-untyped-def] # a lambda
    count = 4_000
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        table = JobTable()
        table.open(
            Submission("j", tuple(f"https://source.test/images/{n}.jpg" for n in range(count)))
        )
        for index in range(count):
            table.begin("j", index)
            table.record("j", index, result(index))
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert table.unfinished() == {}
    assert used / count < 1000, f"{used / count:.0f} bytes a URL"


class TestOwners:
    def test_see_their_own_jobs_and_links_only(self, table: JobTable) -> None:
        for owner in ("ann", "bob"):
            table.open(Submission(owner, ("https://source.test/a.jpg",), owner))
            table.record(owner, 0, Uploaded(f"https://i.imgur.com/{owner}.jpg", "hash"))

        assert snapshot_of(table, "ann", "ann") is not None
        assert snapshot_of(table, "ann", "bob") is None
        assert snapshot_of(table, "ann") is None
        assert table.links(0, 10, "ann") == ("https://i.imgur.com/ann.jpg",)
        assert table.links(0, 10) == ()


class TestEviction:
    def finish(self, table: JobTable, job_id: str) -> None:
        table.open(Submission(job_id, ("https://source.test/a.jpg",)))
        table.record(job_id, 0, Uploaded(f"https://i.imgur.com/{job_id}.jpg", "hash"))

    def test_forgets_finished_jobs_by_their_age(self) -> None:
        now = 0.0
        table = JobTable(clock=lambda: now)
        self.finish(table, "old")
        table.open(Submission("open", ("https://source.test/a.jpg",)))
        now = 50.0
        self.finish(table, "young")

        assert table.evict(100.0) == 0
        now = 100.0
        assert table.evict(100.0) == 1
        assert snapshot_of(table, "old") is None
        assert snapshot_of(table, "young") is not None
        now = 1e9
        assert table.evict(100.0) == 1
        assert snapshot_of(table, "open") is not None

    def test_a_forgotten_job_is_kept_nowhere(self) -> None:
        table = JobTable(clock=lambda: 0.0)
        for job_id in ("a", "b", "c"):
            self.finish(table, job_id)
        # As a restart reads it: others have chosen the jobs.
        table.forget(["c", "a"])
        assert list(table.finished[""]) == ["b"]
        assert table.evict(0.0) == 1

    def test_leaves_a_later_job_its_key(self) -> None:
        """As in a repaired journal that lacks the end of the first one."""
        table = JobTable(clock=lambda: 0.0)
        for job_id in ("a", "b"):
            request = RequestKey("key", "digest")
            table.open(Submission(job_id, ("https://source.test/a.jpg",), request=request))
        table.forget(["a"])
        assert table.request("", "key") == ("b", "digest")
        table.forget(["b"])
        assert table.request("", "key") is None

    def test_keeps_the_links(self) -> None:
        table = JobTable(clock=lambda: 0.0)
        self.finish(table, "j")
        assert table.evict(0.0) == 1
        assert table.links(0, 10) == ("https://i.imgur.com/j.jpg",)

    def test_keeps_up_with_any_number(self) -> None:
        table = JobTable(clock=lambda: 0.0)
        for number in range(2_345):
            self.finish(table, f"j{number}")
        table.open(Submission("open", ("https://source.test/a.jpg",)))
        assert [table.evict(0.0), table.evict(0.0)] == [2_345, 0]
        assert list(table.unfinished()) == ["open"]

"""Readers that follow a job by its changes see what there is, whenever they began."""

import dataclasses

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tests.job_snapshot import JobSnapshot
from workers.contract.messages.jobs import (
    CHANGES_A_CALL_BYTES,
    ChangesWanted,
    JobChanges,
    JobStatus,
)
from workers.contract.messages.outcomes import Failed, Uploaded
from workers.contract.messages.submission import Submission
from workers.state.jobs.job_table import JobTable

URLS = tuple(f"https://s.test/{number}" for number in range(6))
EMPTY = Failed("empty", "Nothing came.")


class Reader:
    """Follows one job, a call at a time."""

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self.seen = JobSnapshot()
        self.version, self.known = 0, None
        self.calls: list[JobChanges] = []

    def step(self, limit: int) -> bool:
        changes = self._table.changes(
            ChangesWanted("j", self.version, known=self.known, limit=limit)
        )
        assert changes is not None
        self.calls.append(changes)
        self.seen = self.seen.apply(changes)
        self.version, self.known = changes.version, changes.known
        return changes.is_current

    def catch_up(self, limit: int = 2) -> JobSnapshot:
        while not self.step(limit):
            pass
        return self.seen


def kept(table: JobTable) -> JobSnapshot:
    """The job as the table keeps it, not by way of its log."""
    job = table.by_id["j"]
    return JobSnapshot(
        "j",
        job.status,
        job.created,
        job.finished,
        job.asked.urls,
        job.states,
        job.attempts,
        job.links,
        job.errors,
        job.details,
    )


@pytest.fixture
def table() -> JobTable:
    table = JobTable(lambda: 1.0)
    table.open(Submission("j", URLS))
    return table


indexes = st.integers(0, len(URLS) - 1)
writing = st.one_of(
    st.tuples(st.just("begin"), indexes),
    st.tuples(st.just("begin_upload"), indexes),
    st.tuples(st.just("put off"), indexes),
    st.tuples(st.just("put back"), indexes),
    st.tuples(st.just("break off"), indexes),
    st.tuples(st.just("upload"), indexes),
    st.tuples(st.just("fail"), indexes),
)
reading = st.tuples(st.just("read"), st.integers(0, 2), st.integers(1, 4))


def write(table: JobTable, what: str, index: int) -> None:
    match what:
        case "begin":
            table.begin("j", index)
        case "begin_upload":
            table.begin_upload("j", index)
        case "put off":
            table.interrupt("j", index, "source-error", f"Busy {index}.", count=True)
        case "put back":
            table.interrupt("j", index, "imgur-rate-limited", "Wait.", count=False)
        case "break off":
            table.interrupt("j", index, "worker-crashed", "!", count=False, maybe_stored=True)
        case "upload":
            table.record("j", index, Uploaded(f"https://i.imgur.test/{index}", "hash"))
        case "fail":
            table.record("j", index, EMPTY)


@pytest.mark.unmeasured
@settings(max_examples=150)
@given(steps=st.lists(writing | reading, max_size=60), max_entries=st.sampled_from([3, 1000]))
def test_changes_from_any_version_lead_to_what_there_is(
    steps: list[tuple[str, int] | tuple[str, int, int]], max_entries: int
) -> None:
    table = JobTable(lambda: 1.0)
    table.open(Submission("j", URLS))
    table.by_id["j"].log._max_entries = max_entries
    readers = [Reader(table) for _ in range(3)]
    for step in steps:
        if len(step) == 3:
            readers[step[1]].step(step[2])
        else:
            write(table, *step)
    for reader in readers:
        assert reader.catch_up() == kept(table)
    last = readers[0].calls[-1]
    states = bytes(kept(table).states)
    assert [last.pending, last.complete, last.failed] == [states.count(state) for state in range(3)]
    assert len({reader.version for reader in readers}) == 1


def test_a_first_look_tells_of_every_url_once_though_all_have_changed(table: JobTable) -> None:
    for index in range(len(URLS)):
        write(table, "begin", index)
        write(table, "upload", index)
    reader = Reader(table)
    reader.catch_up(limit=4)
    assert [len(call.indexes) for call in reader.calls] == [4, 2]
    assert [call.is_first for call in reader.calls] == [True, False]


def test_what_changes_during_a_first_look_is_told_after_it(table: JobTable) -> None:
    reader = Reader(table)
    reader.step(3)
    write(table, "fail", 0)
    write(table, "fail", 5)
    assert not reader.step(3), "the job has changed behind its back"
    assert reader.catch_up() == kept(table)
    assert list(reader.calls[-1].indexes) == [0, 5]


def test_later_only_the_changes_are_told(table: JobTable) -> None:
    reader = Reader(table)
    reader.catch_up()
    for _ in range(3):
        write(table, "begin", 4)
    write(table, "fail", 1)
    reader.step(100)
    changes = reader.calls[-1]
    assert (list(changes.indexes), changes.urls) == ([1, 4], ())
    assert (changes.states, changes.attempts) == (b"\2\0", b"\0\3")
    assert changes.errors == {1: ("empty", "Nothing came.")}
    assert changes.is_current


def test_nothing_new_is_the_same_version(table: JobTable) -> None:
    reader = Reader(table)
    reader.catch_up()
    before = reader.version
    reader.step(10)
    assert (reader.version, list(reader.calls[-1].indexes)) == (before, [])


def test_whatever_is_seen_has_a_version_of_its_own(table: JobTable) -> None:
    seen: dict[int, object] = {}
    for what in ("begin", "begin_upload", "break off", "begin", "begin_upload", "put off", "fail"):
        write(table, what, 2)
        changes = table.changes(ChangesWanted("j", 0, limit=100))
        assert changes is not None
        as_seen = dataclasses.replace(changes, version=0, latest=0)
        assert seen.setdefault(changes.latest, as_seen) == as_seen
    assert len(seen) >= 6


@pytest.mark.parametrize(
    "since",
    [
        pytest.param(lambda version: 0, id="none"),
        pytest.param(lambda version: version + 1, id="from the future"),
        pytest.param(lambda version: version - 1, id="from before its beginning"),
        pytest.param(lambda version: -version, id="negative"),
        pytest.param(lambda version: 3, id="another job's count"),
    ],
)
def test_a_version_that_is_not_the_jobs_begins_anew(table: JobTable, since) -> None:
    first = table.changes(ChangesWanted("j", 0))
    assert first is not None
    changes = table.changes(ChangesWanted("j", since(first.version)))
    assert changes is not None
    assert changes.is_first
    assert changes.urls == URLS


def test_a_version_of_before_a_restart_begins_anew(table: JobTable) -> None:
    before = Reader(table)
    before.catch_up()
    after = JobTable(lambda: 1.0)
    after.open(Submission("j", URLS))
    changes = after.changes(ChangesWanted("j", before.version))
    assert changes is not None
    assert changes.is_first


def test_a_url_put_back_for_ever_does_not_grow_the_log(table: JobTable) -> None:
    reader = Reader(table)
    reader.catch_up()
    log = table.by_id["j"].log
    for _ in range(5000):
        write(table, "begin", 0)
        write(table, "put back", 0)
    assert len(log._entries) <= 1024
    assert reader.catch_up(100) == kept(table)
    assert reader.calls[-1].status is JobStatus.IN_PROGRESS


def test_the_version_alone_is_asked_for_with_no_limit(table: JobTable) -> None:
    changes = table.changes(ChangesWanted("j", 0, limit=0))
    assert changes is not None
    assert (changes.urls, list(changes.indexes), changes.total) == ((), [], 6)
    write(table, "fail", 0)
    now = table.changes(ChangesWanted("j", 0, limit=0))
    assert now is not None
    assert now.latest == changes.latest + 1


@pytest.mark.parametrize(
    ("length", "calls"), [(1_000, 1), (CHANGES_A_CALL_BYTES // 2, 3), (2**21, 6)]
)
def test_long_urls_are_told_a_few_at_a_time(length: int, calls: int) -> None:
    """All threads of the state wait while a megabyte is pickled."""
    urls = tuple(url.ljust(length, "x") for url in URLS)
    table = JobTable()
    table.open(Submission("j", urls))
    reader = Reader(table)
    reader.known = 0
    reader.catch_up(limit=100)
    assert len(reader.calls) == calls
    assert reader.seen.urls == urls
    assert all(call.text_bytes == length * len(urls) for call in reader.calls)

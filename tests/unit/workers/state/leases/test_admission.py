"""The same request makes one job, and a job has one retry."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Failed, Outcome, Uploaded
from workers.contract.messages.round_trip import Report
from workers.contract.messages.submission import (
    Refusal,
    RefusalCode,
    Replay,
    RequestKey,
    Retry,
    Submission,
)
from workers.state.jobs.job_table import JobTable

EMPTY = Failed("empty", "Nothing came.")
DONE = Uploaded("https://i.imgur.com/a.jpg", "hash")
URLS = ("https://s.test/0", "https://s.test/1", "https://s.test/2")
PATIENCE = 60.0


class Harness:
    def __init__(self, max_open_urls: int = 100) -> None:
        self.now = 0.0
        self.table = JobTable(clock=lambda: self.now)
        limits = MailboxLimits(max_open_urls=max_open_urls)
        self.box = Mailbox(self.table, limits, lambda: self.now)
        self.box.register("w")

    def put(
        self, job_id: str, key: str | None = None, digest: str = "d", owner: str = ""
    ) -> Refusal | Replay | None:
        request = None if key is None else RequestKey(key, digest)
        return self.box.put(Submission(job_id, URLS, owner, request=request))

    def work(self, *outcomes: Outcome) -> None:
        for outcome in outcomes:
            (lease,) = self.box.claim("w", 0).leases
            self.box.ack("w", Report(lease.token, outcome))

    def retry(self, job_id: str, new: str = "new", owner: str = "") -> Retry | Refusal | None:
        return self.box.retry(job_id, owner, new)


def code(answer: object) -> RefusalCode:
    assert isinstance(answer, Refusal)
    return answer.code


@pytest.fixture
def harness() -> Harness:
    return Harness()


class TestKeys:
    def test_the_same_request_is_the_same_job(self, harness: Harness) -> None:
        assert harness.put("j1", "key") is None
        assert harness.put("j2", "key") == Replay("j1")
        assert harness.table.unfinished() == {"j1": 3}

    def test_another_request_with_the_key_is_refused(self, harness: Harness) -> None:
        harness.put("j1", "key")
        assert code(harness.put("j2", "key", "other")) is RefusalCode.KEY_REUSED

    def test_a_key_is_its_owners(self, harness: Harness) -> None:
        assert harness.put("j1", "key", owner="anna") is None
        assert harness.put("j2", "key", owner="bob") is None

    def test_a_key_outlives_the_end_of_its_job_and_not_the_job(self, harness: Harness) -> None:
        harness.put("j1", "key")
        harness.work(DONE, DONE, DONE)
        assert harness.put("j2", "key") == Replay("j1")
        harness.now = 10.0
        assert harness.table.evict(5.0) == 1
        assert harness.put("j3", "key", "other") is None

    def test_a_request_that_was_refused_uses_no_key(self) -> None:
        harness = Harness(max_open_urls=3)
        harness.put("j1")
        assert code(harness.put("j2", "key")) is RefusalCode.QUEUE_FULL
        harness.work(DONE, DONE, DONE)
        assert harness.put("j3", "key", "other") is None

    def test_a_known_request_is_answered_where_nothing_new_is_taken(self, harness: Harness) -> None:
        harness.put("j1", "key")
        harness.box.close()
        assert harness.put("j2", "key") == Replay("j1")

    def test_requests_at_the_same_moment_make_one_job(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workers.state.leases.admission._SAME_REQUEST_SECONDS", PATIENCE)
        writing, go_on = threading.Event(), threading.Event()
        announce = harness.table.announce

        def slowly(submission: Submission) -> float:
            writing.set()
            assert go_on.wait(PATIENCE)
            return announce(submission)

        monkeypatch.setattr(harness.table, "announce", slowly)
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(harness.put, "j0", "key")
            assert writing.wait(PATIENCE)
            others = [pool.submit(harness.put, f"j{n}", "key") for n in (1, 2, 3)]
            go_on.set()
            assert first.result(PATIENCE) is None
            assert {other.result(PATIENCE) for other in others} == {Replay("j0")}

    def test_one_that_takes_too_long_is_told_to_the_other(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workers.state.leases.admission._SAME_REQUEST_SECONDS", 0.01)
        go_on, writing = threading.Event(), threading.Event()

        def never(_submission: Submission) -> float:
            writing.set()
            assert go_on.wait(PATIENCE)
            return 0.0

        monkeypatch.setattr(harness.table, "announce", never)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(harness.put, "j0", "key")
            assert writing.wait(PATIENCE)
            assert code(harness.put("j1", "key")) is RefusalCode.REQUEST_UNDER_WAY
            go_on.set()
            assert first.result(PATIENCE) is None


class TestRetries:
    def test_what_failed_is_a_new_job(self, harness: Harness) -> None:
        options = JobOptions(title="{name}")
        harness.box.put(Submission("j", URLS, "anna", options))
        harness.work(EMPTY, DONE, EMPTY)
        assert harness.retry("j", owner="anna") == Retry("new", 2, is_first=True)
        jobs = harness.table.by_id
        assert jobs["new"].asked.urls == (URLS[0], URLS[2])
        assert jobs["new"].asked.options == options
        assert (jobs["new"].asked.retry_of, jobs["j"].retried_as) == ("j", "new")
        assert jobs["j"].finished is not None

    def test_it_is_made_once(self, harness: Harness) -> None:
        harness.put("j")
        harness.work(EMPTY, EMPTY, EMPTY)
        harness.retry("j", "new")
        assert harness.retry("j", "newer") == Retry("new", 3, is_first=False)

    def test_a_forgotten_one_is_made_again(self, harness: Harness) -> None:
        harness.put("j")
        harness.work(EMPTY, EMPTY, EMPTY)
        harness.retry("j", "new")
        harness.table.forget(["new"])
        assert harness.retry("j", "newer") == Retry("newer", 3, is_first=True)

    def test_what_was_cancelled_is_in_it(self, harness: Harness) -> None:
        harness.put("j")
        harness.work(DONE)
        harness.box.cancel("j", "")
        assert harness.retry("j") == Retry("new", 2, is_first=True)

    def test_refusals(self, harness: Harness) -> None:
        harness.put("j", owner="anna")
        assert harness.retry("j", owner="bob") is None
        assert code(harness.retry("j", owner="anna")) is RefusalCode.JOB_UNFINISHED
        harness.work(DONE, DONE, DONE)
        assert code(harness.retry("j", owner="anna")) is RefusalCode.NOTHING_TO_RETRY

    def test_where_the_queue_is_full_nothing_of_it_is_taken(self) -> None:
        harness = Harness(max_open_urls=3)
        harness.put("j")
        harness.work(EMPTY, EMPTY, EMPTY)
        harness.put("k")
        assert code(harness.retry("j")) is RefusalCode.QUEUE_FULL
        overview = harness.table.overview("j", "")
        assert overview is not None
        assert overview.retried_as is None

    def test_at_the_same_moment_one_is_made(self, harness: Harness) -> None:
        harness.put("j")
        harness.work(EMPTY, EMPTY, EMPTY)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: harness.retry("j", f"new{n}"), range(8)))
        made = {answer.job_id for answer in answers if isinstance(answer, Retry)}
        assert len(made) == 1
        assert sum(isinstance(a, Retry) and a.is_first for a in answers) == 1

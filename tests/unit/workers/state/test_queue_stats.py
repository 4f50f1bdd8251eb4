"""What the mailbox says of the time to come."""

from collections import deque
from contextlib import closing

from tests.lane_mailbox import Mailbox
from workers.contract.job_options import JobOptions, Priority
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Deferred, Failed, Uploaded
from workers.contract.messages.round_trip import (
    Ack,
    Directive,
    Report,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.submission import Submission
from workers.contract.quota import UNKNOWN, LimitState, Quota, QuotaReports
from workers.state.jobs.job_table import JobTable
from workers.worker.concurrency_limiter import FEWEST, ConcurrencyLimiter
from workers.worker.request_batcher import LaneClient, RequestBatcher

WORKER = "worker-1"
TOLD = Quota(user=LimitState(500, 100, 60.0))


class Harness:
    """A mailbox with one worker, and a clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0
        limits = MailboxLimits(source_concurrency=0)
        self.box = Mailbox(JobTable(), limits, clock=lambda: self.now)
        self.box.register(WORKER)

    def add(self, job_id: str, count: int, priority: Priority = Priority.NORMAL) -> None:
        urls = tuple(f"https://{job_id}.test/{number}.jpg" for number in range(count))
        self.box.put(Submission(job_id, urls, options=JobOptions(priority=priority)))

    def work(self, count: int, seconds: float, outcome: Uploaded | Failed | Deferred) -> None:
        """One URL after the other, so long for each."""
        for _ in range(count):
            (lease,) = self.box.claim(WORKER, 0).leases
            self.now += seconds
            self.box.ack(WORKER, Report(lease.token, outcome))


UPLOADED = Uploaded("https://i.imgur.com/a.jpg", "hash")


def test_of_an_idle_mailbox_nothing_is_known() -> None:
    queue_stats = Harness().box.queue_stats("job")
    assert (queue_stats.rate_per_second, queue_stats.quota.pause_seconds) == (None, 0.0)
    assert (queue_stats.quota.imgur, queue_stats.ahead) == (UNKNOWN, None)


def test_the_rate_counts_what_ends_in_the_time_of_work() -> None:
    harness = Harness()
    harness.add("job", 100)
    harness.work(10, 0.1, UPLOADED)
    harness.now += 3600.0  # nobody works
    harness.work(10, 0.1, Failed("empty", "No bytes."))
    rate = harness.box.queue_stats().rate_per_second
    assert rate is not None
    assert 9.5 < rate < 10.5


def test_what_ended_is_no_longer_ahead() -> None:
    harness = Harness()
    harness.add("large", 100)
    harness.add("small", 10)
    assert harness.box.queue_stats("small").ahead == 19
    assert harness.box.queue_stats("large").ahead == 109
    harness.work(10, 0.1, UPLOADED)  # five of each
    assert harness.box.queue_stats("small").ahead == 9
    harness.work(10, 0.1, UPLOADED)
    assert harness.box.queue_stats("small").ahead is None
    assert harness.box.queue_stats("large").ahead == 89


def test_priorities_have_other_turns() -> None:
    harness = Harness()
    harness.add("high", 100, Priority.HIGH)
    harness.add("low", 10, Priority.LOW)
    assert harness.box.queue_stats("low").ahead == 9 + 40
    assert harness.box.queue_stats("high").ahead == 99 + 10


def test_what_is_cancelled_is_no_longer_ahead() -> None:
    harness = Harness()
    harness.add("one", 100)
    harness.add("other", 10)
    harness.box.cancel("one", "")
    assert harness.box.queue_stats("other").ahead == 9


def test_a_pause_is_told_and_is_no_time_of_work() -> None:
    harness = Harness()
    harness.add("job", 100)
    harness.work(20, 0.1, UPLOADED)
    before = harness.box.queue_stats().rate_per_second
    harness.work(1, 0.0, Deferred("imgur-rate-limited", "Wait.", 600.0))
    assert harness.box.queue_stats().quota.pause_seconds == 600.0
    harness.now += 500.0
    assert harness.box.queue_stats().quota.pause_seconds == 100.0
    assert harness.box.queue_stats().rate_per_second == before


def test_limits_come_with_a_workers_words() -> None:
    harness = Harness()
    harness.box.exchange(WORKER, WorkerRequest(quota=TOLD), 0.0)
    harness.box.exchange(WORKER, WorkerRequest(), 0.0)
    harness.now += 10.0
    assert harness.box.queue_stats().quota.imgur == Quota(user=LimitState(500, 100, 50.0))


def test_a_worker_passes_limits_on_once() -> None:
    said: deque[WorkerRequest] = deque()

    def exchange(words: WorkerRequest, _wait: float) -> WorkerResponse:
        said.append(words)
        return WorkerResponse(Directive.WORK, acks=tuple(Ack(accepted=True) for _ in words.reports))

    news = QuotaReports(lambda: 0.0)
    news.read(TOLD)
    with closing(RequestBatcher(exchange, ConcurrencyLimiter(FEWEST), news.take)) as batcher:
        harness = LaneClient(batcher)
        for token in (1, 2):
            harness.report(Report(token, UPLOADED))
    told = [words.quota for words in said]
    assert told[0] == TOLD
    assert not any(told[1:])

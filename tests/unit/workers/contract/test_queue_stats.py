"""What the mailbox says of the time to come."""

from collections import deque
from contextlib import closing

from workers.contract.job_options import JobOptions, Priority
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages import (
    Delivery,
    Failed,
    PutBack,
    Receipt,
    Report,
    Standing,
    Submission,
    Uploaded,
    Words,
)
from workers.contract.quota import UNKNOWN, Allowance, AllowanceNews, LimitState
from workers.state.jobs.job_table import JobTable
from workers.state.mailbox import Mailbox
from workers.worker.concurrency_limiter import FEWEST, Pace
from workers.worker.request_batcher import Outbox

WORKER = "worker-1"
TOLD = Allowance(user=LimitState(500, 100, 60.0))


class Desk:
    """A mailbox with one worker, and a clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0
        limits = MailboxLimits(source_concurrency=0)
        self.box = Mailbox(JobTable(), limits, clock=lambda: self.now)
        self.box.register(WORKER)

    def add(self, job_id: str, count: int, priority: Priority = Priority.NORMAL) -> None:
        urls = tuple(f"https://{job_id}.test/{number}.jpg" for number in range(count))
        self.box.put(Submission(job_id, urls, options=JobOptions(priority=priority)))

    def work(self, count: int, seconds: float, outcome: Uploaded | Failed | PutBack) -> None:
        """One URL after the other, so long for each."""
        for _ in range(count):
            (lease,) = self.box.claim(WORKER, 0).leases
            self.now += seconds
            self.box.ack(WORKER, Report(lease.token, outcome))


UPLOADED = Uploaded("https://i.imgur.com/a.jpg", "hash")


def test_of_an_idle_mailbox_nothing_is_known() -> None:
    outlook = Desk().box.outlook("job")
    assert (outlook.rate_per_second, outlook.pause_seconds) == (None, 0.0)
    assert (outlook.allowance, outlook.ahead) == (UNKNOWN, None)


def test_the_rate_counts_what_ends_in_the_time_of_work() -> None:
    desk = Desk()
    desk.add("job", 100)
    desk.work(10, 0.1, UPLOADED)
    desk.now += 3600.0  # nobody works
    desk.work(10, 0.1, Failed("empty", "No bytes."))
    rate = desk.box.outlook().rate_per_second
    assert rate is not None
    assert 9.5 < rate < 10.5


def test_what_ended_is_no_longer_ahead() -> None:
    desk = Desk()
    desk.add("large", 100)
    desk.add("small", 10)
    assert desk.box.outlook("small").ahead == 19
    assert desk.box.outlook("large").ahead == 109
    desk.work(10, 0.1, UPLOADED)  # five of each
    assert desk.box.outlook("small").ahead == 9
    desk.work(10, 0.1, UPLOADED)
    assert desk.box.outlook("small").ahead is None
    assert desk.box.outlook("large").ahead == 89


def test_priorities_have_other_turns() -> None:
    desk = Desk()
    desk.add("high", 100, Priority.HIGH)
    desk.add("low", 10, Priority.LOW)
    assert desk.box.outlook("low").ahead == 9 + 40
    assert desk.box.outlook("high").ahead == 99 + 10


def test_what_is_cancelled_is_no_longer_ahead() -> None:
    desk = Desk()
    desk.add("one", 100)
    desk.add("other", 10)
    desk.box.cancel("one", "")
    assert desk.box.outlook("other").ahead == 9


def test_a_pause_is_told_and_is_no_time_of_work() -> None:
    desk = Desk()
    desk.add("job", 100)
    desk.work(20, 0.1, UPLOADED)
    before = desk.box.outlook().rate_per_second
    desk.work(1, 0.0, PutBack("imgur-rate-limited", "Wait.", 600.0))
    assert desk.box.outlook().pause_seconds == 600.0
    desk.now += 500.0
    assert desk.box.outlook().pause_seconds == 100.0
    assert desk.box.outlook().rate_per_second == before


def test_limits_come_with_a_workers_words() -> None:
    desk = Desk()
    desk.box.exchange(WORKER, Words(allowance=TOLD), 0.0)
    desk.box.exchange(WORKER, Words(), 0.0)
    desk.now += 10.0
    assert desk.box.outlook().allowance == Allowance(user=LimitState(500, 100, 50.0))


def test_a_worker_passes_limits_on_once() -> None:
    said: deque[Words] = deque()

    def exchange(words: Words, _wait: float) -> Delivery:
        said.append(words)
        return Delivery(
            Standing.WORK, receipts=tuple(Receipt(accepted=True) for _ in words.reports)
        )

    news = AllowanceNews(lambda: 0.0)
    news.read(TOLD)
    with closing(Outbox(exchange, Pace(FEWEST), news.take)) as outbox:
        desk = outbox.desk()
        for token in (1, 2):
            desk.report(Report(token, UPLOADED))
    told = [words.allowance for words in said]
    assert told[0] == TOLD
    assert not any(told[1:])

import random

from workers.errors import Reason
from workers.job_table import JobTable
from workers.mailbox import Mailbox
from workers.messages import (
    Arrival,
    Failed,
    MailboxStats,
    PutBack,
    RefusalCode,
    Report,
    Submission,
    TryAgain,
    Uploaded,
)
from workers.metrics import EndCause, HistogramReading, MeterBook, MeterReading
from workers.queueing.mailbox_limits import MailboxLimits

STATS = MailboxStats(0, 0, 0, 0.0, 0, draining=False)
WORKER = "worker-1"


def one_in(bounds: tuple[float, ...], value: float) -> tuple[int, ...]:
    place = sum(bound < value for bound in bounds)
    return tuple(int(index == place) for index in range(len(bounds) + 1))


class TestHistogram:
    def test_a_value_on_a_bound_belongs_below_it(self) -> None:
        for value in (0.0, 0.005, 0.0051, 60.0, 61.0):
            book = MeterBook()
            book.uploaded(value)
            read = book.read(STATS).upload_seconds
            assert read.counts == one_in(read.bounds, value)
            assert read.total == value

    def test_it_counts_as_sorting_would(self) -> None:
        dice = random.Random(7)
        values = [dice.expovariate(0.2) for _ in range(500)]
        book = MeterBook()
        for value in values:
            book.downloaded(value, 10)
        read = book.read(STATS).download_seconds
        for place, bound in enumerate(read.bounds):
            assert sum(read.counts[: place + 1]) == sum(value <= bound for value in values)
        assert sum(read.counts) == 500
        assert book.read(STATS).downloaded_bytes == 5000

    def test_a_clock_set_back_makes_no_negative_wait(self) -> None:
        book = MeterBook()
        book.begun(-5.0)
        assert book.read(STATS).queue_seconds.total == 0.0


class TestBook:
    def test_a_reading_does_not_change_afterwards(self) -> None:
        book = MeterBook()
        before = book.read(STATS)
        book.accepted(3)
        book.refused(RefusalCode.DRAINING)
        book.ended(Failed("empty", ""))
        assert before.jobs_accepted == 0
        assert not any(before.refusals.values())
        assert not any(before.images.values())

    def test_all_reasons_begin_at_zero(self) -> None:
        read = MeterBook().read(STATS)
        assert {reason for _, reason in read.images} == {"", *Reason}
        assert set(read.refusals) == set(RefusalCode)
        assert set(read.worker_restarts) == set(EndCause)


class TestMailbox:
    """The places where things are counted."""

    def setup_method(self) -> None:
        self.now = 1000.0
        self.wall = 5000.0
        table = JobTable(wall_clock=lambda: self.wall, clock=lambda: self.now)
        self.mailbox = Mailbox(table, MailboxLimits(max_open_urls=3), clock=lambda: self.now)
        self.mailbox.register(WORKER)
        urls = tuple(f"https://example.com/{number}.jpg" for number in range(3))
        assert self.mailbox.put(Submission("job", urls)) is None

    def read(self) -> MeterReading:
        return self.mailbox.meters()

    def claim(self) -> int:
        (lease,) = self.mailbox.claim(WORKER, 0).leases
        return lease.token

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def test_an_image_from_its_arrival_on(self) -> None:
        self.pass_seconds(7.0)
        token = self.claim()
        self.mailbox.begin_upload(WORKER, token, Arrival(token, 1234, "image/png", 250))
        self.pass_seconds(0.5)
        self.mailbox.ack(WORKER, Report(token, Uploaded("https://i.imgur.com/a.png", "x")))
        read = self.read()
        assert read.downloaded_bytes == 1234
        assert totals(read.download_seconds) == (1, 0.25)
        assert totals(read.upload_seconds) == (1, 0.5)
        assert totals(read.queue_seconds) == (1, 7.0)
        assert read.images["complete", ""] == 1

    def test_a_failed_image_has_no_upload(self) -> None:
        token = self.claim()
        self.mailbox.begin_upload(WORKER, token, Arrival(token, 1234, "image/png", 250))
        self.mailbox.ack(WORKER, Report(token, Failed(Reason.IMGUR_REFUSED, "No.")))
        assert totals(self.read().upload_seconds) == (0, 0.0)
        assert self.read().images["failed", "imgur-refused"] == 1

    def test_tries_that_end_without_a_result(self) -> None:
        self.mailbox.ack(WORKER, Report(self.claim(), TryAgain("connect-failed", "", 1.0)))
        self.mailbox.ack(WORKER, Report(self.claim(), PutBack("imgur-rate-limited", "", 0.0)))
        read = self.read()
        assert (read.retries["connect-failed"], read.retries["imgur-rate-limited"]) == (1, 1)
        assert not any(read.images.values())
        assert read.attempts == 2

    def test_a_job_from_beginning_to_end(self) -> None:
        for number in range(3):
            self.pass_seconds(10.0)
            outcome = Uploaded(f"https://i.imgur.com/{number}.png", "x")
            self.mailbox.ack(WORKER, Report(self.claim(), outcome))
        read = self.read()
        assert (read.jobs_accepted, read.urls_accepted, read.jobs_finished) == (1, 3, 1)
        assert totals(read.job_seconds) == (1, 30.0)

    def test_refusals(self) -> None:
        assert self.mailbox.put(Submission("other", ("https://example.com/x.jpg",))) is not None
        self.mailbox.close()
        assert self.mailbox.put(Submission("third", ("https://example.com/x.jpg",))) is not None
        read = self.read()
        assert (read.refusals["queue-full"], read.refusals["draining"]) == (1, 1)
        assert read.jobs_accepted == 1

    def test_a_worker_that_dies(self) -> None:
        self.claim()
        self.mailbox.retire(WORKER, EndCause.KILLED)
        read = self.read()
        assert read.worker_restarts == dict.fromkeys(EndCause, 0) | {EndCause.KILLED: 1}
        assert read.retries["worker-crashed"] == 1

    def test_a_worker_that_leaves_as_told(self) -> None:
        self.mailbox.retire(WORKER)
        assert not any(self.read().worker_restarts.values())

    def test_refused_words_count_nothing(self) -> None:
        token = self.claim()
        self.mailbox.retire(WORKER, EndCause.STUCK)
        before = self.read()
        assert (
            self.mailbox.begin_upload(WORKER, token, Arrival(token, 1234, "image/png", 250))
            is False
        )
        self.mailbox.ack(WORKER, Report(token, Uploaded("https://i.imgur.com/a.png", "x")))
        assert self.read() == before


def totals(histogram: HistogramReading) -> tuple[int, float]:
    return sum(histogram.counts), round(histogram.total, 3)

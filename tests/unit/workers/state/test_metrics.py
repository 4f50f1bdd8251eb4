import random

from tests.lane_mailbox import Mailbox
from tests.metric_values import values_of
from workers.contract.errors import Reason
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Deferred, Failed, RetryLater, Uploaded
from workers.contract.messages.round_trip import DownloadReport, Report
from workers.contract.messages.submission import RefusalCode, RequestKey, Submission
from workers.contract.messages.supervision import EndCause, MailboxStats
from workers.state.jobs.job_table import JobTable
from workers.state.metrics import Metrics

STATS = MailboxStats()
WORKER = "worker-1"

Figures = dict[tuple[str, ...], float]


def figures_of(metrics: Metrics) -> Figures:
    return values_of(metrics.collect(STATS))


class TestMeters:
    def test_a_value_on_a_bound_belongs_below_it(self) -> None:
        for value, below in ((0.0, 1), (0.005, 1), (0.0051, 0), (61.0, 0)):
            metrics = Metrics()
            metrics.uploads.observe(value)
            assert figures_of(metrics)["imgup_upload_seconds_bucket", "0.005"] == below
            assert figures_of(metrics)["imgup_upload_seconds_bucket", "+Inf"] == 1

    def test_downloads_count_with_their_bytes(self) -> None:
        dice = random.Random(7)
        values = [dice.expovariate(0.2) for _ in range(500)]
        metrics = Metrics()
        for value in values:
            metrics.downloaded(value, 10)
        found = figures_of(metrics)
        for name, *bound in found:
            if name == "imgup_download_seconds_bucket":
                count = sum(value <= float(bound[0]) for value in values)
                assert found[name, bound[0]] == count
        assert found["imgup_downloaded_bytes_total",] == 5000

    def test_a_clock_set_back_makes_no_negative_wait(self) -> None:
        metrics = Metrics()
        metrics.begun(-5.0)
        assert figures_of(metrics)["imgup_queue_seconds_sum",] == 0.0

    def test_what_was_read_does_not_change_afterwards(self) -> None:
        metrics = Metrics()
        collected = metrics.collect(STATS)
        before = values_of(collected)
        metrics.accepted(3)
        metrics.refusals(RefusalCode.DRAINING).inc()
        metrics.ended(Failed("empty", ""))
        assert values_of(collected) == before

    def test_all_reasons_begin_at_zero(self) -> None:
        found = figures_of(Metrics())
        assert {key[2] for key in found if key[0] == "imgup_images_total"} == {"", *Reason}
        assert {key[1] for key in found if key[0] == "imgup_retries_total"} == set(Reason)
        assert {key[1] for key in found if key[0] == "imgup_jobs_refused_total"} == set(RefusalCode)
        assert {key[1] for key in found if key[0] == "imgup_worker_restarts_total"} == set(EndCause)


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

    def read(self) -> Figures:
        return values_of(self.mailbox.metrics())

    def claim(self) -> int:
        (lease,) = self.mailbox.claim(WORKER, 0).leases
        return lease.token

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def test_an_image_from_its_arrival_on(self) -> None:
        self.pass_seconds(7.0)
        token = self.claim()
        self.mailbox.begin_upload(WORKER, token, DownloadReport(token, 1234, "image/png", 250))
        self.pass_seconds(0.5)
        self.mailbox.ack(WORKER, Report(token, Uploaded("https://i.imgur.com/a.png", "x")))
        read = self.read()
        assert read["imgup_downloaded_bytes_total",] == 1234
        assert totals(read, "imgup_download_seconds") == (1, 0.25)
        assert totals(read, "imgup_upload_seconds") == (1, 0.5)
        assert totals(read, "imgup_queue_seconds") == (1, 7.0)
        assert read["imgup_images_total", "complete", ""] == 1

    def test_a_failed_image_has_no_upload(self) -> None:
        token = self.claim()
        self.mailbox.begin_upload(WORKER, token, DownloadReport(token, 1234, "image/png", 250))
        self.mailbox.ack(WORKER, Report(token, Failed(Reason.IMGUR_REFUSED, "No.")))
        assert totals(self.read(), "imgup_upload_seconds") == (0, 0.0)
        assert self.read()["imgup_images_total", "failed", "imgur-refused"] == 1

    def test_tries_that_end_without_a_result(self) -> None:
        self.mailbox.ack(WORKER, Report(self.claim(), RetryLater("connect-failed", "", 1.0)))
        self.mailbox.ack(WORKER, Report(self.claim(), Deferred("imgur-rate-limited", "", 0.0)))
        read = self.read()
        assert nonzero(read, "imgup_retries_total") == {
            "connect-failed": 1,
            "imgur-rate-limited": 1,
        }
        assert not nonzero(read, "imgup_images_total")
        assert read["imgup_attempts_total",] == 2

    def test_a_job_from_beginning_to_end(self) -> None:
        for number in range(3):
            self.pass_seconds(10.0)
            outcome = Uploaded(f"https://i.imgur.com/{number}.png", "x")
            self.mailbox.ack(WORKER, Report(self.claim(), outcome))
        read = self.read()
        assert read["imgup_jobs_accepted_total",] == 1
        assert read["imgup_urls_accepted_total",] == 3
        assert read["imgup_jobs_finished_total",] == 1
        assert totals(read, "imgup_job_seconds") == (1, 30.0)

    def test_refusals(self) -> None:
        assert self.mailbox.put(Submission("other", ("https://example.com/x.jpg",))) is not None
        self.mailbox.close()
        assert self.mailbox.put(Submission("third", ("https://example.com/x.jpg",))) is not None
        read = self.read()
        assert nonzero(read, "imgup_jobs_refused_total") == {"queue-full": 1, "draining": 1}
        assert read["imgup_jobs_accepted_total",] == 1

    def test_refusals_of_repeated_requests_and_of_retries(self) -> None:
        mailbox, urls = Mailbox(JobTable(), MailboxLimits()), ("https://example.com/x.jpg",)
        for digest in ("one", "another"):
            mailbox.put(Submission("j", urls, request=RequestKey("key", digest)))
        mailbox.retry("j", "", "k")
        read = values_of(mailbox.metrics())
        assert nonzero(read, "imgup_jobs_refused_total") == {
            "idempotency-key-reused": 1,
            "job-unfinished": 1,
        }

    def test_a_worker_that_dies(self) -> None:
        self.claim()
        self.mailbox.fence(WORKER, EndCause.KILLED)
        read = self.read()
        assert nonzero(read, "imgup_worker_restarts_total") == {"killed": 1}
        assert read["imgup_retries_total", "worker-crashed"] == 1

    def test_a_worker_that_leaves_as_told(self) -> None:
        self.mailbox.fence(WORKER)
        assert not nonzero(self.read(), "imgup_worker_restarts_total")

    def test_refused_words_count_nothing(self) -> None:
        token = self.claim()
        self.mailbox.fence(WORKER, EndCause.STUCK)
        before = self.read()
        assert (
            self.mailbox.begin_upload(WORKER, token, DownloadReport(token, 1234, "image/png", 250))
            is False
        )
        self.mailbox.ack(WORKER, Report(token, Uploaded("https://i.imgur.com/a.png", "x")))
        assert self.read() == before


def totals(found: Figures, histogram: str) -> tuple[float, float]:
    return found[f"{histogram}_count",], round(found[f"{histogram}_sum",], 3)


def nonzero(found: Figures, name: str) -> dict[str, float]:
    """By its last label."""
    return {key[-1]: value for key, value in found.items() if key[0] == name and value}

"""The lanes' common way to the mailbox."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.lane_mailbox import Mailbox
from tests.waiting import wait_until
from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Done, Uploaded
from workers.contract.messages.round_trip import (
    Ack,
    Directive,
    DownloadReport,
    Lease,
    Report,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.submission import Submission
from workers.contract.messages.tasks import TaskKind
from workers.runtime.deadline_proxy import ManagerLostError
from workers.state.jobs.job_table import JobTable
from workers.worker.concurrency_limiter import ConcurrencyLimiter
from workers.worker.request_batcher import LaneClient, RequestBatcher

SOON = 60.0


class Post:
    """A mailbox behind a counter: how many trips there were, and a gate that holds them up."""

    def __init__(self) -> None:
        self.table = JobTable()
        self.box = Mailbox(self.table, MailboxLimits())
        self.box.register("w")
        self.trips: list[WorkerRequest] = []
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None
        self.wait_limit = 0.02
        self.limiter = ConcurrencyLimiter(100)
        self.limiter.allowed = 100

    def exchange(self, words: WorkerRequest, wait_seconds: float) -> WorkerResponse:
        if words.reports or words.uploads:
            assert wait_seconds == 0, "a word waits for nothing"
        assert wait_seconds <= 5, "a wait has its bounds"
        self.trips.append(words)
        assert self.gate.wait(SOON)
        if self.failure is not None:
            raise self.failure
        return self.box.exchange("w", words, min(wait_seconds, self.wait_limit))

    def put(self, count: int, job_id: str = "j") -> None:
        urls = tuple(f"https://source.test/{job_id}/{number}.jpg" for number in range(count))
        assert self.box.put(Submission(job_id, urls)) is None


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def batcher(post: Post) -> Iterator[RequestBatcher]:
    with closing(RequestBatcher(post.exchange, post.limiter)) as batcher:
        yield batcher


class Caller:
    """What a lane does, in a thread of its own."""

    def __init__(self, lane_client: LaneClient, *, until: int | None = None) -> None:
        self.done: list[tuple[Lease, Ack]] = []
        self.error: BaseException | None = None
        self._lane_client = lane_client
        self._until = until
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(SOON)
        assert not self._thread.is_alive(), "the lane still waits"

    def _run(self) -> None:
        try:
            while (
                len(self.done) != self._until and (lease := self._lane_client.lease()) is not None
            ):
                assert self._lane_client.begin_upload(DownloadReport(lease.token))
                self.done.append((lease, self._lane_client.report(_done(lease))))
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error


def _done(lease: Lease) -> Report:
    return Report(lease.token, Uploaded(f"link-{lease.index}", "d"))


def wait_until_waiting(batcher: RequestBatcher, words: int) -> None:
    """Until so many lanes' words lie in the outbox."""
    wait_until(lambda: len(batcher._reports) + len(batcher._uploads) == words)


def test_each_lane_gets_what_it_asked_for(post: Post, batcher: RequestBatcher) -> None:
    post.put(300)

    lanes = [Caller(LaneClient(batcher)) for _ in range(20)]
    wait_until(lambda: not post.table.unfinished())
    post.box.close()

    for lane in lanes:
        lane.join()
        assert lane.error is None
    pairs = [pair for lane in lanes for pair in lane.done]
    assert sorted(lease.index for lease, _ in pairs) == list(range(300))
    assert all(ack.accepted for _, ack in pairs)
    assert sum(ack.finished is not None for _, ack in pairs) == 1


def test_what_gathers_during_a_trip_goes_in_one(post: Post, batcher: RequestBatcher) -> None:
    post.put(30)
    lane_clients = [LaneClient(batcher) for _ in range(10)]
    leases = [lane_client.lease() for lane_client in lane_clients]
    post.gate.clear()
    before = len(post.trips)
    held_up = Caller(LaneClient(batcher), until=1)  # it asks, and its trip is held up
    wait_until(lambda: len(post.trips) > before, "it never asked")

    answers: list[Ack] = []
    threads = [
        threading.Thread(target=lambda d=lane_client, le=lease: answers.append(d.report(_done(le))))
        for lane_client, lease in zip(lane_clients, leases, strict=True)
    ]
    for thread in threads:
        thread.start()
    wait_until_waiting(batcher, 10)
    post.gate.set()
    for thread in threads:
        thread.join(SOON)

    assert [ack.accepted for ack in answers] == [True] * 10
    held_up.join()
    carrying = [words for words in post.trips[before:] if len(words.reports) > 1]
    assert [len(words.reports) for words in carrying] == [10]
    assert carrying[0].wanted == 10


def test_a_conversion_is_announced_without_a_wait(post: Post, batcher: RequestBatcher) -> None:
    post.put(1)
    lane_client = LaneClient(batcher)
    lease = lane_client.lease()
    assert lease is not None
    lane_client.begin_conversion(lease.token)
    wait_until(lambda: (lease.token,) in [words.conversions for words in post.trips])
    assert lane_client.report(_done(lease)).accepted


def test_the_sender_rests_between_trips(post: Post) -> None:
    rest_seconds = 0.05
    trips: list[tuple[float, float]] = []

    def exchange(words: WorkerRequest, wait_seconds: float) -> WorkerResponse:
        began = time.monotonic()
        response = post.exchange(words, wait_seconds)
        if not wait_seconds:  # the lookout's trips carry no words, and are not held up
            trips.append((began, time.monotonic()))
        return response

    post.put(16)  # a lane that is done has asked for one more, and leaves it
    with closing(RequestBatcher(exchange, post.limiter, rest_seconds=rest_seconds)) as batcher:
        lanes = [Caller(LaneClient(batcher), until=3) for _ in range(4)]
        for lane in lanes:
            lane.join()

    rests = [later[0] - earlier[1] for earlier, later in itertools.pairwise(trips)]
    assert rests
    assert min(rests) >= rest_seconds
    assert all(words.reports or words.uploads or words.wanted for words in post.trips)


def test_a_webhook_goes_beside_the_pace(post: Post, batcher: RequestBatcher) -> None:
    post.limiter.allowed = 1
    options = JobOptions(callback_url="https://client.test/hook")
    post.box.put(Submission("told", ("https://s.test/1",), "", options))
    lane_client = LaneClient(batcher)
    lease = lane_client.lease()
    assert lease is not None
    lane_client.report(_done(lease))
    webhook = lane_client.lease()
    assert webhook is not None
    assert webhook.kind is TaskKind.WEBHOOK
    post.put(2)
    image = LaneClient(batcher).lease()
    assert image is not None
    assert image.kind is TaskKind.IMAGE
    assert lane_client.report(Report(webhook.token, Done(200))).accepted


def test_no_more_lanes_work_than_the_pace_allows(post: Post, batcher: RequestBatcher) -> None:
    post.limiter.allowed = 2
    post.put(10)
    lane_clients = [LaneClient(batcher) for _ in range(4)]
    first, second = lane_clients[0].lease(), lane_clients[1].lease()
    assert first is not None
    assert second is not None
    third = Caller(lane_clients[2], until=1)
    wait_until(lambda: batcher._free)  # of lanes that ask the last one has the next lease

    assert lane_clients[0].report(_done(first)).accepted
    assert lane_clients[0].lease() is not None, (
        "one goes, one comes: the lane that was at work last"
    )
    assert post.box.stats().leased == 2

    post.limiter.allowed = 3
    batcher.look_again()
    third.join()
    assert post.box.stats().leased == 3, "with its report it has asked for the next one"


def test_an_idle_worker_waits_in_the_mailbox(post: Post, batcher: RequestBatcher) -> None:
    lane = Caller(LaneClient(batcher), until=1)
    wait_until(lambda: any(not words.reports for words in post.trips[1:]))

    post.put(1)

    lane.join()
    assert lane.done[0][0].index == 0


def test_a_busy_lane_is_heard_while_another_waits_for_work(
    post: Post, batcher: RequestBatcher
) -> None:
    post.put(1)
    lane_client = LaneClient(batcher)
    lease = lane_client.lease()
    assert lease is not None
    idle = Caller(LaneClient(batcher), until=1)

    assert lane_client.begin_upload(DownloadReport(lease.token))
    assert lane_client.report(_done(lease)).accepted

    post.put(2, "k")
    idle.join()
    assert idle.done[0][0].job_id == "k"


@pytest.mark.parametrize("directive", [Directive.DRAINED, Directive.FENCED])
def test_all_lanes_leave(post: Post, batcher: RequestBatcher, directive: Directive) -> None:
    lanes = [Caller(LaneClient(batcher)) for _ in range(5)]

    if directive is Directive.DRAINED:
        post.box.close()
    else:
        post.box.fence("w")

    for lane in lanes:
        lane.join()
        assert (lane.done, lane.error) == ([], None)


def test_a_lane_at_work_reports_after_the_drain_began(post: Post, batcher: RequestBatcher) -> None:
    post.put(2)
    lane_client = LaneClient(batcher)
    lease = lane_client.lease()
    assert lease is not None

    post.box.close()

    assert lane_client.begin_upload(DownloadReport(lease.token))
    assert lane_client.report(_done(lease)).accepted
    assert lane_client.lease() is None


def test_a_lost_manager_reaches_every_lane(post: Post, batcher: RequestBatcher) -> None:
    post.put(1)
    busy = LaneClient(batcher)
    lease = busy.lease()
    assert lease is not None
    lanes = [Caller(LaneClient(batcher)) for _ in range(5)]

    post.failure = ManagerLostError("gone")

    for lane in lanes:
        lane.join()
        assert lane.error is post.failure
    with pytest.raises(ManagerLostError):
        busy.begin_upload(DownloadReport(lease.token))
    with pytest.raises(ManagerLostError):
        busy.report(_done(lease))
    with pytest.raises(ManagerLostError):
        LaneClient(batcher).lease()


def test_suspects_are_served_one_after_the_other_without_a_wait(
    post: Post, batcher: RequestBatcher
) -> None:
    """The lookout waits for the next one while the postman reports the last one."""
    post.box.register("dead")
    post.put(30)
    for lease in post.box.claim("dead", 0, 30).leases:
        assert post.box.begin_upload("dead", lease.token)
    post.wait_limit = 600.0
    lanes = [Caller(LaneClient(batcher)) for _ in range(8)]

    post.box.fence("dead")
    wait_until(lambda: not post.table.unfinished(), "each waits for the time of the long poller")

    post.box.close()
    for lane in lanes:
        lane.join()

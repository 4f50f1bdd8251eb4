"""Memory is limited, shared between keys, and made by forgetting what is complete."""

from collections.abc import Callable

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.job_options import NO_OPTIONS, JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Done, Failed, Outcome, Uploaded
from workers.contract.messages.round_trip import Report
from workers.contract.messages.submission import Refusal, RefusalCode, Submission
from workers.contract.messages.tasks import TaskKind
from workers.state.jobs.job_size import size_of
from workers.state.jobs.job_table import JobTable

JOBS = 12
EMPTY = Failed("empty", "Nothing came.")


def job(name: str, owner: str = "", **more: object) -> Submission:
    """One of those of which twelve fit, or nearly."""
    urls = tuple(f"https://s.test/{name}/{n}" for n in range(100))
    return Submission(name, urls, owner, **more)  # type: ignore[arg-type]


SIZE = size_of(job("j00"))


class Harness:
    def __init__(self, state_bytes: int = JOBS * SIZE + 10_000) -> None:
        self.now = 0.0
        self.table = JobTable(clock=lambda: self.now, max_bytes=state_bytes)
        self.box = Mailbox(self.table, MailboxLimits(state_bytes=state_bytes), lambda: self.now)
        self.box.register("w")

    def put(self, name: str, owner: str = "", **more: object) -> RefusalCode | None:
        answer = self.box.put(job(name, owner, **more))
        assert answer is None or isinstance(answer, Refusal)
        if answer is None:
            return None
        assert self.table.overview(name, owner) is None, "nothing of it is kept"
        assert answer.retry_after or answer.code is RefusalCode.JOB_TOO_LARGE
        return answer.code

    def put_many(self, prefix: str, owner: str = "", limit: int = 99) -> int:
        """How many of them are taken, one after the other."""
        for number in range(limit):
            if self.put(f"{prefix}{number:02}", owner) is not None:
                return number
        return limit

    def work(self, outcome: Callable[[int], Outcome] = lambda _: EMPTY) -> None:
        self.now += 1.0
        while leases := self.box.claim("w", 0, 50).leases:
            for lease in leases:
                self.box.ack("w", Report(lease.token, outcome(lease.token)))

    @property
    def names(self) -> list[str]:
        return list(self.table.by_id)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_one_key_has_a_half_and_there_is_some_left_for_the_next(harness: Harness) -> None:
    assert harness.put_many("a", "anna") == JOBS // 2
    assert harness.put("a", "anna") is RefusalCode.STATE_FULL
    assert harness.put_many("b", "bob") == JOBS // 4
    assert harness.put("c", "carol") is None
    harness.work()
    assert not harness.table.unfinished(), "all that was taken comes to its end"


def test_addresses_share_where_there_are_no_keys(harness: Harness) -> None:
    for number in range(JOBS // 2):
        assert harness.put(f"a{number}", client="192.0.2.1") is None
    assert harness.put("a", client="192.0.2.1") is RefusalCode.STATE_FULL
    assert harness.put("b", client="192.0.2.2") is None


def test_complete_jobs_make_room_the_oldest_first(harness: Harness) -> None:
    for batch in range(5):
        assert harness.put_many(f"{batch}-", limit=4) == 4
        harness.work()
        assert harness.table.size <= harness.table.max_bytes
    sent = [f"{batch}-{number:02}" for batch in range(5) for number in range(4)]
    assert 8 <= len(harness.names) <= JOBS
    assert harness.names == sent[-len(harness.names) :]


@pytest.mark.unmeasured
def test_who_has_most_makes_it(harness: Harness) -> None:
    harness.put("b", "bob")
    harness.work()
    for batch in range(10):
        harness.put_many(f"{batch}-", "anna", limit=4)
        harness.work()
    assert "b" in harness.names, "the oldest of all, and not of whoever sends without end"


def test_a_job_that_is_larger_than_what_there_is_will_never_fit() -> None:
    harness = Harness(SIZE)
    assert harness.put("j") is RefusalCode.JOB_TOO_LARGE


def test_a_job_whose_callback_is_not_told_makes_no_room(harness: Harness) -> None:
    callback = JobOptions(callback_url="https://c.test/")
    for number in range(4):
        options = callback if number % 2 else NO_OPTIONS
        assert harness.put(f"told{number}", options=options) is None
    told = []
    while harness.table.unfinished():
        for lease in harness.box.claim("w", 0, 50).leases:
            if lease.kind is TaskKind.WEBHOOK:
                told.append(lease)
            else:
                harness.box.ack("w", Report(lease.token, EMPTY))
    harness.table.make_room(0)
    assert harness.names == ["told1", "told3"]
    assert harness.table.open_sizes.total == harness.table.sizes.total > 0
    told += harness.box.claim("w", 0, 2).leases
    assert len(told) == 2
    for webhook in told:
        harness.box.ack("w", Report(webhook.token, Done(200)))
    harness.table.make_room(0)
    assert not harness.names


@pytest.mark.unmeasured
def test_links_have_a_quarter_and_lose_the_oldest() -> None:
    harness = Harness(400_000)
    for batch in range(60):
        assert harness.put(f"{batch}") is None
        harness.work(lambda token: Uploaded(f"https://i.imgur.com/{token:07}.jpg", "d"))
    links = harness.table.links(0, 10_000)
    assert len(links) == 6_000, "places stay, so that cursors stay true"
    kept = [link for link in links if link]
    assert harness.table.links_removed() == len(links) - len(kept) >= 1_000
    assert links[-len(kept) :] == tuple(kept)
    assert harness.table.kept_links.size <= 100_000
    assert harness.put("more") is None, "links lock nobody out"


def test_all_is_given_back(harness: Harness) -> None:
    harness.put_many("a", "anna")
    harness.work()
    harness.table.evict(0.0)
    table = harness.table
    assert (table.size, table.sizes.total, table.open_sizes.total) == (0, 0, 0)
    assert harness.box._room.size == 0


def test_that_there_is_no_memory_is_told_before_the_job_is_sent(harness: Harness) -> None:
    size = len(job("j00").urls), sum(map(len, job("j00").urls))
    assert harness.box.refusal("anna", *size) is None
    harness.put_many("a", "anna")
    refusal = harness.box.refusal("anna", *size)
    assert refusal == harness.box.put(job("b00", "anna"))
    assert refusal is not None
    assert refusal.code is RefusalCode.STATE_FULL
    assert harness.box.refusal("bob", *size) is None
    assert harness.put("c", "bob") is None, "nothing was set aside for who asked"

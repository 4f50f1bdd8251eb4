"""Whose turn it is, when hosts have their limits."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from workers.contract.job_options import JobOptions, Priority
from workers.contract.messages.outcomes import RetryLater
from workers.contract.messages.round_trip import UrlKey
from workers.contract.messages.submission import Submission
from workers.state.schedule import fair_queue
from workers.state.schedule.fair_queue import FairQueue
from workers.state.schedule.source_limits import SourceLimits


class Line:
    """A queue, its limits, and shorthand for what becomes of its URLs."""

    def __init__(self, most: int) -> None:
        self.sources = SourceLimits(most)
        self.queue = FairQueue(self.sources)

    def add(self, job_id: str, hosts: str) -> None:
        """A job with one URL for each letter, which names its host."""
        self.queue.add(Submission(job_id, tuple(f"http://{host}.test/" for host in hosts)))

    def pop_all(self) -> list[UrlKey]:
        popped = []
        while (place := self.queue.pop()) is not None:
            popped.append(place)
        return popped

    def downloaded(self, place: UrlKey) -> int:
        host = self.sources.downloaded(place)
        return 0 if host is None else self.queue.admit(host)

    def end(self, place: UrlKey) -> None:
        self.downloaded(place)
        self.queue.end(place[0])


def test_a_full_host_lets_the_others_pass() -> None:
    line = Line(2)
    line.add("j", "ssssfsf")
    assert line.pop_all() == [("j", 0), ("j", 1), ("j", 4), ("j", 6)]


def test_what_was_parked_comes_in_its_order_as_slots_get_free() -> None:
    line = Line(1)
    line.add("j", "sssf")
    assert line.pop_all() == [("j", 0), ("j", 3)]
    assert line.downloaded(("j", 0)) == 1
    assert line.pop_all() == [("j", 1)]
    assert line.downloaded(("j", 1)) == 1
    assert line.pop_all() == [("j", 2)]
    assert line.downloaded(("j", 2)) == 0


def test_a_slot_that_gets_free_is_not_snatched_by_a_later_job() -> None:
    line = Line(1)
    line.add("first", "ss")
    assert line.pop_all() == [("first", 0)]
    line.add("second", "s")
    line.downloaded(("first", 0))
    assert line.pop_all() == [("first", 1)]
    line.downloaded(("first", 1))
    assert line.pop_all() == [("second", 0)]


def test_jobs_take_turns_at_a_host_too() -> None:
    line = Line(1)
    line.add("large", "sssss")
    line.add("small", "ss")
    order = line.pop_all()
    for _ in range(6):
        line.downloaded(order[-1])
        order += line.pop_all()
    assert [job_id for job_id, _ in order] == [
        "large",
        "small",
        "large",
        "small",
        "large",
        "large",
        "large",
    ]
    assert [index for job_id, index in order if job_id == "large"] == [0, 1, 2, 3, 4]


def test_a_raised_limit_admits_more_than_one() -> None:
    line = Line(2)
    line.add("j", "s" * 30)
    first, second = line.pop_all()
    line.sources.ended(
        first, RetryLater("source-error", "503.", 0.0, source_pause_seconds=0.0), 0.0
    )
    line.queue.requeue(first)
    assert line.pop_all() == [], "one is in flight, and the limit is one"
    place = second
    for _ in range(9):
        assert line.downloaded(place) == 1
        (place,) = line.pop_all()
    assert line.downloaded(place) == 2, "ten good ones in a row"
    assert len(line.pop_all()) == 2


def test_what_comes_back_is_the_first_to_go_again() -> None:
    line = Line(2)
    line.add("j", "ssss")
    assert line.pop_all() == [("j", 0), ("j", 1)]
    # Of a worker that died: each keeps its slot.
    for place in (("j", 1), ("j", 0)):
        line.queue.requeue(place)
    assert line.pop_all() == [("j", 0), ("j", 1)]
    # Of one that was being uploaded: its slot went to another.
    line.downloaded(("j", 0))
    line.queue.requeue(("j", 0))
    assert line.pop_all() == [("j", 2)]
    line.downloaded(("j", 1))
    assert line.pop_all() == [("j", 0)]


def test_a_pause_takes_promised_slots_back() -> None:
    line = Line(2)
    line.add("j", "sssf")
    line.add("k", "f")
    first, _, second = (line.queue.pop() for _ in range(3))
    assert first is not None
    assert second is not None
    line.queue.requeue(second)
    pause = RetryLater("source-error", "503.", 0.0, source_pause_seconds=9.0)
    assert line.sources.ended(first, pause, 0.0) == "s.test"
    assert line.queue.admit("s.test") == 0
    assert line.pop_all() == [("j", 3)]
    assert line.sources.resume(9.0) == ["s.test"]
    assert line.queue.admit("s.test") == 1
    assert line.pop_all() == [second]


def test_a_search_is_bounded_and_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_queue, "_LOOKS_PER_POP", 100)
    monkeypatch.setattr(fair_queue, "_LOOKS_PER_TURN", 50)
    line = Line(1)
    line.add("slow", "s" * 401 + "f")
    assert line.queue.pop() == ("slow", 0)
    for _ in range(4):
        assert line.queue.pop() is None
        assert line.queue.is_unsearched
    assert line.queue.pop() == ("slow", 401)
    assert not line.queue.is_unsearched
    assert line.queue.pop() is None
    assert not line.queue.is_unsearched


def test_a_long_search_in_one_job_does_not_hold_up_another() -> None:
    line = Line(1)
    line.add("slow", "s" * 100_000)
    line.add("fast", "f")
    assert [line.queue.pop(), line.queue.pop()] == [("slow", 0), ("fast", 0)]


def test_each_url_is_looked_at_once_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    host_of = fair_queue.host_of
    monkeypatch.setattr(fair_queue, "host_of", lambda url: looked.append(url) or host_of(url))
    line = Line(2)
    line.add("j", "s" * 5_000)
    done = 0
    in_flight = [line.queue.pop(), line.queue.pop()]
    while in_flight:
        place = in_flight.pop(0)
        if place is None:
            continue
        line.end(place)
        done += 1
        in_flight.append(line.queue.pop())
    assert done == len(looked) == 5_000


def test_nothing_is_kept_of_a_job_that_has_ended() -> None:
    line = Line(1)
    line.add("j", "sstt")
    line.add("k", "st")
    for _ in range(6):
        popped = line.pop_all()
        for place in popped:
            line.end(place)
    assert line.queue.unfinished == 0
    assert not line.queue._jobs
    assert not line.queue._tenant_turns
    assert not line.queue._parked.size
    assert not line.sources._sources


def test_a_restored_job_waits_for_its_hosts_as_well() -> None:
    line = Line(1)
    urls = ("http://s.test/0", "http://s.test/1", "http://s.test/2", "http://f.test/3")
    line.queue.add(Submission("j", urls), None, [1, 2, 3], leased=1)
    line.queue.requeue(("j", 0))
    assert line.pop_all() == [("j", 0), ("j", 3)]
    assert line.queue.unfinished == 4


class TestPriority:
    """Shares of jobs that all have enough to do."""

    def turns(self, priorities: list[Priority], pops: int) -> list[int]:
        queue = FairQueue(SourceLimits(0))
        for number, priority in enumerate(priorities):
            urls = tuple(f"http://s.test/{n}" for n in range(pops))
            queue.add(Submission(str(number), urls, "", JobOptions(priority=priority)))
        places = [queue.pop() for _ in range(pops)]
        return [int(place[0]) for place in places if place is not None]

    def test_shares_are_as_four_to_two_to_one(self) -> None:
        turns = self.turns([Priority.LOW, Priority.NORMAL, Priority.HIGH], 700)

        assert [turns.count(number) for number in range(3)] == [100, 200, 400]

    def test_jobs_of_one_priority_take_turns(self) -> None:
        for priority in Priority:
            assert self.turns([priority] * 3, 9) == [0, 1, 2] * 3

    @pytest.mark.unmeasured
    @given(st.lists(st.sampled_from(Priority), min_size=1, max_size=12))
    def test_none_waits_longer_than_its_share_says(self, priorities: list[Priority]) -> None:
        weights = {Priority.HIGH: 4, Priority.NORMAL: 2, Priority.LOW: 1}
        whole = sum(weights[priority] for priority in priorities)

        turns = self.turns(priorities, 5 * whole)

        for number, priority in enumerate(priorities):
            mine = [at for at, job in enumerate(turns) if job == number]
            gaps = [b - a for a, b in itertools.pairwise([-1, *mine])]
            # What others get between two turns of a job, each rounded up by one turn.
            assert max(gaps) <= whole / weights[priority] + len(priorities)

    def test_a_stream_of_new_jobs_starves_nobody(self) -> None:
        queue = FairQueue(SourceLimits(0))
        low = JobOptions(priority=Priority.LOW)
        high = JobOptions(priority=Priority.HIGH)
        queue.add(Submission("low", ("http://s.test/0", "http://s.test/1"), "", low))
        popped = []
        for number in range(50):
            queue.add(Submission(f"high-{number}", ("http://s.test/",), "", high))
            popped.append(queue.pop())

        assert ("low", 0) in popped[:8]
        assert ("low", 1) in popped[:16]

    def test_a_restored_job_keeps_its_priority(self) -> None:
        queue = FairQueue(SourceLimits(0))
        urls = tuple(f"http://s.test/{n}" for n in range(60))
        for priority in (Priority.LOW, Priority.HIGH):
            job = Submission(priority, urls, options=JobOptions(priority=priority))
            queue.add(job, None, range(60))

        jobs = [place[0] for place in (queue.pop() for _ in range(50)) if place is not None]

        assert jobs.count("high") == 40


class TestTenants:
    """Turns of whoever sends jobs, whatever they send."""

    def queue(self, **jobs: int) -> FairQueue:
        """Jobs of so many URLs each; the first letter of a name is its tenant."""
        queue = FairQueue(SourceLimits(0))
        for name, count in jobs.items():
            self.add(queue, name, count)
        return queue

    def add(
        self, queue: FairQueue, name: str, count: int, priority: Priority = Priority.NORMAL
    ) -> None:
        urls = tuple(f"http://s.test/{n}" for n in range(count))
        queue.add(Submission(name, urls, name[0], JobOptions(priority=priority)))

    def turns(self, queue: FairQueue, count: int) -> str:
        places = [queue.pop() for _ in range(count)]
        return "".join(place[0][0] for place in places if place is not None)

    def test_more_jobs_are_no_more_turns(self) -> None:
        queue = self.queue(a1=9, a2=9, a3=9, b=9, c=3)
        assert self.turns(queue, 12) == "abc" * 3 + "aba"

    def test_nor_is_a_higher_priority(self) -> None:
        queue = self.queue()
        self.add(queue, "low", 10, Priority.LOW)
        for number in range(5):
            self.add(queue, f"high{number}", 10, Priority.HIGH)
        assert self.turns(queue, 10) == "lh" * 5

    def test_a_priority_counts_among_the_jobs_of_a_tenant(self) -> None:
        queue = self.queue(b=100)
        self.add(queue, "a-low", 50, Priority.LOW)
        self.add(queue, "a-high", 50, Priority.HIGH)
        places = [queue.pop() for _ in range(100)]
        jobs = [place[0] for place in places if place is not None]
        assert (jobs.count("a-low"), jobs.count("a-high"), jobs.count("b")) == (10, 40, 50)

    def test_who_comes_waits_for_one_turn_of_each(self) -> None:
        queue = self.queue(**{f"{letter}{number}": 50 for letter in "abc" for number in range(20)})
        self.turns(queue, 30)
        self.add(queue, "new", 2)
        assert "n" in self.turns(queue, 4)

    def test_at_a_host_tenants_take_turns_too(self) -> None:
        sources = SourceLimits(1)
        queue = FairQueue(sources)
        for number in range(5):
            self.add(queue, f"a{number}", 1)
        self.add(queue, "b", 3)
        order = [queue.pop()]
        while (place := order[-1]) is not None:
            host = sources.downloaded(place)
            if host is not None:
                queue.admit(host)
            order.append(queue.pop())
        assert "".join(place[0][0] for place in order if place is not None) == "abababaa"

    def test_what_one_waits_for_does_not_cost_its_turn(self) -> None:
        queue = FairQueue(SourceLimits(1))
        for number in range(3):
            self.add(queue, f"a{number}", 1)  # of one host, that has room for one
        queue.add(Submission("a-other", ("http://other.test/1", "http://more.test/2"), "a"))
        queue.add(Submission("b", ("http://b.test/1", "http://bb.test/2"), "b"))
        assert self.turns(queue, 5) == "ababa"

    def test_their_urls_are_ahead_as_far_as_they_have_turns(self) -> None:
        queue = self.queue(a1=10, a2=3, b1=1000, b2=1000, c=5)
        # Three jobs' worth of `a`'s own, as many of `b`, and all of `c`.
        assert queue.ahead("a1") == (10 + 3 - 1) + 13 + 5
        assert queue.ahead("c") == (5 - 1) + 5 + 5

    def test_jobs_that_were_removed_leave_nothing(self) -> None:
        queue = self.queue(a=1, b=1)
        for number in range(1000):
            self.add(queue, f"a{number}", 2)
            self.add(queue, f"c{number}", 2)
            for name in (f"a{number}", f"c{number}"):
                queue.end(name, len(queue.remove(name, 0.0)))
        assert sum(len(tenant.turns) for tenant in queue._tenant_turns) <= 4
        assert self.turns(queue, 3) in {"ab", "ba"}

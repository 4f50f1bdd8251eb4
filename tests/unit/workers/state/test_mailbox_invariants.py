"""The mailbox's promises, whatever happens in whatever order."""

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from tests.job_snapshot import snapshot_of
from tests.lane_mailbox import Mailbox
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState, JobStatus
from workers.contract.messages.outcomes import Deferred, Failed, Outcome, RetryLater, Uploaded
from workers.contract.messages.round_trip import Directive, Lease, Report, UrlKey, WorkerRequest
from workers.contract.messages.submission import Cancellation, Refusal, Submission
from workers.state.jobs.job_table import JobTable
from workers.state.schedule.source_limits import host_of

MAX_OPEN_URLS = 12
MAX_CRASHES = 3
LEASE_SECONDS = 100.0
CONVERSION_SECONDS = 50.0
SOURCE_CONCURRENCY = 2
CLIENTS = ("", "x", "y")

FINAL = (ImageState.COMPLETE, ImageState.FAILED)

outcomes = st.one_of(
    st.builds(
        Uploaded,
        st.uuids().map(lambda u: f"https://i.imgur.com/{u.hex}.jpg"),
        st.just("d"),
        st.sampled_from([None, None, None, 5.0]),
    ),
    st.just(Failed("not-an-image", "It is text.")),
    st.just(Failed("source-error", "Busy.", 9.0)),
    st.builds(
        RetryLater,
        st.sampled_from(["source-error", "download-timeout"]),
        st.just("Busy."),
        st.sampled_from([0.0, 1.0, 9]),
        source_pause_seconds=st.sampled_from([None, None, 0.0, 5.0, 9.0]),
    ),
    st.builds(Deferred, st.just("imgur-rate-limited"), st.just("Wait."), st.sampled_from([1.0, 9])),
)


class MailboxMachine(RuleBasedStateMachine):
    """Random puts, claims, reports, deaths and hours, checked after each step."""

    workers = Bundle("workers")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.table = JobTable(wall_clock=lambda: self.now, clock=lambda: self.now)
        limits = MailboxLimits(
            MAX_OPEN_URLS,
            LEASE_SECONDS,
            MAX_CRASHES,
            source_concurrency=SOURCE_CONCURRENCY,
            conversion_seconds=CONVERSION_SECONDS,
        )
        self.box = Mailbox(self.table, limits, clock=lambda: self.now)
        self.jobs: dict[str, Submission] = {}
        self.in_force: dict[int, tuple[str, Lease]] = {}
        self.arrived: set[int] = set()
        self.uploading: set[int] = set()
        self.deadlines: dict[int, float] = {}
        self.converting: set[int] = set()
        self.crashes: dict[UrlKey, int] = {}
        self.outcome_unknown: set[UrlKey] = set()
        self.quarantined: set[UrlKey] = set()
        self.final: dict[UrlKey, tuple[ImageState, str | None]] = {}
        self.finished: set[str] = set()
        self.cancelled: set[str] = set()
        self.draining_workers: set[str] = set()
        self.draining = False
        self.hired = 0

    @initialize(target=workers)
    def hire_the_first(self) -> MultipleResults[str]:
        return multiple(self.register_one(), self.register_one())

    @rule(target=workers)
    def hire(self) -> str:
        return self.register_one()

    def register_one(self) -> str:
        self.hired += 1
        worker_id = f"w{self.hired}"
        self.box.register(worker_id)
        return worker_id

    @rule(
        hosts=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6),
        client=st.sampled_from(CLIENTS),
    )
    def put(self, hosts: list[str], client: str) -> None:
        count = len(hosts)
        job_id = f"j{len(self.jobs)}"
        urls = tuple(f"https://{host}.test/{job_id}/{n}" for n, host in enumerate(hosts))
        submission = Submission(job_id, urls, client=client)
        used = self.open_urls()
        # Who comes first may take all; later everybody holds no more than is left for others.
        held = self.open_urls_of(client) + count
        fits = used + count <= MAX_OPEN_URLS and (not used or held <= MAX_OPEN_URLS - used - count)
        fits = fits and not self.draining

        refusal = self.box.put(submission)

        assert (refusal is None) is fits
        if fits:
            self.jobs[job_id] = submission
        else:
            assert snapshot_of(self.table, job_id) is None

    @rule(target=leases, worker_id=workers)
    def claim(self, worker_id: str) -> Lease | MultipleResults[Lease]:
        turn = self.box.claim(worker_id, 0)
        if not turn.leases:
            is_drained = self.draining or worker_id in self.draining_workers
            assert (turn.directive is Directive.DRAINED) is is_drained
            return multiple()
        (lease,) = turn.leases
        assert turn.directive is Directive.WORK
        assert not self.draining
        assert worker_id not in self.draining_workers
        assert lease.token not in self.in_force
        assert lease.target == self.jobs[lease.job_id].urls[lease.index]
        place = (lease.job_id, lease.index)
        assert place not in self.final
        assert place not in self.places_in_force(), "one URL, one lease"
        beside = [held for holder, held in self.in_force.values() if holder == worker_id]
        for held in [*beside, lease] if beside else []:
            assert (held.job_id, held.index) not in self.quarantined, "not alone"
        self.in_force[lease.token] = (worker_id, lease)
        self.deadlines[lease.token] = self.now + LEASE_SECONDS
        return lease

    @rule(lease=leases, worker_id=workers)
    def begin_conversion(self, lease: Lease, worker_id: str) -> None:
        self.box.exchange(worker_id, WorkerRequest(conversions=(lease.token,)), 0)
        holder, _ = self.in_force.get(lease.token, ("", lease))
        if holder == worker_id and lease.token not in self.converting:
            self.converting.add(lease.token)
            self.deadlines[lease.token] += CONVERSION_SECONDS

    @rule(lease=leases)
    def begin_upload(self, lease: Lease) -> None:
        worker_id, _ = self.in_force.get(lease.token, ("", lease))
        decision = self.box.begin_upload(worker_id, lease.token)
        self.arrived.add(lease.token)
        if isinstance(decision, Deferred):
            assert self.box.stats().pause_seconds > 0
            return
        assert decision is bool(worker_id)
        if worker_id:
            self.uploading.add(lease.token)

    @rule(lease=consumes(leases), outcome=outcomes)
    def report(self, lease: Lease, outcome: Outcome) -> None:
        worker_id, _ = self.in_force.pop(lease.token, ("", lease))
        if not worker_id:
            return  # its worker was retired; the next rule is about those
        ack = self.box.ack(worker_id, Report(lease.token, outcome))
        assert ack.accepted
        place = (lease.job_id, lease.index)
        if isinstance(outcome, Uploaded):
            self.final[place] = (ImageState.COMPLETE, outcome.link)
        elif isinstance(outcome, Failed) or lease.job_id in self.cancelled:
            self.final[place] = (ImageState.FAILED, None)
        self.note_finished(lease.job_id, told=ack.finished is not None)

    @rule(lease=leases, worker_id=workers, outcome=outcomes)
    def report_what_is_not_in_force(self, lease: Lease, worker_id: str, outcome: Outcome) -> None:
        holder, _ = self.in_force.get(lease.token, ("", lease))
        if holder == worker_id:
            return
        before = (snapshot_of(self.table, lease.job_id), self.box.stats())
        assert not self.box.ack(worker_id, Report(lease.token, outcome)).accepted
        assert (snapshot_of(self.table, lease.job_id), self.box.stats()) == before

    @rule(worker_id=workers)
    def drain_worker(self, worker_id: str) -> None:
        self.box.drain_worker(worker_id)
        self.draining_workers.add(worker_id)

    @rule(worker_id=consumes(workers))
    def fence(self, worker_id: str) -> None:
        held = [lease for holder, lease in self.in_force.values() if holder == worker_id]
        doomed = {}
        for lease in held:
            del self.in_force[lease.token]
            place = (lease.job_id, lease.index)
            if lease.job_id in self.cancelled:
                doomed[lease.target] = lease.job_id
                self.final[place] = (ImageState.FAILED, None)
                continue
            self.crashes[place] = self.crashes.get(place, 0) + 1
            is_upload = lease.token in self.uploading
            is_last_upload = is_upload and place in self.outcome_unknown
            if is_upload:
                self.outcome_unknown.add(place)
            if is_upload or self.crashes[place] == MAX_CRASHES - 1:
                self.quarantined.add(place)
            if self.crashes[place] == MAX_CRASHES or is_last_upload:
                doomed[lease.target] = lease.job_id
                self.final[place] = (ImageState.FAILED, None)

        fenced = self.box.fence(worker_id)
        self.draining_workers.discard(worker_id)

        lines = [(line.event, line.fields) for line in self.box.tend()]
        assert {told["url"] for event, told in lines if event == "image failed"} == set(doomed)
        assert (fenced.returned, fenced.failed) == (len(held) - len(doomed), len(doomed))
        told = {told["job_id"] for event, told in lines if event == "job complete"}
        for job_id in set(doomed.values()):
            self.note_finished(job_id, told=job_id in told)
        assert self.box.claim(worker_id, 0).directive is Directive.FENCED

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        places = {(job_id, index) for index in range(len(self.jobs[job_id].urls))}
        waiting = places - set(self.final) - self.places_in_force()
        was_complete = places <= set(self.final)

        answer = self.box.cancel(job_id, "")

        if job_id in self.cancelled:
            assert isinstance(answer, Cancellation)
            assert not answer.is_first
            assert not waiting
        elif was_complete:
            assert isinstance(answer, Refusal)
        else:
            assert answer == Cancellation(len(waiting), is_first=True)
            self.cancelled.add(job_id)
            self.final |= dict.fromkeys(waiting, (ImageState.FAILED, None))
            if places <= set(self.final):
                self.finished.add(job_id)

    @rule(seconds=st.sampled_from([0.5, 1.0, 9.0, LEASE_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: len(self.jobs) > 3)
    @rule()
    def close(self) -> None:
        self.box.close()
        self.draining = True

    # --- what always holds ------------------------------------------------------------------

    @invariant()
    def a_lease_lasts_as_long_as_was_said(self) -> None:
        expired = {
            holder
            for token, (holder, _) in self.in_force.items()
            if self.deadlines[token] <= self.now
        }
        holders = {holder for holder, _ in self.in_force.values()}
        assert expired == holders & set(self.box.expired())

    @invariant()
    def each_open_url_is_in_exactly_one_place(self) -> None:
        box = self.box
        room = box._room
        places: list[UrlKey] = [leased.place for leased in box._leases._leased.values()]
        places += [(j, n) for j, indexes in room._delays._waiting.items() for n in indexes]
        places += room.quarantine._quarantined
        for job_id, queue in room.queue._jobs.items():
            places += [(job_id, index) for index in queue.order[queue.position :]]
            places += [(job_id, index) for index in queue.admitted]
            places += [(job_id, index) for parked in queue.parked.values() for index in parked]
        everything = {(j, n) for j, s in self.jobs.items() for n in range(len(s.urls))}
        assert sorted(places) == sorted(everything - set(self.final))
        waiting = {job_id for job_id, queue in room.queue._jobs.items() if queue}
        in_line = [
            job_id for tenant in room.queue._tenant_turns for *_, job_id in tenant.turns._heap
        ]
        assert all(tenant.turns for tenant in room.queue._tenant_turns)
        assert len(in_line) == len(set(in_line))
        assert waiting <= set(in_line) <= waiting | self.cancelled

    @invariant()
    def each_slot_of_a_source_is_in_use(self) -> None:
        box = self.box._room
        slots = {
            (lease.job_id, lease.index)
            for token, (_, lease) in self.in_force.items()
            if token not in self.arrived
        }
        for job_id, queue in box.queue._jobs.items():
            slots |= {(job_id, index) for index in queue.admitted}
        assert set(box._sources._slots) == slots
        in_flight = Counter(self.host(place) for place in slots)
        held_back = Counter(self.host(place) for place in slots - self.quarantined)
        assert all(count <= SOURCE_CONCURRENCY for count in held_back.values())
        for host, source in box._sources._sources.items():
            assert source.in_flight == in_flight[host]
            assert 1 <= source.limit <= SOURCE_CONCURRENCY
            is_idle = not source.in_flight and not source.paused_until
            assert (host in box._sources._idle) is is_idle
            assert source.limit < SOURCE_CONCURRENCY or not is_idle, "nothing to remember"

    @invariant()
    def what_is_parked_waits_for_a_reason(self) -> None:
        box = self.box._room
        parked = {
            (host, job_id) for job_id, queue in box.queue._jobs.items() for host in queue.parked
        }
        lines = box.queue._parked._queues
        turns = [
            (host, job_id)
            for host, tenants in lines.items()
            for jobs in tenants.values()
            for job_id in jobs
        ]
        assert sorted(turns) == sorted(parked)
        for host in lines:
            source = box._sources._sources[host]
            assert source.paused_until or source.in_flight >= source.limit

    @invariant()
    def who_is_kept_from_other_work_has_a_suspect(self) -> None:
        quarantine = self.box._room.quarantine
        holders = {
            worker_id
            for worker_id, lease in self.in_force.values()
            if (lease.job_id, lease.index) in self.quarantined
        }
        serving = {worker_id for worker_id, has_one in quarantine._dedicated.items() if has_one}
        assert serving == holders
        assert len(quarantine._dedicated) - len(serving) <= len(quarantine._quarantined)
        assert not (quarantine._dedicated.keys() - serving) & self.draining_workers, (
            "they take no more"
        )

    @invariant()
    def counts_agree(self) -> None:
        stats = self.box.stats()
        assert stats.leased == len(self.in_force)
        assert stats.queued == self.open_urls() - len(self.in_force)
        assert stats.delayed <= stats.queued
        assert stats.delayed == sum(map(len, self.box._room._delays._waiting.values()))
        assert stats.workers_draining == len(self.draining_workers)
        assert sum(self.table.unfinished().values()) == self.open_urls()

    @invariant()
    def each_tenant_has_what_its_jobs_have(self) -> None:
        table = self.table
        jobs = list(table.by_id.values())
        for client in CLIENTS:
            own = [job for job in jobs if job.asked.tenant == client]
            assert table.sizes.of(client) == sum(job.size for job in own)
            assert table.open_sizes.of(client) == sum(
                job.size for job in own if job.finished is None
            )
            assert self.box._room.queue.unfinished_of(client) == self.open_urls_of(client)
        assert table.sizes.total == sum(job.size for job in jobs)
        finished = sum(map(len, table.finished.values()))
        assert finished == sum(job.finished is not None for job in jobs)

    @invariant()
    def what_is_final_stays_so(self) -> None:
        links: list[str] = []
        for job_id, submission in self.jobs.items():
            snapshot = snapshot_of(self.table, job_id)
            assert snapshot is not None
            for index, result in enumerate(snapshot.results()):
                expected = self.final.get((job_id, index), (ImageState.PENDING, None))
                assert (result.state, result.link) == expected
            is_complete = all(state in FINAL for state in snapshot.states)
            assert (snapshot.status is JobStatus.COMPLETE) is is_complete
            assert (snapshot.finished is not None) is is_complete
            assert len(snapshot.urls) == len(submission.urls)
            links += snapshot.links.values()
        assert sorted(self.table.links(0, 1000)) == sorted(links)

    def teardown(self) -> None:
        """Whatever happened, one good worker brings all to an end."""
        if self.draining:
            return
        for worker_id in {holder for holder, _ in self.in_force.values()}:
            self.fence(worker_id)
        self.box.register("last")
        while self.open_urls():
            self.now += 10.0
            turn = self.box.claim("last", 0)
            assert turn.leases, "lost"
            (lease,) = turn.leases
            assert self.box.ack("last", Report(lease.token, Failed("e", "End."))).accepted
            self.final[lease.job_id, lease.index] = (ImageState.FAILED, None)
        assert self.table.unfinished() == {}
        self.now += 1.0
        self.table.evict(1.0)
        table = self.table
        assert (table.sizes.total, table.open_sizes.total, len(table.finished)) == (0, 0, 0)
        assert (table.sizes._held, table.open_sizes._held) == ({}, {})
        room = self.box._room
        assert room.size == room._sources.size, "of sources it remembers that they were slow"

    def open_urls(self) -> int:
        return sum(len(submission.urls) for submission in self.jobs.values()) - len(self.final)

    def open_urls_of(self, client: str) -> int:
        sent = [job for job in self.jobs.values() if job.client == client]
        places = {(job.job_id, index) for job in sent for index in range(len(job.urls))}
        return len(places - set(self.final))

    def host(self, place: UrlKey) -> str:
        job_id, index = place
        return host_of(self.jobs[job_id].urls[index])

    def places_in_force(self) -> set[UrlKey]:
        return {(lease.job_id, lease.index) for _, lease in self.in_force.values()}

    def note_finished(self, job_id: str, *, told: bool) -> None:
        count = len(self.jobs[job_id].urls)
        is_complete = all((job_id, index) in self.final for index in range(count))
        assert told is is_complete
        assert job_id not in self.finished, "told once"
        if told:
            self.finished.add(job_id)


TestMailboxMachine = MailboxMachine.TestCase
TestMailboxMachine.settings = settings(max_examples=100, stateful_step_count=60)
TestMailboxMachine.pytestmark = [pytest.mark.unmeasured]

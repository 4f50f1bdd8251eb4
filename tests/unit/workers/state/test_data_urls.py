"""The bytes of data URLs: where they are, for how long, and how they reach a worker."""

from pathlib import Path

import pytest

from tests.clock import Clock
from tests.lane_mailbox import Mailbox
from workers.contract.data_url import read_data_url
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import Failed, Outcome, Uploaded
from workers.contract.messages.round_trip import DATA_PIECE_BYTES, Lease, Report
from workers.contract.messages.submission import Retry, Submission
from workers.state.jobs.job_table import JobTable
from workers.state.journal.recovery import load
from workers.worker.source.data_reader import DataReader, LeaseLostError

IMAGE = b"GIF89a" + bytes(range(256)) * 5000  # three pieces, the last one short
SHOWN = read_data_url("data:image/gif,GIF89a", 100).shown
JOB = Submission("j", (SHOWN, "https://s.test/a.png", "data:other"), data={0: IMAGE, 2: b"small"})
LINK = Uploaded("https://i.imgur.com/a.gif", "hash")
REFUSED = Failed("imgur-refused", "No.")


class Run:
    """One life of the state, with one worker."""

    def __init__(self, path: Path | None = None) -> None:
        self.table = JobTable(Clock())
        if path is not None:
            self.journal, _ = load(path, self.table)
            self.table.resume(self.journal)
        self.box = Mailbox(self.table, MailboxLimits(), Clock())
        self.box.restore()
        self.box.register("w")

    def leases(self) -> dict[int, Lease]:
        return {lease.index: lease for lease in self.box.claim("w", 0, 10).leases}

    def end(self, lease: Lease, outcome: Outcome) -> None:
        assert self.box.ack("w", Report(lease.token, outcome)).accepted

    def read(self, lease: Lease, worker: str = "w") -> bytes:
        reader = DataReader(lambda token, start: self.box.read_data(worker, token, start))
        try:
            return b"".join(reader.pieces(lease.token))
        finally:
            reader.close()


def test_a_worker_reads_the_bytes_of_its_lease_in_pieces() -> None:
    run = Run()
    assert run.box.put(JOB) is None

    leases = run.leases()

    assert leases[0].target == SHOWN
    assert run.read(leases[0]) == IMAGE
    assert run.read(leases[2]) == b"small"
    piece = run.box.read_data("w", leases[0].token, DATA_PIECE_BYTES)
    assert piece == IMAGE[DATA_PIECE_BYTES : 2 * DATA_PIECE_BYTES]


@pytest.mark.parametrize("size", [1, DATA_PIECE_BYTES - 1, DATA_PIECE_BYTES, DATA_PIECE_BYTES + 1])
def test_pieces_of_any_size_are_the_whole(size: int) -> None:
    run = Run()
    run.box.put(Submission("j", (SHOWN,), data={0: bytes(size)}))

    assert run.read(run.leases()[0]) == bytes(size)


def test_nobody_else_reads_them() -> None:
    run = Run()
    run.box.put(JOB)
    lease = run.leases()[0]
    run.box.register("other")
    with pytest.raises(LeaseLostError):
        run.read(lease, "other")

    run.box.fence("w")

    with pytest.raises(LeaseLostError):
        run.read(lease)


def test_they_are_dropped_when_they_are_uploaded_and_kept_when_they_fail() -> None:
    run = Run()
    run.box.put(JOB)
    before = run.table.size
    leases = run.leases()

    run.end(leases[2], REFUSED)
    assert run.table.size > before - 1000
    run.end(leases[0], LINK)

    assert before - run.table.size > len(IMAGE) - 1000
    job = run.table.by_id["j"]
    assert job.data == {2: b"small"}


def test_a_retry_has_the_bytes_of_what_failed() -> None:
    run = Run()
    run.box.put(JOB)
    for index, lease in run.leases().items():
        run.end(lease, LINK if index == 0 else REFUSED)

    assert run.box.retry("j", "", "again") == Retry("again", 2, is_first=True)

    leases = run.leases()
    assert leases[0].target == "https://s.test/a.png"
    assert run.read(leases[1]) == b"small"


def test_a_retry_takes_the_bytes_over() -> None:
    run = Run()
    run.box.put(JOB)
    for lease in run.leases().values():
        run.end(lease, REFUSED)
    before = run.table.size

    run.box.retry("j", "", "again")

    assert run.table.size - before < len(IMAGE) // 10
    assert run.table.by_id["j"].data == {}
    assert run.table.by_id["again"].data == {0: IMAGE, 2: b"small"}
    for lease in run.leases().values():
        run.end(lease, LINK)
    # An open webhook of the first job could have it outlive the retry.
    run.table.forget(["again"])
    assert run.box.retry("j", "", "third") == Retry("third", 1, is_first=True)
    assert run.leases()[0].target == "https://s.test/a.png"


def test_they_outlive_a_restart_until_they_are_uploaded(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    run = Run(path)
    run.box.put(JOB)
    run.journal.close()

    run = Run(path)  # from the record of the request
    leases = run.leases()
    assert (run.read(leases[0]), run.read(leases[2])) == (IMAGE, b"small")
    run.end(leases[0], LINK)
    run.end(leases[2], REFUSED)
    run.end(leases[1], REFUSED)
    run.journal.close()

    run = Run(path)  # from the compact record
    assert path.stat().st_size < len(IMAGE)
    assert run.table.by_id["j"].data == {2: b"small"}
    run.box.retry("j", "", "again")
    assert run.read(run.leases()[1]) == b"small"
    run.journal.close()


def test_a_job_counts_with_its_bytes() -> None:
    run = Run()
    largest = run.table.max_job_bytes
    run.table.max_bytes = 2 * len(IMAGE)

    refusal = run.box.put(Submission("j", (SHOWN,), data={0: IMAGE + IMAGE}))

    assert largest > len(IMAGE)
    assert refusal is not None
    assert refusal.code == "job-too-large"


def test_they_count_against_no_host() -> None:
    table = JobTable()
    box = Mailbox(table, MailboxLimits(source_concurrency=1))
    box.register("w")
    urls = tuple(read_data_url(f"data:,{number}", 9).shown for number in range(5))
    box.put(Submission("j", urls, data=dict.fromkeys(range(5), b"x")))

    assert len(box.claim("w", 0, 10).leases) == 5

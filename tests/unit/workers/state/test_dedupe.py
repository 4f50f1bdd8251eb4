"""The same image twice: the second time it is not sent."""

import pytest

from tests.job_snapshot import snapshot_of
from tests.lane_mailbox import Mailbox
from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ChangesWanted
from workers.contract.messages.outcomes import ImageDetails, RetryLater, Uploaded
from workers.contract.messages.round_trip import (
    DownloadReport,
    Lease,
    Report,
    UploadDecision,
    WorkerRequest,
)
from workers.contract.messages.submission import Submission
from workers.contract.messages.tasks import TaskKind
from workers.state.jobs.job_table import JobTable

KNOWN = ImageDetails(deduplicated=True)
CONTENT = b"c" * 32
LINK = "https://i.imgur.test/a.jpg"


class Harness:
    """A mailbox and one worker."""

    def __init__(self) -> None:
        self.table = JobTable()
        self.box = Mailbox(self.table, MailboxLimits())
        self.box.register("w")

    def put(self, job_id: str, count: int = 1, owner: str = "", **options: str) -> None:
        urls = tuple(f"https://s.test/{job_id}/{n}" for n in range(count))
        asked = JobOptions(**options)
        assert self.box.put(Submission(job_id, urls, owner, asked)) is None

    def take(self) -> Lease:
        (lease,) = self.box.claim("w", 0).leases
        return lease

    def arrive(self, lease: Lease, content: bytes | None = CONTENT) -> UploadDecision:
        words = WorkerRequest(uploads=(DownloadReport(lease.token, 9, "image/png", 1, content),))
        (decision,) = self.box.exchange("w", words, 0).cleared
        return decision

    def end(self, lease: Lease, decision: UploadDecision, link: str = LINK) -> None:
        if isinstance(decision, str):
            outcome = Uploaded(decision, "", details=KNOWN)
        else:
            outcome = Uploaded(link, "hash", content=CONTENT)
        assert self.box.ack("w", Report(lease.token, outcome)).accepted

    def upload(self, job_id: str, owner: str = "", link: str = LINK) -> UploadDecision:
        self.put(job_id, 1, owner)
        lease = self.take()
        decision = self.arrive(lease)
        self.end(lease, decision, link)
        return decision


def test_the_second_one_gets_the_link_of_the_first() -> None:
    harness = Harness()

    assert harness.upload("j") is True
    assert harness.upload("k") == LINK

    job = snapshot_of(harness.table, "k")
    assert job is not None
    assert job.links == {0: LINK}
    changes = harness.table.changes(ChangesWanted("k"))
    assert changes is not None
    assert changes.details == {0: KNOWN}
    first = harness.table.changes(ChangesWanted("j"))
    assert first is not None
    assert first.details == {}


def test_the_list_of_links_names_an_image_once() -> None:
    harness = Harness()
    harness.upload("j")
    harness.upload("k")

    assert harness.table.links(0, 9) == (LINK,)


def test_another_owner_has_an_image_of_its_own() -> None:
    harness = Harness()
    harness.upload("j", "me")

    assert harness.upload("k", "you", LINK + "?2") is True
    assert harness.table.links(0, 9, "you") == (LINK + "?2",)
    assert harness.upload("l", "you") == LINK + "?2"


def test_two_at_once_are_both_sent_and_the_first_that_ends_is_remembered() -> None:
    harness = Harness()
    harness.put("j", 2)
    one, two = harness.take(), harness.take()

    assert harness.arrive(one) is True
    assert harness.arrive(two) is True
    harness.end(two, decision=True, link="second")
    harness.end(one, decision=True, link="first")

    assert harness.upload("k") == "second"
    assert harness.table.links(0, 9) == ("second", "first")


def test_a_deleted_image_is_sent_again() -> None:
    harness = Harness()
    harness.upload("j")

    assert harness.box.delete_image("j", 0) is None
    assert harness.take().kind is TaskKind.DELETION

    assert harness.upload("k") is True


def test_without_content_nothing_is_compared() -> None:
    harness = Harness()
    harness.upload("j")
    harness.put("k")
    lease = harness.take()

    assert harness.arrive(lease, None) is True


def test_an_image_that_is_there_counts_as_no_upload_under_way() -> None:
    harness = Harness()
    harness.upload("j")
    harness.put("k")
    lease = harness.take()

    assert harness.arrive(lease) == LINK
    assert harness.table.by_id["k"].interrupted_uploads(0) == 0


def test_an_attempt_that_failed_leaves_nothing_to_be_found() -> None:
    harness = Harness()
    harness.put("j")
    lease = harness.take()
    harness.arrive(lease)
    harness.box.ack("w", Report(lease.token, RetryLater("imgur-error", "503.", 0.0)))

    assert harness.arrive(harness.take()) is True


@pytest.mark.parametrize("token", [0, 99])
def test_a_lease_that_is_not_in_force_is_told_no_link(token: int) -> None:
    harness = Harness()
    harness.upload("j")

    assert harness.arrive(Lease(token, "j", 0, "u", 1)) is False


def test_leases_carry_what_their_job_asks_for() -> None:
    harness = Harness()
    harness.put("j", 2, title="{number}")
    harness.put("k")
    leases = sorted(harness.box.claim("w", 0, 3).leases, key=lambda lease: lease.job_id)

    first, second, plain = leases
    assert first.options is second.options
    assert first.options is not None
    assert (first.options.job.title, first.options.count) == ("{number}", 2)
    assert plain.options is None

"""What becomes of a URL whose worker died while its image was being sent."""

import pytest

from tests.job_snapshot import ImageResult, snapshot_of
from tests.lane_mailbox import Mailbox
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.jobs import ImageState
from workers.contract.messages.outcomes import Failed, RetryLater, Uploaded
from workers.contract.messages.round_trip import Lease, Report
from workers.contract.messages.submission import Submission
from workers.contract.messages.supervision import FenceResult
from workers.state.jobs.job_table import JobTable

LINK = Uploaded("https://i.imgur.com/a.jpg", "hash")


class Harness:
    """A mailbox with one worker and one URL."""

    def __init__(self, *, upload_again: bool = True) -> None:
        self.table = JobTable()
        self.box = Mailbox(self.table, MailboxLimits(upload_again=upload_again))
        self.box.register("w")
        self.box.put(Submission("j", ("https://source.test/a.jpg",)))

    def claim(self) -> Lease:
        (lease,) = self.box.claim("w", 0).leases
        return lease

    def begin_upload(self) -> Lease:
        lease = self.claim()
        assert self.box.begin_upload("w", lease.token)
        return lease

    def crash(self) -> FenceResult:
        fenced = self.box.fence("w")
        self.box.register("w")
        return fenced

    @property
    def result(self) -> ImageResult:
        snapshot = snapshot_of(self.table, "j")
        assert snapshot is not None
        (result,) = snapshot.results()
        return result


def test_is_uploaded_once_more_and_marked() -> None:
    harness = Harness()
    harness.begin_upload()
    harness.crash()
    assert not harness.result.possibly_duplicated  # nothing was sent again yet

    lease = harness.begin_upload()
    assert harness.result.possibly_duplicated
    harness.box.ack("w", Report(lease.token, LINK))

    assert harness.result.state is ImageState.COMPLETE
    assert harness.result.possibly_duplicated


def test_is_not_uploaded_a_third_time() -> None:
    harness = Harness()
    harness.begin_upload()
    harness.crash()
    harness.begin_upload()

    harness.crash()
    failed, finished = harness.box.tend()

    assert failed.fields["reason"] == "upload-interrupted"
    assert finished.event == "job complete"
    assert (harness.result.state, harness.result.reason) == (
        ImageState.FAILED,
        "upload-interrupted",
    )


def test_fails_at_once_where_that_is_the_policy() -> None:
    harness = Harness(upload_again=False)
    harness.begin_upload()

    harness.crash()
    failed, _ = harness.box.tend()

    assert failed.fields["reason"] == "upload-interrupted"
    assert not harness.result.possibly_duplicated


@pytest.mark.parametrize("upload_again", [True, False], ids=["retry", "fail"])
def test_a_crash_before_the_upload_is_no_matter_of_this(*, upload_again: bool) -> None:
    harness = Harness(upload_again=upload_again)
    harness.claim()
    harness.crash()

    lease = harness.begin_upload()
    harness.box.ack("w", Report(lease.token, LINK))

    assert harness.result.state is ImageState.COMPLETE
    assert not harness.result.possibly_duplicated


def test_a_crash_while_downloading_again_is_not_one_more_upload() -> None:
    harness = Harness()
    harness.begin_upload()
    harness.crash()
    harness.claim()
    assert harness.crash().failed == 0

    lease = harness.begin_upload()
    harness.box.ack("w", Report(lease.token, LINK))
    assert harness.result.possibly_duplicated


def test_an_answer_that_was_lost_counts_as_an_upload() -> None:
    harness = Harness()
    lease = harness.begin_upload()
    harness.box.ack(
        "w", Report(lease.token, RetryLater("imgur-timeout", "No answer.", 0, maybe_stored=True))
    )
    harness.begin_upload()
    assert harness.result.possibly_duplicated

    harness.crash()
    failed, _ = harness.box.tend()
    assert failed.fields["reason"] == "upload-interrupted"


def test_an_answer_that_says_no_leaves_no_doubt() -> None:
    harness = Harness()
    lease = harness.begin_upload()
    harness.box.ack("w", Report(lease.token, RetryLater("imgur-error", "Broken.", 0)))
    lease = harness.begin_upload()
    harness.box.ack("w", Report(lease.token, LINK))

    assert not harness.result.possibly_duplicated


@pytest.mark.parametrize("token_of", [lambda token: token, lambda token: token + 1])
def test_a_lease_that_is_not_in_force_may_not_upload(token_of) -> None:
    harness = Harness()
    token = harness.claim().token
    harness.crash()

    assert not harness.box.begin_upload("w", token_of(token))
    assert not harness.box.begin_upload("stranger", token)
    lease = harness.begin_upload()
    assert not harness.result.possibly_duplicated
    harness.box.ack("w", Report(lease.token, Failed("empty", "Nothing came.")))

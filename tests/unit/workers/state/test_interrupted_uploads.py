"""What becomes of a URL whose worker died while its image was being sent."""

import pytest

from tests.job_snapshot import ImageResult, snapshot_of
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages import (
    Failed,
    ImageState,
    Lease,
    Report,
    Retirement,
    Submission,
    TryAgain,
    Uploaded,
)
from workers.state.jobs.job_table import JobTable
from workers.state.mailbox import Mailbox

LINK = Uploaded("https://i.imgur.com/a.jpg", "hash")


class Desk:
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

    def crash(self) -> Retirement:
        retirement = self.box.retire("w")
        self.box.register("w")
        return retirement

    @property
    def result(self) -> ImageResult:
        snapshot = snapshot_of(self.table, "j")
        assert snapshot is not None
        (result,) = snapshot.results()
        return result


def test_is_uploaded_once_more_and_marked() -> None:
    desk = Desk()
    desk.begin_upload()
    desk.crash()
    assert not desk.result.possibly_duplicated  # nothing was sent again yet

    lease = desk.begin_upload()
    assert desk.result.possibly_duplicated
    desk.box.ack("w", Report(lease.token, LINK))

    assert desk.result.state is ImageState.COMPLETE
    assert desk.result.possibly_duplicated


def test_is_not_uploaded_a_third_time() -> None:
    desk = Desk()
    desk.begin_upload()
    desk.crash()
    desk.begin_upload()

    (failed,) = desk.crash().failed

    assert failed.reason == "upload-interrupted"
    assert failed.finished is not None
    assert (desk.result.state, desk.result.reason) == (ImageState.FAILED, "upload-interrupted")


def test_fails_at_once_where_that_is_the_policy() -> None:
    desk = Desk(upload_again=False)
    desk.begin_upload()

    (failed,) = desk.crash().failed

    assert failed.reason == "upload-interrupted"
    assert not desk.result.possibly_duplicated


@pytest.mark.parametrize("upload_again", [True, False], ids=["retry", "fail"])
def test_a_crash_before_the_upload_is_no_matter_of_this(*, upload_again: bool) -> None:
    desk = Desk(upload_again=upload_again)
    desk.claim()
    desk.crash()

    lease = desk.begin_upload()
    desk.box.ack("w", Report(lease.token, LINK))

    assert desk.result.state is ImageState.COMPLETE
    assert not desk.result.possibly_duplicated


def test_a_crash_while_downloading_again_is_not_one_more_upload() -> None:
    desk = Desk()
    desk.begin_upload()
    desk.crash()
    desk.claim()
    assert desk.crash().failed == ()

    lease = desk.begin_upload()
    desk.box.ack("w", Report(lease.token, LINK))
    assert desk.result.possibly_duplicated


def test_an_answer_that_was_lost_counts_as_an_upload() -> None:
    desk = Desk()
    lease = desk.begin_upload()
    desk.box.ack(
        "w", Report(lease.token, TryAgain("imgur-timeout", "No answer.", 0, maybe_stored=True))
    )
    desk.begin_upload()
    assert desk.result.possibly_duplicated

    (failed,) = desk.crash().failed
    assert failed.reason == "upload-interrupted"


def test_an_answer_that_says_no_leaves_no_doubt() -> None:
    desk = Desk()
    lease = desk.begin_upload()
    desk.box.ack("w", Report(lease.token, TryAgain("imgur-error", "Broken.", 0)))
    lease = desk.begin_upload()
    desk.box.ack("w", Report(lease.token, LINK))

    assert not desk.result.possibly_duplicated


@pytest.mark.parametrize("token_of", [lambda token: token, lambda token: token + 1])
def test_a_lease_that_is_not_in_force_may_not_upload(token_of) -> None:
    desk = Desk()
    token = desk.claim().token
    desk.crash()

    assert not desk.box.begin_upload("w", token_of(token))
    assert not desk.box.begin_upload("stranger", token)
    lease = desk.begin_upload()
    assert not desk.result.possibly_duplicated
    desk.box.ack("w", Report(lease.token, Failed("empty", "Nothing came.")))

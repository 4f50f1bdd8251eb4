import io
from collections.abc import Callable
from typing import BinaryIO

import pytest
import structlog

from workers.backoff import Backoff
from workers.board import BoardLostError
from workers.download import Download, ImageType
from workers.errors import (
    DownloadError,
    ImageError,
    ImgurError,
    RateLimitedError,
    Reason,
    SourceOverloadedError,
    UploadUnsureError,
)
from workers.imgur import UploadedImage
from workers.messages import Failed, Lease, Outcome, PutBack, TryAgain, Uploaded
from workers.pipeline import Pipeline

PNG = ImageType("PNG", "image/png", "png", accepted=True)
MAX_ATTEMPTS = 4


class Shelf:
    """A source that has one image, or one trouble."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.asked: list[str] = []
        self.file = io.BytesIO(b"\x89PNG picture")

    def fetch(self, url: str) -> Download:
        self.asked.append(url)
        if self.trouble is not None:
            raise self.trouble
        return Download(self.file, len(self.file.getvalue()), PNG)


class Wall:
    """A sink that notes what is hung on it, or has one trouble."""

    def __init__(
        self, trouble: Exception | None = None, pause_seconds: float | None = None
    ) -> None:
        self.trouble = trouble
        self.pause_seconds = pause_seconds
        self.taken: list[tuple[bytes, int, str, str]] = []

    def upload(self, file: BinaryIO, size: int, media_type: str, filename: str) -> UploadedImage:
        self.taken.append((file.read(), size, media_type, filename))
        if self.trouble is not None:
            raise self.trouble
        return UploadedImage("https://i.imgur.com/a.png", "secret-hash", self.pause_seconds)


def lease(attempt: int = 1) -> Lease:
    return Lease(7, "j", 3, "https://source.test/private-name.png?key=secret", attempt)


def process(shelf: Shelf, wall: Wall, attempt: int = 1, *, may_upload: bool = True) -> Outcome:
    backoff = Backoff(base_seconds=1.0, cap_seconds=60.0)
    pipeline = Pipeline(shelf, wall, MAX_ATTEMPTS, backoff, lambda _lease: may_upload)
    return pipeline.process(lease(attempt))


def trouble(*, transient: bool, retry_after: float | None = None) -> DownloadError:
    return DownloadError(
        Reason.SOURCE_ERROR, "It is broken.", transient=transient, retry_after=retry_after
    )


def test_carries_the_image_across() -> None:
    shelf, wall = Shelf(), Wall()

    assert process(shelf, wall) == Uploaded("https://i.imgur.com/a.png", "secret-hash")

    assert shelf.asked == [lease().url]
    # The source's own name of the file is not passed on.
    assert wall.taken == [(b"\x89PNG picture", 12, "image/png", "image.png")]


def test_a_lease_that_has_passed_on_is_not_uploaded() -> None:
    shelf, wall = Shelf(), Wall()

    outcome = process(shelf, wall, may_upload=False)

    assert isinstance(outcome, Failed)
    assert wall.taken == []
    assert shelf.file.closed


@pytest.mark.parametrize(
    ("error", "maybe_stored"),
    [
        (UploadUnsureError(Reason.IMGUR_TIMEOUT, "No answer.", transient=True), True),
        (ImgurError(Reason.IMGUR_ERROR, "It is broken.", transient=True), False),
    ],
    ids=["no answer", "an answer"],
)
def test_an_upload_without_an_answer_leaves_a_doubt(
    error: ImgurError, *, maybe_stored: bool
) -> None:
    outcome = process(Shelf(), Wall(error))

    assert isinstance(outcome, TryAgain)
    assert outcome.maybe_stored is maybe_stored


@pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS], ids=["not the last", "the last"])
@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (SourceOverloadedError(Reason.SOURCE_ERROR, "Busy.", transient=True, retry_after=7.0), 7.0),
        (SourceOverloadedError(Reason.SOURCE_RATE_LIMITED, "Busy.", transient=True), 0.0),
        (DownloadError(Reason.SOURCE_ERROR, "Broken.", transient=True, retry_after=7.0), None),
    ],
    ids=["for a time", "without saying how long", "not overloaded"],
)
def test_an_overloaded_source_is_told_of(
    error: DownloadError, pause: float | None, attempt: int
) -> None:
    outcome = process(Shelf(error), Wall(), attempt)

    assert isinstance(outcome, TryAgain if attempt == 1 else Failed)
    assert outcome.source_pause_seconds == pause


def test_a_used_up_allowance_is_passed_on() -> None:
    outcome = process(Shelf(), Wall(pause_seconds=12.5))

    assert isinstance(outcome, Uploaded)
    assert outcome.pause_seconds == 12.5


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(None, id="uploaded"),
        pytest.param(ImgurError(Reason.IMGUR_REFUSED, "No."), id="refused"),
        pytest.param(RateLimitedError("Wait.", pause_seconds=5.0), id="told to wait"),
        pytest.param(ValueError("a bug"), id="bug"),
    ],
)
def test_the_file_is_closed_whatever_happens(failure: Exception | None) -> None:
    shelf = Shelf()
    with structlog.testing.capture_logs():
        process(shelf, Wall(failure))

    assert shelf.file.closed


class TestTroubles:
    """The same rules for both ends of the way."""

    @pytest.fixture(params=["source", "sink"])
    def run(self, request: pytest.FixtureRequest) -> Callable[[Exception, int], Outcome]:
        def at_source(error: Exception, attempt: int = 1) -> Outcome:
            return process(Shelf(error), Wall(), attempt)

        def at_sink(error: Exception, attempt: int = 1) -> Outcome:
            return process(Shelf(), Wall(error), attempt)

        return at_source if request.param == "source" else at_sink

    def test_a_permanent_one_fails_at_once(self, run: Callable[..., Outcome]) -> None:
        assert run(trouble(transient=False)) == Failed("source-error", "It is broken.")

    @pytest.mark.parametrize("attempt", [1, 2, 3])
    def test_a_passing_one_is_tried_again(self, run: Callable[..., Outcome], attempt: int) -> None:
        outcome = run(trouble(transient=True), attempt)

        assert isinstance(outcome, TryAgain)
        assert (outcome.reason, outcome.message) == ("source-error", "It is broken.")
        bound = 2 ** (attempt - 1)
        assert bound / 2 <= outcome.delay_seconds <= bound

    @pytest.mark.parametrize("attempt", [4, 5])
    def test_the_last_attempt_fails(self, run: Callable[..., Outcome], attempt: int) -> None:
        assert run(trouble(transient=True), attempt) == Failed("source-error", "It is broken.")

    def test_the_wait_asked_for_is_kept(self, run: Callable[..., Outcome]) -> None:
        outcome = run(trouble(transient=True, retry_after=90.0))

        assert isinstance(outcome, TryAgain)
        assert outcome.delay_seconds == 90.0

    @pytest.mark.parametrize("attempt", [1, 4, 9])
    def test_being_told_to_wait_never_fails(
        self, run: Callable[..., Outcome], attempt: int
    ) -> None:
        outcome = run(RateLimitedError("Imgur asks to wait.", pause_seconds=30.0), attempt)

        assert outcome == PutBack("imgur-rate-limited", "Imgur asks to wait.", 30.0)

    def test_a_bug_fails_this_url_only_and_is_logged(self, run: Callable[..., Outcome]) -> None:
        with structlog.testing.capture_logs() as logs:
            outcome = run(ValueError("secret detail"))

        assert isinstance(outcome, Failed)
        assert outcome.reason == "internal-error"
        assert "secret" not in outcome.message
        (event,) = logs
        assert (event["event"], event["log_level"]) == ("internal error", "error")
        assert (event["job_id"], event["index"]) == ("j", 3)
        assert event["exc_info"] is True
        assert "secret" not in str(event)

    @pytest.mark.parametrize("end", [SystemExit(1), BoardLostError("The Manager is gone.")])
    def test_the_end_of_everything_is_no_outcome(
        self, run: Callable[..., Outcome], end: BaseException
    ) -> None:
        with pytest.raises(type(end)):
            run(end)


def test_every_image_error_is_transient_or_not_by_its_own_word() -> None:
    assert not ImageError(Reason.EMPTY, "Nothing came.").transient
    assert RateLimitedError("Wait.", pause_seconds=1.0).transient

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import pytest
import structlog

from tests.plain_fitter import plain_fitter
from workers.contract.backend import BackendLostError
from workers.contract.backoff import Backoff
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.errors import (
    DownloadError,
    ImageError,
    ImgurError,
    OutcomeUnknownError,
    RateLimitedError,
    Reason,
    RefusalScope,
    SourceOverloadedError,
)
from workers.contract.image_type import ImageType
from workers.contract.job_options import HeadersByOrigin, JobOptions
from workers.contract.messages.outcomes import (
    Deferred,
    Done,
    Failed,
    ImageDetails,
    MaybeBlocked,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import DownloadReport, ImageOptions, Lease, UploadDecision
from workers.contract.messages.tasks import TaskKind
from workers.worker.pipeline import Pipeline
from workers.worker.source.body import Download
from workers.worker.source.data_reader import LeaseLostError

PNG = ImageType("PNG", "image/png", "png")
MAX_ATTEMPTS = 4


class Shelf:
    """A source that has one image, or one trouble."""

    def __init__(
        self,
        trouble: Exception | None = None,
        digest: bytes | None = None,
        resolved_to: str | None = None,
    ) -> None:
        self.trouble = trouble
        self.resolved_to = resolved_to
        self.resolve_pages: bool | None = None
        self.digest = digest
        self.asked: list[str] = []
        self.headers: HeadersByOrigin = ()
        self.file = io.BytesIO(b"\x89PNG picture")

    def take(self, pieces: Iterable[bytes], *, converts: bool = False) -> Download:
        content = b"".join(pieces)
        return Download(io.BytesIO(content), len(content), PNG)

    def fetch(
        self,
        url: str,
        headers: HeadersByOrigin = (),
        *,
        resolve_pages: bool | None = None,
        converts: bool = False,
    ) -> Download:
        self.headers, self.resolve_pages = headers, resolve_pages
        self.asked.append(url)
        if self.trouble is not None:
            raise self.trouble
        size = len(self.file.getvalue())
        return Download(self.file, size, PNG, self.digest, self.resolved_to)


class Wall:
    """A sink that notes what is hung on it, or has one trouble."""

    def __init__(
        self, trouble: Exception | None = None, pause_seconds: float | None = None
    ) -> None:
        self.trouble = trouble
        self.pause_seconds = pause_seconds
        self.fields: dict[str, str] = {}
        self.taken: list[tuple[bytes, int, str, str]] = []

    def upload(
        self,
        file: BinaryIO,
        size: int,
        media_type: str,
        filename: str,
        fields: Mapping[str, str],
    ) -> Uploaded:
        self.fields = dict(fields)
        self.taken.append((file.read(), size, media_type, filename))
        if self.trouble is not None:
            raise self.trouble
        return Uploaded("https://i.imgur.com/a.png", "secret-hash", self.pause_seconds)

    def delete(self, deletehash: str) -> Outcome:
        raise AssertionError(deletehash)


class Silent:
    """Nobody is told anything."""

    def send(self, lease: Lease) -> Outcome:
        raise AssertionError(lease)


def lease(attempt: int = 1) -> Lease:
    return Lease(7, "j", 3, "https://source.test/private-name.png?key=secret", attempt)


def process(shelf: Shelf, wall: Wall, attempt: int = 1, *, may_upload: bool = True) -> Outcome:
    backoff = Backoff(base_seconds=1.0, cap_seconds=60.0)
    pipeline = Pipeline(
        shelf,
        wall,
        MAX_ATTEMPTS,
        backoff,
        lambda _lease: may_upload,
        callbacks=Silent(),
        fitter=plain_fitter(),
    )
    return pipeline.process(lease(attempt))


def trouble(*, transient: bool, retry_after: float | None = None) -> DownloadError:
    return DownloadError(
        Reason.SOURCE_ERROR, "It is broken.", transient=transient, retry_after=retry_after
    )


def test_carries_the_image_across() -> None:
    shelf, wall = Shelf(), Wall()

    assert process(shelf, wall) == Uploaded("https://i.imgur.com/a.png", "secret-hash")

    assert shelf.asked == [lease().target]
    # The source's own name of the file is not passed on.
    assert wall.taken == [(b"\x89PNG picture", 12, "image/png", "image.png")]


@pytest.mark.parametrize("fits", [True, False])
def test_a_conversion_is_announced_before_it_begins(*, fits: bool) -> None:
    events: list[object] = []

    class Fitter:
        policy = ConversionPolicy()

        def fit(self, image: Download) -> Download:
            events.append("fit")
            return image

    class Source(Shelf):
        def fetch(self, *args: Any, **options: Any) -> Download:
            return replace(super().fetch(*args, **options), fits=fits)

    Pipeline(
        Source(),
        Wall(),
        MAX_ATTEMPTS,
        Backoff(),
        lambda _: True,
        callbacks=Silent(),
        fitter=Fitter(),
        begin_conversion=events.append,
    ).process(lease())

    assert events == (["fit"] if fits else [lease().token, "fit"])


def test_a_lease_that_has_passed_on_is_not_uploaded() -> None:
    shelf, wall = Shelf(), Wall()

    outcome = process(shelf, wall, may_upload=False)

    assert isinstance(outcome, Failed)
    assert wall.taken == []
    assert shelf.file.closed


@pytest.mark.parametrize(
    ("error", "maybe_stored"),
    [
        (OutcomeUnknownError(Reason.IMGUR_TIMEOUT, "No answer.", transient=True), True),
        (ImgurError(Reason.IMGUR_ERROR, "It is broken.", transient=True), False),
    ],
    ids=["no answer", "an answer"],
)
def test_an_upload_without_an_answer_leaves_a_doubt(
    error: ImgurError, *, maybe_stored: bool
) -> None:
    outcome = process(Shelf(), Wall(error))

    assert isinstance(outcome, RetryLater)
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

    assert isinstance(outcome, RetryLater if attempt == 1 else Failed)
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

        assert isinstance(outcome, RetryLater)
        assert (outcome.reason, outcome.message) == ("source-error", "It is broken.")
        bound = 2 ** (attempt - 1)
        assert bound / 2 <= outcome.delay_seconds <= bound

    @pytest.mark.parametrize("attempt", [4, 5])
    def test_the_last_attempt_fails(self, run: Callable[..., Outcome], attempt: int) -> None:
        assert run(trouble(transient=True), attempt) == Failed("source-error", "It is broken.")

    @pytest.mark.parametrize(
        ("most", "attempt", "is_last"),
        [(2, 1, False), (2, 2, True), (2, 3, True), (1, 1, True), (9, 3, False), (9, 4, True)],
    )
    def test_an_error_may_be_worth_fewer_attempts_and_never_more(
        self, run: Callable[..., Outcome], most: int, attempt: int, *, is_last: bool
    ) -> None:
        error = ImageError(Reason.IMGUR_REFUSED, "No.", transient=True, max_attempts=most)

        assert isinstance(run(error, attempt), Failed if is_last else RetryLater)

    def test_the_wait_asked_for_is_kept(self, run: Callable[..., Outcome]) -> None:
        outcome = run(trouble(transient=True, retry_after=90.0))

        assert isinstance(outcome, RetryLater)
        assert outcome.delay_seconds == 90.0

    @pytest.mark.parametrize("attempt", [1, 4, 9])
    def test_being_told_to_wait_never_fails(
        self, run: Callable[..., Outcome], attempt: int
    ) -> None:
        outcome = run(RateLimitedError("Imgur asks to wait.", pause_seconds=30.0), attempt)

        assert outcome == Deferred("imgur-rate-limited", "Imgur asks to wait.", 30.0)

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

    @pytest.mark.parametrize("end", [SystemExit(1), BackendLostError("The Manager is gone.")])
    def test_the_end_of_everything_is_no_outcome(
        self, run: Callable[..., Outcome], end: BaseException
    ) -> None:
        with pytest.raises(type(end)):
            run(end)


def test_every_image_error_is_transient_or_not_by_its_own_word() -> None:
    assert not ImageError(Reason.EMPTY, "Nothing came.").transient
    assert RateLimitedError("Wait.", pause_seconds=1.0).transient


class TestOptions:
    """What the job asked for besides its URLs."""

    HEADERS = (("https://source.test", (("X-Key", "secret"),)),)

    def run(
        self,
        options: ImageOptions | None,
        digest: bytes | None = None,
        *,
        decision: UploadDecision = True,
    ) -> tuple[Outcome, Shelf, Wall, DownloadReport]:
        shelf, wall = Shelf(digest=digest), Wall()
        arrivals: list[DownloadReport] = []

        def begin_upload(download_report: DownloadReport) -> UploadDecision:
            arrivals.append(download_report)
            return decision

        pipeline = Pipeline(
            shelf,
            wall,
            MAX_ATTEMPTS,
            Backoff(1.0, 60.0),
            begin_upload,
            callbacks=Silent(),
            fitter=plain_fitter(),
        )
        outcome = pipeline.process(replace(lease(), options=options))
        return outcome, shelf, wall, arrivals[0]

    def test_headers_and_fields_reach_both_ends(self) -> None:
        options = ImageOptions(
            9, JobOptions("al6um", "{number} of {count}", source_headers=self.HEADERS)
        )

        _, shelf, wall, _ = self.run(options)

        assert shelf.headers == self.HEADERS
        assert wall.fields == {"album": "al6um", "title": "4 of 9"}

    def test_without_options_nothing_is_added(self) -> None:
        _, shelf, wall, download_report = self.run(None)

        assert (shelf.headers, wall.fields) == ((), {})
        assert (download_report.token, download_report.size, download_report.media_type) == (
            7,
            12,
            "image/png",
        )
        assert download_report.content is None

    def test_an_image_that_is_there_already_is_not_sent(self) -> None:
        outcome, shelf, wall, _ = self.run(None, b"d" * 32, decision="https://i.imgur.com/a.png")

        assert outcome == Uploaded(
            "https://i.imgur.com/a.png", "", details=ImageDetails(deduplicated=True)
        )
        assert wall.taken == []
        assert shelf.file.closed

    def test_the_same_image_with_other_fields_is_another(self) -> None:
        named = ImageOptions(9, JobOptions(title="{number}"))
        contents = [
            self.run(options, digest)[3].content
            for options, digest in (
                (None, b"d" * 32),
                (named, b"d" * 32),
                (ImageOptions(9, JobOptions(description="{number}")), b"d" * 32),
                (ImageOptions(9, JobOptions(album="4")), b"d" * 32),
                (None, b"e" * 32),
            )
        ]

        assert len(set(contents)) == len(contents)
        assert self.run(ImageOptions(2, JobOptions(title="4")), b"d" * 32)[3].content == contents[1]

    def test_what_was_uploaded_is_told_with_its_content(self) -> None:
        outcome, _, _, download_report = self.run(None, b"d" * 32)

        assert isinstance(outcome, Uploaded)
        assert outcome.content == download_report.content == b"d" * 32


class Both:
    """A sink and a messenger: they do what they are told to."""

    def __init__(self, answer: Outcome | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def upload(self, *_: object) -> Uploaded:
        raise AssertionError("nothing is to be uploaded")

    def send(self, lease: Lease) -> Outcome:
        return self.delete(lease.target)

    def delete(self, target: str) -> Outcome:
        self.asked.append(target)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("options", "is_doubted"),
    [
        pytest.param(None, True, id="no album"),
        pytest.param(ImageOptions(1, JobOptions("al6um")), False, id="the job names it"),
        pytest.param(
            ImageOptions(1, JobOptions("al6um"), is_album_new=True), True, id="created for the job"
        ),
    ],
)
def test_what_is_forbidden_may_be_the_album_that_a_job_names(
    options: ImageOptions | None, *, is_doubted: bool
) -> None:
    forbidden = ImgurError(Reason.IMGUR_FORBIDDEN, "no").about(RefusalScope.MAYBE_ALL)
    pipeline = Pipeline(
        Shelf(),
        Wall(forbidden),
        MAX_ATTEMPTS,
        Backoff(),
        lambda _: True,
        callbacks=Silent(),
        fitter=plain_fitter(),
    )

    outcome = pipeline.process(Lease(1, "j", 0, "https://a.test/a.png", 1, options))

    assert isinstance(outcome, MaybeBlocked) is is_doubted


@pytest.mark.parametrize(("attempt", "is_doubted"), [(3, False), (MAX_ATTEMPTS, True)])
def test_an_imgur_that_is_not_reached_may_be_so_for_all_at_the_last_attempt(
    attempt: int, *, is_doubted: bool
) -> None:
    error = ImgurError(Reason.IMGUR_UNREACHABLE, "no", transient=True)

    outcome = process(Shelf(), Wall(error.about(RefusalScope.MAYBE_ALL)), attempt)

    assert isinstance(outcome, MaybeBlocked if is_doubted else RetryLater)


class TestOtherTasks:
    WEBHOOK = Lease(1, "j", 0, "https://client.test/hook", 2, kind=TaskKind.WEBHOOK, body=b"{}")
    DELETION = Lease(1, "j", 3, "hash", 1, kind=TaskKind.DELETION)

    def run(self, task: Lease, answer: Outcome | Exception) -> Outcome:
        both = Both(answer)
        pipeline = Pipeline(
            Shelf(),
            both,
            MAX_ATTEMPTS,
            Backoff(1.0, 60.0),
            lambda _: True,
            callbacks=both,
            fitter=plain_fitter(),
        )
        try:
            return pipeline.process(task)
        finally:
            assert both.asked == [task.target]

    def test_each_kind_goes_its_way(self) -> None:
        assert self.run(self.WEBHOOK, Done(204)) == Done(204)
        assert self.run(self.DELETION, Done(pause_seconds=30.0)) == Done(pause_seconds=30.0)

    def test_what_imgur_says_of_a_deletion(self) -> None:
        limited = RateLimitedError("wait", pause_seconds=9.0)
        assert self.run(self.DELETION, limited) == Deferred("imgur-rate-limited", "wait", 9.0)
        forbidden = ImgurError(Reason.IMGUR_FORBIDDEN, "no")
        assert self.run(self.DELETION, forbidden) == Failed("imgur-forbidden", "no")
        down = ImgurError(Reason.IMGUR_ERROR, "down", transient=True, retry_after=5.0)
        outcome = self.run(self.DELETION, down)
        assert isinstance(outcome, RetryLater)
        assert outcome.delay_seconds == 5.0
        last = replace(self.DELETION, attempt=MAX_ATTEMPTS)
        assert self.run(last, down) == Failed("imgur-error", "down")

    def test_none_fails_because_imgur_is_not_reached(self) -> None:
        error = ImgurError(Reason.IMGUR_UNREACHABLE, "no", transient=True)
        error.about(RefusalScope.MAYBE_ALL)
        assert isinstance(self.run(self.DELETION, error), RetryLater)
        last = replace(self.DELETION, attempt=MAX_ATTEMPTS)
        blocked = MaybeBlocked(Failed("imgur-unreachable", "no"), is_certain=True)
        assert self.run(last, error) == blocked

    @pytest.mark.parametrize("task", [WEBHOOK, DELETION])
    def test_a_bug_ends_the_task_and_not_the_lane(self, task: Lease) -> None:
        outcome = self.run(task, ValueError("bug"))
        assert isinstance(outcome, Failed)
        assert outcome.reason == "internal-error"

    def test_a_lost_backend_is_nobodys_outcome(self) -> None:
        with pytest.raises(BackendLostError):
            self.run(self.WEBHOOK, BackendLostError("gone"))


class TestResolved:
    AT = "https://images.test/a.png"

    @pytest.mark.parametrize("wanted", [None, True, False])
    def test_what_a_job_says_of_pages_reaches_the_source(self, *, wanted: bool | None) -> None:
        shelf = Shelf()
        options = ImageOptions(1, JobOptions(title="x", resolve_pages=wanted))
        pipeline = Pipeline(
            shelf,
            Wall(),
            MAX_ATTEMPTS,
            Backoff(),
            lambda _: True,
            callbacks=Silent(),
            fitter=plain_fitter(),
        )
        pipeline.process(replace(lease(), options=options))
        assert shelf.resolve_pages is wanted

    def test_where_the_image_was_is_told_with_every_end(self) -> None:
        lost = DownloadError(Reason.SOURCE_NOT_FOUND, "No.")
        lost.resolved_to = self.AT
        outcomes = [
            process(Shelf(resolved_to=self.AT), Wall()),
            process(Shelf(lost), Wall()),
            process(Shelf(resolved_to=self.AT), Wall(ImgurError(Reason.IMGUR_REFUSED, "No."))),
        ]
        for outcome in outcomes:
            assert isinstance(outcome, Uploaded | Failed)
            assert outcome.details.resolved_to == self.AT

    def test_the_bytes_of_a_data_url_are_taken_and_nobody_is_asked(self) -> None:
        shelf, wall = Shelf(), Wall()
        pipeline = Pipeline(
            shelf,
            wall,
            MAX_ATTEMPTS,
            Backoff(),
            lambda _: True,
            callbacks=Silent(),
            fitter=plain_fitter(),
            read_data=lambda token: [b"piece of ", b"%d" % token],
        )
        outcome = pipeline.process(replace(lease(), target="data:image/png;base64,AAAA… (…)"))
        assert isinstance(outcome, Uploaded)
        assert shelf.asked == []
        assert wall.taken[0][0] == b"piece of 7"

    def test_one_whose_lease_has_passed_is_given_up(self) -> None:
        def lost(_token: int) -> Iterator[bytes]:
            raise LeaseLostError
            yield b""

        wall = Wall()
        pipeline = Pipeline(
            Shelf(),
            wall,
            MAX_ATTEMPTS,
            Backoff(),
            lambda _: True,
            callbacks=Silent(),
            fitter=plain_fitter(),
            read_data=lost,
        )
        outcome = pipeline.process(replace(lease(), target="data:,x"))
        assert isinstance(outcome, Failed)
        assert outcome.reason == Reason.WORKER_CRASHED
        assert wall.taken == []

import dataclasses
import importlib
import inspect
import pickle
import pkgutil
from array import array
from typing import Any

import pytest

from workers.contract import messages
from workers.contract.job_options import JobOptions, NewAlbum, Priority
from workers.contract.messages.albums import (
    AlbumCall,
    AlbumCreated,
    AlbumState,
    AlbumStatus,
    AlbumStep,
)
from workers.contract.messages.jobs import (
    ChangesWanted,
    ImageState,
    JobChanges,
    JobListing,
    JobOverview,
    JobStatus,
)
from workers.contract.messages.outcomes import (
    Altered,
    Deferred,
    Done,
    Failed,
    ImageDetails,
    MaybeBlocked,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import (
    Ack,
    Directive,
    DownloadReport,
    ImageOptions,
    Lease,
    Report,
    WorkerRequest,
    WorkerResponse,
)
from workers.contract.messages.submission import (
    Cancellation,
    Refusal,
    RefusalCode,
    Replay,
    RequestKey,
    Retry,
    Submission,
)
from workers.contract.messages.supervision import (
    FenceResult,
    LogLine,
    MailboxStats,
)
from workers.contract.messages.tasks import Deletion, DeletionState, TaskKind
from workers.contract.quota import LimitState, Quota

# Each with every field set, and none to its default.
_HEADERS = (("https://source.test", (("Authorization", "secret"),)),)
_OPTIONS = JobOptions(
    "secret-album", "t", "d", Priority.HIGH, _HEADERS, "https://me.test/?key=secret"
)
_IMAGE_OPTIONS = ImageOptions(4, JobOptions("secret-album", "t", "d", source_headers=_HEADERS))
_ALBUM_CALL = AlbumCall(
    AlbumStep.ORDER,
    NewAlbum("t", "d", "hidden", "grid"),
    "aBc",
    "secret-hash",
    ("https://i.imgur.com/a.jpg",),
    ("secret-hash",),
)
_LEASE = Lease(
    7,
    "j",
    3,
    "https://source.test/a.jpg?key=secret",
    2,
    _IMAGE_OPTIONS,
    kind=TaskKind.WEBHOOK,
    body=b"{}",
    album=_ALBUM_CALL,
)
_UPLOADED = Uploaded(
    "https://i.imgur.com/a.jpg",
    "secret-hash",
    9.0,
    b"content",
    ImageDetails(deduplicated=True, altered=Altered("image/jpeg", 9)),
)
_OVERVIEW = JobOverview("j", 1.0, None, JobStatus.PENDING, 3, 0, 0, None, "i", None)
_LINE = LogLine("error", "uploads stopped", {"reason": "imgur-forbidden", "probes": 1})
_ACK = Ack(accepted=True, finished=_LINE)
ALL = [
    Submission("j", ("https://source.test/a.jpg",), "me", _OPTIONS),
    _IMAGE_OPTIONS,
    DownloadReport(7, 4321, "image/png", 12, b"content"),
    Refusal(RefusalCode.QUEUE_FULL, "Full.", 10),
    RequestKey("key", "digest"),
    Replay("j"),
    Cancellation(3, is_first=True),
    Retry("k", 3, is_first=True),
    _OVERVIEW,
    JobListing((_OVERVIEW,), 7),
    _LEASE,
    _ALBUM_CALL,
    AlbumCreated("aBc", "https://imgur.com/a/aBc", "secret-hash", 9.0),
    AlbumStatus(
        AlbumState.FAILED,
        "aBc",
        "https://imgur.com/a/aBc",
        "imgur-error",
        "It was down.",
        possibly_duplicated=True,
        deletion=Deletion(DeletionState.DONE),
    ),
    _UPLOADED,
    Done(204, 9.0),
    Failed("empty", "Nothing came."),
    RetryLater("source-error", "Busy.", 1.5),
    Deferred("imgur-rate-limited", "Wait.", 30.0),
    MaybeBlocked(Failed("imgur-forbidden", "No."), "Forbidden.", is_certain=True),
    _LINE,
    Report(7, _UPLOADED),
    _ACK,
    WorkerRequest(
        (Report(7, _UPLOADED),), (DownloadReport(8),), 9, quota=Quota(user=LimitState(500, 1, 9.0))
    ),
    WorkerResponse(Directive.WORK, (_LEASE,), (_ACK,), (True,)),
    FenceResult(returned=1, failed=1, had_claimed=True, tasks=2),
    ImageDetails(
        maybe_duplicated=True,
        deletion=Deletion(DeletionState.FAILED, "imgur-error", "It was down."),
    ),
    MailboxStats(5, 1, 2, 3.5, 4, draining=True, workers_idle=3, workers_draining=6),
    ChangesWanted("j", 4, "me", known=3, limit=10, name_urls=True),
    JobChanges(
        job_id="j",
        status=JobStatus.COMPLETE,
        created=1.0,
        finished=2.0,
        total=3,
        text_bytes=4,
        complete=1,
        failed=2,
        is_first=True,
        known=1,
        version=4,
        latest=5,
        cancelled=None,
        retry_of=None,
        retried_as=None,
        urls=("u",),
        indexes=array("I", [0]),
        states=b"\1",
        attempts=b"\2",
        links={0: "l"},
        errors={0: ("empty", "None.")},
        details={0: ImageDetails(maybe_duplicated=True)},
        named=("https://source.test/a.jpg",),
        timelines=b"row",
        earlier={0: b"row"},
    ),
]

every_message = pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)


def test_no_message_is_left_out() -> None:
    parts = [
        importlib.import_module(f"{messages.__name__}.{part.name}")
        for part in pkgutil.iter_modules(messages.__path__)
    ]
    defined = {
        kind
        for part in parts
        for _, kind in inspect.getmembers(part, inspect.isclass)
        if kind.__module__ == part.__name__ and dataclasses.is_dataclass(kind)
    }
    assert {type(message) for message in ALL} == defined


@every_message
def test_arrives_as_it_was_sent(message: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        arrived = pickle.loads(pickle.dumps(message, protocol))
        assert arrived == message
        assert type(arrived) is type(message)
        for field in dataclasses.fields(message):
            assert type(getattr(arrived, field.name)) is type(getattr(message, field.name))


@every_message
def test_cannot_be_changed(message: Any) -> None:
    for field in dataclasses.fields(message):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(message, field.name, getattr(message, field.name))
    with pytest.raises((AttributeError, TypeError)):
        message.something_else = 1


@every_message
def test_has_no_secret_in_its_text(message: Any) -> None:
    assert "secret" not in repr(message)
    assert "secret" not in str(message)


def test_a_state_fits_a_byte_and_reads_as_one() -> None:
    assert bytes([ImageState.COMPLETE, ImageState.PENDING]) == b"\1\0"
    assert bytearray(3) == bytes([ImageState.PENDING] * 3), "a new job is all pending"

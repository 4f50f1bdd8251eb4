"""Records → job table, at a restart; and job table → the shortest records of the same state."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from workers.contract.errors import JournalError
from workers.contract.job_options import JobOptions
from workers.contract.messages import (
    NO_DETAILS,
    Altered,
    Converted,
    Deletion,
    DeliveryAttempt,
    Failed,
    ImageDetails,
    ImageState,
    JobStatus,
    RequestKey,
    Submission,
    Uploaded,
)
from workers.state.jobs.album import Album
from workers.state.jobs.job import Job
from workers.state.jobs.job_records import Record, data_of, data_record
from workers.state.jobs.job_table import JobTable
from workers.state.tasks.task_store import TaskStore

_LINKS_A_RECORD = 10_000
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_NO_MORE: Final[tuple[Any, ...]] = (_NOTHING, _NOTHING, ())  # options, origin and data of a job


def replay(records: Iterable[Record], table: JobTable) -> None:
    """Apply the records to a table; the oldest complete jobs beyond the memory limit are dropped.

    Raises:
        JournalError: a record is not valid at its position.
    """
    for record in records:
        try:
            _REPLAY[record[0]](table, *record[1:])
        except (LookupError, TypeError, ValueError) as error:
            raise JournalError(
                f"a record of the kind {record[:1]!r} makes no sense where it stands"
            ) from error
        table.make_room(table.kept.max_bytes)


def state_records(table: JobTable) -> Iterator[Record]:
    """Yield the shortest journal of a table's state."""
    for job_id, job in table.jobs():
        yield [
            "job",
            job_id,
            {
                "owner": job.owner,
                "created": job.created,
                "finished": job.finished,
                "status": job.status,
                "urls": job.urls,
                "states": job.states.hex(),
                "attempts": job.attempts.hex(),
                "complete": [
                    [index, link, job.deletehashes[index]] for index, link in job.links.items()
                ],
                "troubles": [[index, *trouble] for index, trouble in job.troubles.items()],
                "uploading": sorted(job.uploading),
                "unsure": sorted(job.outcome_unknown),
                "details": [[index, each.to_record()] for index, each in job.details.items()],
                "album": _album_record(job),
                "options": job.options.to_record(),
                "cancelled": job.cancelled,
                "retry_of": job.retry_of,
                "retried_as": job.retried_as,
                "request": job.request and [job.request.key, job.request.digest],
                "deliveries": job.deliveries,
                **({"data": data_record(job.data)} if job.data else {}),
            },
        ]
    # Apart from the jobs: links outlive them, and are ordered across jobs.
    for owner, links in table.kept.links.items():
        for start in range(0, len(links), _LINKS_A_RECORD):
            yield ["links", owner, list(links.slice(start, _LINKS_A_RECORD))]
    yield from table.quota_history.records()


def _album_record(job: Job) -> list[Any] | None:
    album = job.album
    if album is None:
        return None
    # Whole with each of its jobs: any of them may be left out for want of memory.
    return [album.key, job.places and list(job.places), album.to_whole_record()]


# --- one function per kind of record, unless it is a method of the table -----------------------


def _job(table: JobTable, job_id: str, kept: dict[str, Any]) -> None:
    states = bytearray.fromhex(kept["states"])
    album, places = _album_of(table, kept.get("album"), is_open=kept["finished"] is None)
    old_tasks = kept.get("errands") or _NOTHING
    job = Job(
        album=album,
        places=places,
        urls=tuple(kept["urls"]),
        created=kept["created"],
        states=states,
        attempts=bytearray.fromhex(kept["attempts"]),
        pending=states.count(ImageState.PENDING),
        status=JobStatus(kept["status"]),
        finished=kept["finished"],
        links={index: link for index, link, _ in kept["complete"]},
        troubles={index: (reason, message) for index, reason, message in kept["troubles"]},
        deletehashes={index: deletehash for index, _, deletehash in kept["complete"]},
        owner=kept["owner"],
        tenant=kept["owner"],
        uploading=set(kept["uploading"]),
        outcome_unknown=set(kept["unsure"]),
        options=JobOptions.from_record(kept.get("options", {})),
        cancelled=kept.get("cancelled"),
        retry_of=kept.get("retry_of"),
        retried_as=kept.get("retried_as"),
        request=RequestKey(*kept["request"]) if kept.get("request") else None,
        deliveries=tuple(
            DeliveryAttempt(*attempt)
            for attempt in kept.get("deliveries", old_tasks.get("deliveries", ()))
        ),
        data=data_of(kept.get("data", ())),
    )
    for index, record in kept.get("details", _old_details(kept)):
        job.add_details(index, ImageDetails.from_record(record))
    table.kept.enter(job_id, job)


def _old_details(kept: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a job's details as the first journals have them: a list for each field."""
    yield from ((index, {"maybe_duplicated": True}) for index in kept.get("doubled", ()))
    yield from ((index, {"deduplicated": True}) for index in kept.get("deduplicated", ()))
    yield from ((index, {"resolved_to": url}) for index, url in kept.get("resolved", ()))
    for name in ("altered", "converted"):
        yield from ((index, {name: values}) for index, *values in kept.get(name, ()))
    deletions = (kept.get("errands") or _NOTHING).get("deletions", ())
    yield from ((index, {"deletion": deletion}) for index, *deletion in deletions)


def _album_of(
    table: JobTable, kept: list[Any] | None, *, is_open: bool
) -> tuple[Album | None, Sequence[int] | None]:
    if kept is None:
        return None, None
    key, places, whole = kept
    album = table.kept.albums.get(key) or Album.from_whole_record(key, whole)
    album.open_jobs += is_open
    return album, places


def _album(table: JobTable, key: str, kept: Mapping[str, Any]) -> None:
    with TaskStore(table).album(key) as album:
        if album is not None:  # else all of its jobs were forgotten
            album.restore(kept)


def _opened(
    table: JobTable,
    job_id: str,
    owner: str,
    created: float,
    urls: list[str],
    *more: Any,  # noqa: ANN401 - as `opened_record` has them
) -> None:
    options, origin, data = *more, *_NO_MORE[len(more) :]
    asked = JobOptions.from_record(options)
    request = None if "request" not in origin else RequestKey(*origin["request"])
    made = Submission(
        job_id,
        tuple(urls),
        owner,
        asked,
        retry_of=origin.get("retry_of"),
        request=request,
        data=data_of(data),
    )
    table.open(made, created)


def _started(table: JobTable, job_id: str) -> None:
    table.kept.advance(job_id, table.job(job_id), JobStatus.IN_PROGRESS)


def _interrupted(
    table: JobTable, job_id: str, index: int, trouble: list[str], flags: list[int]
) -> None:
    reason, message = trouble
    count, maybe_stored = map(bool, flags)
    table.begin(job_id, index)
    table.interrupt(job_id, index, reason, message, count=count, maybe_stored=maybe_stored)


def _resolved(table: JobTable, job_id: str, index: int, url: str) -> None:
    # In the first journals: the record of the URL's end follows.
    table.job(job_id).add_details(index, ImageDetails(resolved_to=url))


def _complete(
    table: JobTable, job_id: str, index: int, image: list[Any], finished: float | None
) -> None:
    link, deletehash, *more = image
    table.begin(job_id, index)
    uploaded = Uploaded(link, deletehash, details=_details_of(more))
    table.record(job_id, index, uploaded, finished)


def _failed(
    table: JobTable, job_id: str, index: int, trouble: list[Any], finished: float | None
) -> None:
    reason, message, *more = trouble
    table.begin(job_id, index)
    failed = Failed(reason, message, details=_details_of(more))
    table.record(job_id, index, failed, finished)


def _details_of(more: list[Any]) -> ImageDetails:
    match more:
        case []:
            return NO_DETAILS
        case [dict() as record]:
            return ImageDetails.from_record(record)
    # In the first journals: values one after the other.
    is_deduplicated, altered, converted = more[0], more[1:3], more[3:]
    return ImageDetails(
        deduplicated=bool(is_deduplicated),
        altered=Altered(*altered) if altered and altered[0] is not None else None,
        converted=Converted(*converted) if converted else None,
    )


def _delivery(table: JobTable, job_id: str, attempt: list[Any]) -> None:
    TaskStore(table).enter_attempt(job_id, DeliveryAttempt(*attempt))


def _deletion(table: JobTable, job_id: str, index: int, deletion: list[str]) -> None:
    TaskStore(table).enter_deletion(job_id, index, Deletion.from_record(deletion))


def _cancelled(table: JobTable, job_id: str, runs: list[list[int]], finished: float | None) -> None:
    indexes = [index for first, behind in runs for index in range(first, behind)]
    table.cancel(job_id, indexes, finished)


_REPLAY: Final[Mapping[str, Callable[..., object]]] = {
    "job": _job,
    "links": lambda table, owner, links: table.kept.links.add(owner, links),
    "opened": _opened,
    "started": _started,
    "uploading": JobTable.begin_upload,
    "refused": JobTable.end_upload,
    "spent": lambda table, stamps: table.quota_history.enter_spent(stamps),
    "blocked": lambda table, block: table.quota_history.enter_block(block),
    "interrupted": _interrupted,
    "resolved": _resolved,
    "complete": _complete,
    "failed": _failed,
    "delivery": _delivery,
    "deletion": _deletion,
    "album": _album,
    "cancelled": _cancelled,
    "forgotten": lambda table, job_ids: table.kept.forget(job_ids),
}

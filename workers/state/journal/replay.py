"""Records → job table, at a restart; and job table → the shortest records of the same state."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from workers.contract.budget import DAY_SECONDS, Block
from workers.contract.errors import JournalError
from workers.contract.messages.jobs import JobStatus
from workers.contract.messages.outcomes import (
    NO_DETAILS,
    Altered,
    Converted,
    Failed,
    ImageDetails,
    Uploaded,
)
from workers.contract.messages.tasks import Deletion, DeletionState, DeliveryAttempt
from workers.state.jobs.album import Album
from workers.state.jobs.job import Job
from workers.state.jobs.job_records import Record, data_record, origin_record, submission_of
from workers.state.jobs.job_table import JobTable
from workers.state.tasks.task_store import TaskStore

_LINKS_A_RECORD = 10_000
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


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
        table.make_room(table.max_bytes)


def state_records(table: JobTable) -> Iterator[Record]:
    """Yield the shortest journal of a table's state."""
    written = set[str]()
    for job_id, job in table.by_id.items():
        yield ["job", job_id, _job_record(job, written)]
    # Apart from the jobs: links outlive them, and are ordered across jobs.
    for owner, links in table.kept_links.items():
        for start in range(0, len(links), _LINKS_A_RECORD):
            yield ["links", owner, list(links.slice(start, _LINKS_A_RECORD))]
    # The clock may have been ahead for a while: that makes no other upload old.
    since = min(max(table.spent, default=0.0), table.wall_clock()) - DAY_SECONDS
    spent = [[second, count] for second, count in sorted(table.spent.items()) if second > since]
    if spent:
        yield ["spent", spent]
    if table.block is not None:
        yield ["blocked", table.block]


# --- a whole job --------------------------------------------------------------------------------


class _Field(NamedTuple):
    """A field of a `Job` in its record: its names there and in the job, to JSON and back."""

    name: str
    attribute: str
    write: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value


_FIELDS: Final = (
    _Field("created", "created"),
    _Field("finished", "finished"),
    _Field("status", "status", read=JobStatus),
    _Field("states", "states", bytearray.hex, bytearray.fromhex),
    _Field("attempts", "attempts", bytearray.hex, bytearray.fromhex),
    _Field(
        "troubles",
        "errors",
        lambda errors: [[index, *error] for index, error in errors.items()],
        lambda rows: {index: (reason, message) for index, reason, message in rows},
    ),
    _Field("uploading", "uploading", sorted, set),
    _Field("unsure", "outcome_unknown", sorted, set),
    _Field("cancelled", "cancelled"),
    _Field("retried_as", "retried_as"),
    _Field("deliveries", "deliveries", read=lambda rows: tuple(map(DeliveryAttempt._make, rows))),
)


def _job_record(job: Job, albums: set[str]) -> dict[str, Any]:
    asked, album, links, deletehashes = job.asked, job.album, job.links, job.deletehashes
    return {
        "owner": asked.owner,
        "urls": asked.urls,
        "options": asked.options.to_record(),
        "data": data_record(job.data),
        **origin_record(asked),
        **{field.name: field.write(getattr(job, field.attribute)) for field in _FIELDS},
        "complete": [[index, link, deletehashes[index]] for index, link in links.items()],
        "details": [[index, each.to_record()] for index, each in job.details.items()],
        "album": album and [album.key, job.places and list(job.places), _whole(album, albums)],
    }


def _whole(album: Album, written: set[str]) -> dict[str, Any]:
    # The images once: each retry of a job is one more job with its album.
    with_images = album.key not in written
    written.add(album.key)
    return album.to_whole_record(with_images=with_images)


def _job(table: JobTable, job_id: str, record: dict[str, Any]) -> None:
    kept = _old_fields(record) | record
    asked = submission_of(job_id, kept["owner"], kept["urls"], kept["options"], kept, kept["data"])
    job = Job(
        asked,
        links={index: link for index, link, _ in kept["complete"]},
        deletehashes={index: deletehash for index, _, deletehash in kept["complete"]},
        **{field.attribute: field.read(kept[field.name]) for field in _FIELDS},
    )
    for index, details in kept["details"]:
        job.add_details(index, ImageDetails.from_record(details))
    if kept["album"] is not None:
        key, job.places, whole = kept["album"]
        job.album = table.albums.get(key) or Album.from_whole_record(key, whole)
        _join(job, job.album)
        table.read_albums.append(job.album)
    table.enter(job)


def _join(job: Job, album: Album) -> None:
    album.job_ids.append(job.asked.job_id)
    album.open_jobs += job.finished is None
    # A repaired journal may lack the record that had them.
    for index, link in job.links.items():
        deletion = job.details.get(index, NO_DETAILS).deletion
        if deletion is None or deletion.state is not DeletionState.DONE:
            album.images.setdefault(job.place(index), (link, job.deletehashes[index]))


def _old_fields(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the first journals have of a job in other places, or do not have."""
    old_tasks = kept.get("errands") or _NOTHING
    return {
        "options": _NOTHING,
        "data": (),
        "cancelled": None,
        "retried_as": None,
        "album": None,
        "deliveries": old_tasks.get("deliveries", ()),
        "details": _old_details(kept, old_tasks.get("deletions", ())),
    }


def _old_details(
    kept: Mapping[str, Any], deletions: Iterable[Any]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a job's details as the first journals have them: a list for each field."""
    yield from ((index, {"maybe_duplicated": True}) for index in kept.get("doubled", ()))
    yield from ((index, {"deduplicated": True}) for index in kept.get("deduplicated", ()))
    yield from ((index, {"resolved_to": url}) for index, url in kept.get("resolved", ()))
    for name in ("altered", "converted"):
        yield from ((index, {name: values}) for index, *values in kept.get(name, ()))
    yield from ((index, {"deletion": deletion}) for index, *deletion in deletions)


# --- one function for each other kind of record, unless it is a method of the table ------------


def _album(table: JobTable, key: str, kept: Mapping[str, Any]) -> None:
    with TaskStore(table).album(key) as album:
        if album is not None:  # else all of its jobs were forgotten
            album.restore(kept)


def _opened(table: JobTable, job_id: str, owner: str, created: float, *asked: Any) -> None:  # noqa: ANN401 - as `opened_record` has them
    table.open(submission_of(job_id, owner, *asked), created)


def _started(table: JobTable, job_id: str) -> None:
    table.order.advance(table.by_id[job_id], JobStatus.IN_PROGRESS)


def _interrupted(
    table: JobTable, job_id: str, index: int, error: list[str], flags: list[int]
) -> None:
    reason, message = error
    count, maybe_stored = map(bool, flags)
    table.begin(job_id, index)
    table.interrupt(job_id, index, reason, message, count=count, maybe_stored=maybe_stored)


def _resolved(table: JobTable, job_id: str, index: int, url: str) -> None:
    # In the first journals: the record of the URL's end follows.
    table.by_id[job_id].add_details(index, ImageDetails(resolved_to=url))


def _ended(
    table: JobTable,
    job_id: str,
    index: int,
    end: list[Any],
    finished: float | None,
    *,
    result: type[Uploaded | Failed],
) -> None:
    first, second, *more = end
    table.begin(job_id, index)
    table.record(job_id, index, result(first, second, details=_details_of(more)), finished)


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


def _deletion(table: JobTable, job_id: str, index: int, deletion: list[str], *where: str) -> None:
    if job_id in table.by_id:
        TaskStore(table).enter_deletion(job_id, index, Deletion.from_record(deletion))
    elif where:
        table.kept_links.remove(*where)


def _blocked(table: JobTable, block: list[Any] | None) -> None:
    table.block = None if block is None else Block(*block)


def _cancelled(table: JobTable, job_id: str, runs: list[list[int]], finished: float | None) -> None:
    indexes = [index for first, behind in runs for index in range(first, behind)]
    table.cancel(job_id, indexes, finished)


_REPLAY: Final[Mapping[str, Callable[..., object]]] = {
    "job": _job,
    "links": lambda table, owner, links: table.kept_links.add(owner, links),
    "opened": _opened,
    "started": _started,
    "uploading": JobTable.begin_upload,
    "refused": JobTable.end_upload,
    "spent": lambda table, stamps: table.spent.update(dict(stamps)),
    "blocked": _blocked,
    "interrupted": _interrupted,
    "resolved": _resolved,
    "complete": partial(_ended, result=Uploaded),
    "failed": partial(_ended, result=Failed),
    "delivery": _delivery,
    "deletion": _deletion,
    "album": _album,
    "cancelled": _cancelled,
    "forgotten": lambda table, job_ids: table.forget(job_ids),
}

"""Recovery: restores the state from a journal at a restart."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import structlog

from workers.contract.errors import JournalError
from workers.contract.job_options import JobOptions
from workers.contract.logs import LogConfig, configure_logging
from workers.contract.messages import (
    Altered,
    Converted,
    Failed,
    ImageState,
    JobStatus,
    Submission,
    Uploaded,
)
from workers.contract.request_key import RequestKey
from workers.contract.state_calls import Recovered
from workers.contract.url import mask_url
from workers.state.jobs.album import Album
from workers.state.jobs.job import Job
from workers.state.jobs.job_records import Record, data_of, data_record
from workers.state.jobs.job_table import JobTable
from workers.state.jobs.task_records import JobTasks, deletion_of, delivery_of
from workers.state.journal.compaction import Compaction, keep
from workers.state.journal.journal import Journal
from workers.state.journal.journal_file import NO_ROOM, go_on, journal_errors, open_locked, rewrite
from workers.state.journal.journal_records import RecordReader
from workers.state.mailbox import Mailbox
from workers.state.tasks.task_store import TaskStore

_LINKS_A_RECORD = 10_000
_KEEPER_SECONDS = 5.0  # ample; the shutdown must not hang on it
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_NO_MORE: Final[tuple[Any, ...]] = (_NOTHING, _NOTHING, ())  # options, origin and data of a job


class Recovery:
    """Restores a journal's state into an empty table and mailbox, and owns the journal.

    Args:
        table: the job table, empty.
        mailbox: its mailbox, empty.
    """

    def __init__(self, table: JobTable, mailbox: Mailbox) -> None:
        self._table = table
        self._mailbox = mailbox
        self._journal: Journal | None = None

    def restore(self, path: str, logs: LogConfig) -> Recovered:
        """Restore the state and open the journal. Called once, before any other use of the table.

        Args:
            path: of the journal; created if there is none.
            logs: log configuration of this process.

        Raises:
            JournalError: the journal cannot be used; it is unchanged.
        """
        configure_logging(logs, "manager")
        try:
            journal, cut_bytes = load(Path(path), self._table)
        except JournalError as error:
            raise JournalError(f"The journal {path} cannot be used: {error}.") from None
        self._journal = journal
        self._table.resume(journal)
        for crashed in self._mailbox.restore():
            structlog.get_logger("journal").warning(
                "image failed",
                job_id=crashed.job_id,
                url=mask_url(crashed.url),
                reason=crashed.reason,
                message=crashed.message,
            )
        compaction = Compaction(journal, Path(path).resolve())
        self._keeper = threading.Thread(
            target=keep, args=(journal, compaction), name="journal-sync", daemon=True
        )
        self._keeper.start()
        jobs = sum(1 for _ in self._table.jobs())
        open_urls = sum(self._table.unfinished().values())
        return Recovered(jobs, open_urls, cut_bytes, self._table.kept.dropped_for_room)

    def close(self) -> None:
        """Sync and close the journal; the state must not change any more."""
        if self._journal is not None:
            self._journal.close()
            self._keeper.join(_KEEPER_SECONDS)


def load(path: Path, table: JobTable) -> tuple[Journal, int]:
    """Replay a journal into an empty table, and compact it unless there is no room for a new file.

    Returns:
        The open journal, and the size in bytes of a torn record that was dropped.

    Raises:
        JournalError: it cannot be used; it is unchanged.
    """
    with journal_errors():
        real = path.resolve()
        with open_locked(real) as file:
            reader = RecordReader(file)
            replay(reader, table)
            try:
                return Journal(rewrite(real, state_records(table))), reader.cut_bytes
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                _log_no_room(path, error)
            journal = Journal(go_on(file, reader.good_bytes), is_compact=False)
            return journal, reader.cut_bytes


def _log_no_room(path: Path, error: OSError) -> None:
    structlog.get_logger("journal").warning(
        "the journal could not be made compact at the start; it grows until that can be done",
        journal=str(path),
        cause=error.strerror,
    )


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
                "doubled": sorted(job.maybe_duplicated),
                "deduplicated": sorted(job.deduplicated),
                "altered": [[index, *altered] for index, altered in job.altered.items()],
                "album": _album_record(job),
                "converted": [[index, *made] for index, made in job.converted.items()],
                "options": job.options.to_record(),
                "cancelled": job.cancelled,
                "retry_of": job.retry_of,
                "retried_as": job.retried_as,
                "request": job.request and [job.request.key, job.request.digest],
                "errands": job.tasks.to_record() if job.tasks else None,
                **({"data": data_record(job.data)} if job.data else {}),
                **({"resolved": list(job.resolved.items())} if job.resolved else {}),
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


# --- one function per kind of record -----------------------------------------------------------


def _job(table: JobTable, job_id: str, kept: dict[str, Any]) -> None:
    states = bytearray.fromhex(kept["states"])
    album, places = _album_of(table, kept.get("album"), is_open=kept["finished"] is None)
    table.kept.enter(
        job_id,
        Job(
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
            maybe_duplicated=set(kept["doubled"]),
            deduplicated=set(kept.get("deduplicated", ())),
            altered={index: Altered(*rest) for index, *rest in kept.get("altered", ())},
            converted={index: Converted(*rest) for index, *rest in kept.get("converted", ())},
            options=JobOptions.from_record(kept.get("options", {})),
            cancelled=kept.get("cancelled"),
            retry_of=kept.get("retry_of"),
            retried_as=kept.get("retried_as"),
            request=RequestKey(*kept["request"]) if kept.get("request") else None,
            tasks=JobTasks.from_record(tasks) if (tasks := kept.get("errands")) else None,
            data=data_of(kept.get("data", ())),
            resolved=dict(kept.get("resolved", ())),
        ),
    )


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
    with table.album(key) as album:
        if album is not None:  # else all of its jobs were forgotten
            album.restore(kept)


def _links(table: JobTable, owner: str, links: list[str]) -> None:
    table.kept.links.add(owner, links)


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
    table.start(job_id)


def _uploading(table: JobTable, job_id: str, index: int) -> None:
    table.begin_upload(job_id, index)


def _refused(table: JobTable, job_id: str, index: int) -> None:
    table.end_upload(job_id, index)


def _spent(table: JobTable, stamps: list[list[int]]) -> None:
    table.quota_history.enter_spent((second, count) for second, count in stamps)


def _blocked(table: JobTable, block: list[Any] | None) -> None:
    table.quota_history.enter_block(block)


def _interrupted(
    table: JobTable, job_id: str, index: int, trouble: list[str], flags: list[int]
) -> None:
    reason, message = trouble
    count, maybe_stored = map(bool, flags)
    table.begin(job_id, index)
    table.interrupt(job_id, index, reason, message, count=count, maybe_stored=maybe_stored)


def _resolved(table: JobTable, job_id: str, index: int, url: str) -> None:
    table.resolve(job_id, index, url)


def _complete(
    table: JobTable, job_id: str, index: int, image: list[Any], finished: float | None
) -> None:
    link, deletehash, *marks = image  # see `ended_record`
    same_as = bool(marks and marks[0])
    altered = Altered(*marks[1:3]) if marks[1:] and marks[1] is not None else None
    converted = Converted(*marks[3:]) if marks[3:] else None
    table.begin(job_id, index)
    uploaded = Uploaded(link, deletehash, same_as=same_as, altered=altered, converted=converted)
    table.record(job_id, index, uploaded, finished)


def _failed(
    table: JobTable, job_id: str, index: int, trouble: list[str], finished: float | None
) -> None:
    reason, message = trouble
    table.begin(job_id, index)
    table.record(job_id, index, Failed(reason, message), finished)


def _delivery(table: JobTable, job_id: str, attempt: list[Any]) -> None:
    TaskStore(table).enter_attempt(job_id, delivery_of(attempt))


def _deletion(table: JobTable, job_id: str, index: int, deletion: list[str]) -> None:
    TaskStore(table).enter_deletion(job_id, index, deletion_of(deletion))


def _cancelled(table: JobTable, job_id: str, runs: list[list[int]], finished: float | None) -> None:
    indexes = [index for first, behind in runs for index in range(first, behind)]
    table.cancel(job_id, indexes, finished)


def _forgotten(table: JobTable, job_ids: list[str]) -> None:
    table.forget(job_ids)


_REPLAY: dict[str, Callable[..., None]] = {
    "job": _job,
    "links": _links,
    "opened": _opened,
    "started": _started,
    "uploading": _uploading,
    "refused": _refused,
    "spent": _spent,
    "blocked": _blocked,
    "interrupted": _interrupted,
    "resolved": _resolved,
    "complete": _complete,
    "failed": _failed,
    "delivery": _delivery,
    "deletion": _deletion,
    "album": _album,
    "cancelled": _cancelled,
    "forgotten": _forgotten,
}

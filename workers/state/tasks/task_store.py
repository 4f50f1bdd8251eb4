"""The durable records of tasks: each change is one step of job table and journal."""

from collections.abc import Iterator

from workers.contract.messages import (
    PENDING_DELETION,
    Deletion,
    DeletionRefusal,
    DeletionState,
    DeliveryAttempt,
    Done,
    Failed,
    ImageState,
    Lease,
    Outcome,
    RetryLater,
    TaskKey,
    TaskKind,
    UrlKey,
)
from workers.state.jobs.album import Album
from workers.state.jobs.job import Job
from workers.state.jobs.job_table import JobEntry, JobTable
from workers.state.jobs.task_records import JobTasks, deletion_record, delivery_record
from workers.state.schedule.source_limits import host_of
from workers.state.tasks.event import job_complete


class TaskStore:
    """The webhooks, deletions and albums of all jobs, as the job table keeps them.

    Args:
        table: has the jobs.
    """

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._wall_clock = table.wall_clock

    def lease(self, key: TaskKey, token: int, attempt: int) -> Lease | None:
        """Return the task for a worker; None if its job is gone."""
        kind, (job_id, index) = key
        if kind is TaskKind.ALBUM:
            return self._lease_album(job_id, token, attempt)
        with self._table.entry(job_id) as entry:
            if entry is None:
                return None
            job = entry.job
            if kind is TaskKind.DELETION:
                target, body = job.deletehashes[index], b""
            else:
                target, body = job.options.callback_url or "", job_complete(job_id, job)
            return Lease(token, job_id, index, target, attempt, None, job.origin, kind, body)

    def _lease_album(self, key: str, token: int, attempt: int) -> Lease | None:
        with self._table.album(key) as album:
            step = None if album is None else album.step
            if album is None or step is None:
                return None
            call = album.call(step)
            return Lease(token, key, 0, "", attempt, kind=TaskKind.ALBUM, album=call)

    def host(self, kind: TaskKind, place: UrlKey) -> str:
        """The host that a webhook goes to; none for others: all of them go to Imgur."""
        if kind is not TaskKind.WEBHOOK:
            return ""
        with self._table.entry(place[0]) as entry:
            return host_of((entry and entry.job.options.callback_url) or "")

    def note(self, key: TaskKey, attempt: int, outcome: Outcome) -> None:
        """Record the outcome of an attempt.

        Args:
            key: the task.
            attempt: number, from 1.
            outcome: of the attempt.
        """
        kind, (job_id, index) = key
        if kind is TaskKind.ALBUM:
            with self._table.album(job_id) as album:
                if album is not None:
                    album.settle(outcome)
        elif kind is TaskKind.WEBHOOK and isinstance(outcome, Done | Failed | RetryLater):
            now = self._wall_clock()
            due = now + outcome.delay_seconds if isinstance(outcome, RetryLater) else None
            reason = None
            if not isinstance(outcome, Done) and outcome.status is None:
                reason = outcome.reason  # a response has its status instead
            told = DeliveryAttempt(now, attempt, outcome.status, reason, due)
            self.enter_attempt(job_id, told)
        elif isinstance(outcome, Failed):
            failed = Deletion(DeletionState.FAILED, outcome.reason, outcome.message)
            self.enter_deletion(job_id, index, failed)
        elif isinstance(outcome, Done):
            self.enter_deletion(job_id, index, Deletion(DeletionState.DONE))

    def put_back(self, key: TaskKey) -> None:
        """Imgur asked to wait: nothing was done."""
        kind, (album_key, _) = key
        if kind is TaskKind.ALBUM:
            with self._table.album(album_key) as album:
                if album is not None:
                    album.put_back()

    def broke_off(self, key: TaskKey, *, create_again: bool) -> Failed | None:
        """The worker of an attempt died; see `Album.broke_off`."""
        kind, (album_key, _) = key
        if kind is not TaskKind.ALBUM:
            return None
        with self._table.album(album_key) as album:
            if album is None:
                return None
            return album.broke_off(create_again=create_again)

    def is_open(self, key: TaskKey) -> bool:
        """Whether another step of an album follows the one that has ended."""
        kind, (album_key, _) = key
        if kind is not TaskKind.ALBUM:
            return False
        with self._table.album(album_key, changes=False) as album:
            return album is not None and album.step is not None

    def want_album_deletion(self, job_id: str, owner: str) -> str | DeletionRefusal:
        """Enter the wish to delete the album of a job.

        Returns:
            The album's key, or why it cannot be deleted.
        """
        with self._table.entry(job_id) as entry:
            if entry is None or entry.job.owner != owner:
                return DeletionRefusal.JOB_NOT_FOUND
            album = entry.job.album
            refusal = _album_refusal(album)
        if album is None or refusal is not None:
            return refusal or DeletionRefusal.ALBUM_NOT_FOUND
        with self._table.album(album.key):
            album.deletion = PENDING_DELETION
        return album.key

    def enter_attempt(self, job_id: str, attempt: DeliveryAttempt) -> None:
        """Record an attempt to deliver a webhook."""
        with self._table.entry(job_id) as entry:
            if entry is not None:
                _tasks_of(entry.job).deliveries.append(attempt)
                entry.job.log.note(0)  # a change of the job itself: any index will do
                entry.journal.append(["delivery", job_id, delivery_record(attempt)])

    def want_deletion(self, job_id: str, index: int, owner: str) -> DeletionRefusal | None:
        """Record the request to delete an image; return a refusal if it cannot be deleted."""
        with self._table.entry(job_id) as entry:
            if entry is None or entry.job.owner != owner:
                return DeletionRefusal.JOB_NOT_FOUND
            refusal = _refusal(entry.job, index)
            if refusal is None:
                _enter_deletion(entry, job_id, index, PENDING_DELETION)
            return refusal

    def enter_deletion(self, job_id: str, index: int, deletion: Deletion) -> None:
        """Record the state of a deletion; a done one removes the link from its owner's list."""
        with self._table.entry(job_id) as entry:
            if entry is not None:
                _enter_deletion(entry, job_id, index, deletion)

    # --- a restart --------------------------------------------------------------------------

    def open_tasks(self) -> Iterator[tuple[TaskKey, int, float]]:
        """Return the open tasks; takes place before any other use of the table.

        Returns:
            For each task, the number of attempts made, and the seconds until the next one.
        """
        now = self._wall_clock()
        for key, album in self._table.kept.albums.items():
            if album.step is not None:
                yield (TaskKind.ALBUM, (key, 0)), 0, 0.0
        for job_id, job in self._table.jobs():
            for index in sorted(job.tasks.pending_deletions) if job.tasks else ():
                yield (TaskKind.DELETION, (job_id, index)), 0, 0.0
            if not job.has_untold_callback:
                continue
            last = job.tasks.deliveries[-1] if job.tasks and job.tasks.deliveries else None
            wait = 0.0 if last is None else max(0.0, (last.next_at or now) - now)
            yield (TaskKind.WEBHOOK, (job_id, 0)), 0 if last is None else last.attempt, wait


def _enter_deletion(entry: JobEntry, job_id: str, index: int, deletion: Deletion) -> None:
    job = entry.job
    _tasks_of(job).set_deletion(index, deletion)
    job.log.note(index)
    # At once: no other URL may be deduplicated with the image any more.
    entry.forget_image(job.links[index])
    if deletion.state is DeletionState.DONE:
        entry.drop_link(job.links[index])
        if job.album is not None:
            job.album.remove(job.place(index))
    entry.journal.append(["deletion", job_id, index, deletion_record(deletion)])


def _album_refusal(album: Album | None) -> DeletionRefusal | None:
    if album is None:
        return DeletionRefusal.ALBUM_NOT_FOUND
    if album.open_jobs:
        return DeletionRefusal.JOB_UNFINISHED
    if not album.is_created:
        return DeletionRefusal.ALBUM_NOT_CREATED
    return DeletionRefusal.ALBUM_ALREADY_DELETED if album.is_deleted else None


def _tasks_of(job: Job) -> JobTasks:
    if job.tasks is None:
        job.tasks = JobTasks()
    return job.tasks


def _refusal(job: Job, index: int) -> DeletionRefusal | None:
    if not 0 <= index < len(job.urls):
        return DeletionRefusal.IMAGE_NOT_FOUND
    if job.states[index] != ImageState.COMPLETE:
        return DeletionRefusal.IMAGE_NOT_COMPLETE
    known = job.tasks.deletions.get(index) if job.tasks else None
    if known is not None and known.state is not DeletionState.FAILED:
        return DeletionRefusal.IMAGE_ALREADY_DELETED
    return None if job.deletehashes.get(index) else DeletionRefusal.IMAGE_NOT_DELETABLE

"""The durable records of tasks: each change is one step of job table and journal."""

from collections.abc import Iterator
from contextlib import contextmanager

from workers.contract.messages.jobs import ImageState
from workers.contract.messages.outcomes import (
    NO_DETAILS,
    Done,
    Failed,
    ImageDetails,
    Outcome,
    RetryLater,
)
from workers.contract.messages.round_trip import Lease, TaskKey, UrlKey
from workers.contract.messages.tasks import (
    PENDING_DELETION,
    Deletion,
    DeletionRefusal,
    DeletionState,
    DeliveryAttempt,
    TaskKind,
)
from workers.state.jobs.album import Album, deletion_after
from workers.state.jobs.job import Job
from workers.state.jobs.job_changes import job_complete
from workers.state.jobs.job_table import JobTable
from workers.state.schedule.source_limits import host_of


class TaskStore:
    """The webhooks, deletions and albums of all jobs, as the job table keeps them."""

    def __init__(self, table: JobTable) -> None:
        self.table = table

    def lease(self, key: TaskKey, token: int, attempt: int) -> Lease | None:
        """Return the task for a worker; None if its job is gone, or there is nothing to do."""
        kind, (job_id, index) = key
        if kind is TaskKind.ALBUM:
            with self.album(job_id) as album:
                call = None if album is None else album.lease()
                if call is None:
                    return None
                return Lease(token, job_id, 0, "", attempt, kind=kind, album=call)
        with self._job(job_id) as job:
            if job is None:
                return None
            if kind is TaskKind.DELETION:
                target, body = job.deletehashes[index], b""
            else:
                target, body = job.asked.options.callback_url or "", job_complete(job)
            return Lease(token, job_id, index, target, attempt, None, job.asked.origin, kind, body)

    def host(self, kind: TaskKind, place: UrlKey) -> str:
        """Whose turn a task takes among its kind: that of the host that a webhook goes to. Others
        go to Imgur, all of them: that of the tenant.
        """
        job_id, _ = place
        if kind is TaskKind.ALBUM:
            with self.album(job_id, changes=False) as album:
                job_id = job_id if album is None else album.job_ids[-1]
        with self._job(job_id) as job:
            if job is None:
                return ""
            is_webhook = kind is TaskKind.WEBHOOK
            return host_of(job.asked.options.callback_url or "") if is_webhook else job.asked.tenant

    def note(self, key: TaskKey, attempt: int, outcome: Outcome) -> None:
        """Record the outcome of an attempt, numbered from 1."""
        kind, (job_id, index) = key
        if kind is TaskKind.ALBUM:
            with self.album(job_id) as album:
                if album is not None:
                    album.settle(outcome)
        elif kind is TaskKind.WEBHOOK and isinstance(outcome, Done | Failed | RetryLater):
            now = self.table.wall_clock()
            due = now + outcome.delay_seconds if isinstance(outcome, RetryLater) else None
            reason = None
            if not isinstance(outcome, Done) and outcome.status is None:
                reason = outcome.reason  # a response has its status instead
            self.enter_attempt(job_id, DeliveryAttempt(now, attempt, outcome.status, reason, due))
        elif kind is TaskKind.DELETION and (deletion := deletion_after(outcome)) is not None:
            self.enter_deletion(job_id, index, deletion)

    def enter_attempt(self, job_id: str, attempt: DeliveryAttempt) -> None:
        """Record an attempt to deliver a webhook."""
        with self._job(job_id) as job:
            if job is not None:
                job.deliveries += (attempt,)
                job.log.note()
                self.table.journal.append(["delivery", job_id, attempt])

    # --- deletions --------------------------------------------------------------------------

    def want_deletion(self, job_id: str, index: int, owner: str) -> DeletionRefusal | None:
        """Record the request to delete an image; return a refusal if it cannot be deleted."""
        with self._job(job_id) as job:
            if job is None or job.asked.owner != owner:
                return DeletionRefusal.JOB_NOT_FOUND
            refusal = _refusal(job, index)
            if refusal is None:
                self._enter_deletion(job, index, PENDING_DELETION)
                self.table.on_task(TaskKind.DELETION, (job_id, index))
            return refusal

    def enter_deletion(self, job_id: str, index: int, deletion: Deletion) -> None:
        """Record the state of a deletion; a done one removes the link from its owner's list."""
        with self._job(job_id) as job:
            if job is not None:
                self._enter_deletion(job, index, deletion)

    def _enter_deletion(self, job: Job, index: int, deletion: Deletion) -> None:
        link = job.links[index]  # none, and nothing is changed, if a damaged journal has lost it
        job.add_details(index, ImageDetails(deletion=deletion))
        job.log.note(index)
        # At once: no other URL may be deduplicated with the image any more.
        self.table.contents.forget_link(link)
        where: list[str] = []
        if deletion.state is DeletionState.DONE:
            where = [job.asked.owner, link]  # a restart may have no memory for the job
            self.table.kept_links.remove(*where)
            if job.album is not None:
                job.album.remove(job.place(index))
        self.table.journal.append(["deletion", job.asked.job_id, index, deletion, *where])

    # --- albums -----------------------------------------------------------------------------

    @contextmanager
    def album(self, key: str, *, changes: bool = True) -> Iterator[Album | None]:
        """Yield the album of a key, to be read, and changed, in one step; None if there is none."""
        table = self.table
        with table.lock:
            album = table.albums.get(key)
            yield album
            if album is None or not changes:
                return
            table.journal.append(["album", key, album.to_record()])
            table.album_changed(album)

    def broke_off(self, key: TaskKey, *, create_again: bool) -> Failed | None:
        """The worker of an attempt died; see `Album.broke_off`."""
        kind, (album_key, _) = key
        if kind is not TaskKind.ALBUM:
            return None
        with self.album(album_key) as album:
            return None if album is None else album.broke_off(create_again=create_again)

    def want_album_deletion(self, job_id: str, owner: str) -> DeletionRefusal | None:
        """Record the request to delete the album of a job; return a refusal if it cannot be
        deleted.
        """
        with self._job(job_id) as job:
            if job is None or job.asked.owner != owner:
                return DeletionRefusal.JOB_NOT_FOUND
            album = job.album
            refusal = _album_refusal(album)
        if album is None or refusal is not None:
            return refusal or DeletionRefusal.ALBUM_NOT_FOUND
        with self.album(album.key):
            album.deletion = PENDING_DELETION
        return None

    # --- a restart --------------------------------------------------------------------------

    def open_tasks(self) -> Iterator[tuple[TaskKey, int, float]]:
        """Return the open tasks; takes place before any other use of the table.

        Returns:
            For each task, the number of attempts made, and the seconds until the next one.
        """
        now = self.table.wall_clock()
        for key, album in self.table.albums.items():
            if album.step is not None:
                yield (TaskKind.ALBUM, (key, 0)), 0, 0.0
        for job_id, job in self.table.by_id.items():
            for index, details in sorted(job.details.items()) if job.open_deletions else ():
                if details.deletion == PENDING_DELETION:
                    yield (TaskKind.DELETION, (job_id, index)), 0, 0.0
            if not job.has_untold_callback:
                continue
            last = job.deliveries[-1] if job.deliveries else None
            wait = 0.0
            if last is not None and last.next_at is not None:
                wait = max(0.0, last.next_at - max(now, last.at))  # the clock may be set back
            yield (TaskKind.WEBHOOK, (job_id, 0)), 0 if last is None else last.attempt, wait

    @contextmanager
    def _job(self, job_id: str) -> Iterator[Job | None]:
        """A job, to be read and changed in one step; None if it is gone."""
        with self.table.lock:
            job = self.table.by_id.get(job_id)
            yield job
            if job is not None:
                self.table.weigh(job)


def _album_refusal(album: Album | None) -> DeletionRefusal | None:
    if album is None:
        return DeletionRefusal.ALBUM_NOT_FOUND
    if album.open_jobs:
        return DeletionRefusal.JOB_UNFINISHED
    if not album.is_created:
        return DeletionRefusal.ALBUM_NOT_CREATED
    return DeletionRefusal.ALBUM_ALREADY_DELETED if album.is_deleted else None


def _refusal(job: Job, index: int) -> DeletionRefusal | None:
    if not 0 <= index < len(job.asked.urls):
        return DeletionRefusal.IMAGE_NOT_FOUND
    if job.states[index] != ImageState.COMPLETE:
        return DeletionRefusal.IMAGE_NOT_COMPLETE
    known = job.details.get(index, NO_DETAILS).deletion
    if known is not None and known.state is not DeletionState.FAILED:
        return DeletionRefusal.IMAGE_ALREADY_DELETED
    return None if job.deletehashes.get(index) else DeletionRefusal.IMAGE_NOT_DELETABLE

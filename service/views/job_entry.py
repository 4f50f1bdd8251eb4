"""The members of a job as JSON, besides its URLs."""

from service.rendering.models import AlbumEntry, Counts, JobDetails, JobEntry
from service.rendering.rendered import iso_time
from workers import AlbumStatus, DeletionState, JobChanges, JobOverview


def job_entry(job: JobOverview) -> JobEntry:
    """Return the members that every job has in lists and in its own status."""
    entry: JobEntry = {
        "id": job.job_id,
        "created": iso_time(job.created),
        "finished": None if job.finished is None else iso_time(job.finished),
        "status": job.status.value,
        "counts": counts_of(job),
    }
    if job.cancelled is not None:
        entry["cancelled"] = True
    if job.retry_of is not None:
        entry["retryOf"] = job.retry_of
    if job.retried_as is not None:
        entry["retriedAs"] = job.retried_as
    return entry


def counts_of(job: JobOverview) -> Counts:
    """Return the number of a job's URLs by state."""
    return {
        "pending": job.pending,
        "complete": job.complete,
        "failed": job.failed,
        "total": job.total,
    }


def details_of(job: JobChanges) -> JobDetails:
    """Return the members about the album, the wait and the webhook, where there are any."""
    details: JobDetails = {}
    if job.album is not None:
        details["album"] = _album_entry(job.album)
    if job.held is not None:
        reason, message = job.held
        details["waiting"] = {"reason": reason, "message": message}
    if job.deliveries:
        details["deliveries"] = [
            {
                "at": iso_time(attempt.at),
                "attempt": attempt.attempt,
                "status": attempt.status,
                "reason": attempt.reason,
                "next": None if attempt.next_at is None else iso_time(attempt.next_at),
            }
            for attempt in job.deliveries
        ]
    return details


def _album_entry(album: AlbumStatus) -> AlbumEntry:
    entry: AlbumEntry = {"id": album.album_id, "link": album.link, "state": album.state.value}
    if album.reason is not None and album.message is not None:
        entry |= {"reason": album.reason, "message": album.message}
    if album.possibly_duplicated:
        entry["possiblyDuplicated"] = True
    if album.deletion is not None:
        entry["deleted"] = album.deletion.state.value
        if album.deletion.state is DeletionState.FAILED:
            entry["deletionReason"] = album.deletion.reason
            entry["deletionMessage"] = album.deletion.message
    return entry

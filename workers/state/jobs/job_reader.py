"""Atomic reads of jobs and links."""

import threading
from collections.abc import Iterable

from workers.contract.job_messages import JobListing, JobOverview
from workers.contract.messages import ChangesWanted, JobChanges, JobStatus, Submission
from workers.contract.origin import Origin
from workers.contract.shares import Shares, share_left
from workers.state.jobs.job import Job
from workers.state.jobs.kept_jobs import KeptJobs


class JobReader:
    """The reading half of a `JobTable`, under the same lock as its steps.

    Args:
        max_bytes: memory limit for jobs and links.

    Attributes:
        kept: the jobs and links themselves; for a restart, while nobody else uses them.
        held: why all pending URLs wait, if there is such a reason.
    """

    def __init__(self, max_bytes: int) -> None:
        self.kept = KeptJobs(max_bytes)
        self.held: tuple[str, str] | None = None
        self._lock = threading.Lock()

    # --- for the web side -------------------------------------------------------------------

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        """Return what changed of a job, or None if this owner has no such job."""
        with self._lock:
            job = self.kept.of_owner(wanted.job_id, wanted.owner)
            return None if job is None else job.changes(wanted, self.held)

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        """Return a page of an owner's links, in order of completion. An empty page is the end, an
        empty link is a removed one.
        """
        with self._lock:
            return self.kept.links.of(owner).slice(start, limit)

    def links_removed(self, owner: str = "") -> int:
        """Return the number of an owner's removed links."""
        with self._lock:
            return self.kept.links.of(owner).removed

    def overview(self, job_id: str, owner: str) -> JobOverview | None:
        """Return a job without its URLs, or None if this owner has no such job."""
        with self._lock:
            job = self.kept.of_owner(job_id, owner)
            return None if job is None else job.overview(job_id)

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        """Return a page of an owner's jobs, newest first.

        Args:
            owner: the jobs' owner.
            status: only this status; None for all.
            before: `JobListing.following` of the previous page; None for the first page.
            limit: maximum number of jobs.
        """
        with self._lock:
            return self.kept.listing(owner, status, before, limit)

    def unfinished(self) -> dict[str, int]:
        """Return the number of open URLs by job id, without complete jobs."""
        with self._lock:
            return {job_id: job.pending for job_id, job in self.kept.by_id.items() if job.pending}

    # --- for the mailbox --------------------------------------------------------------------

    def request(self, owner: str, key: str) -> tuple[str, str] | None:
        """Return the job id and the request digest of an idempotency key, or None."""
        with self._lock:
            return self.kept.of_request(owner, key)

    def failed_of(self, job_id: str, new_job_id: str) -> Submission | None:
        """Return a job's failed URLs as a new job; None if there are none."""
        with self._lock:
            job = self.kept.by_id.get(job_id)
            failed = [] if job is None else job.failed()
            if job is None or not failed:
                return None
            return Submission(
                new_job_id,
                tuple(map(job.urls.__getitem__, failed)),
                job.owner,
                job.options,
                retry_of=job_id,
                client=job.tenant,
                data={
                    place: job.data[index]
                    for place, index in enumerate(failed)
                    if index in job.data
                },
            )

    def data(self, job_id: str, index: int) -> bytes:
        """The bytes of a data URL that is not uploaded yet."""
        with self._lock:
            return self.kept.by_id[job_id].data[index]

    def origin(self, job_id: str) -> Origin | None:
        """Return the request that submitted a job, if known."""
        with self._lock:
            return self.kept.by_id[job_id].origin

    def new_album(self, job_id: str) -> str | None:
        """The name of the album that was created for a job; empty while it is not, and None for a
        job that asked for none.
        """
        with self._lock:
            album = self.kept.by_id[job_id].album
            return None if album is None else album.name

    def is_cancelled(self, job_id: str) -> bool:
        """Return whether the job is cancelled."""
        with self._lock:
            return self.kept.by_id[job_id].cancelled is not None

    @property
    def max_bytes(self) -> int:
        """Memory limit for jobs and links."""
        return self.kept.max_bytes

    @property
    def size(self) -> int:
        """Estimated memory of jobs and links in bytes."""
        with self._lock:
            return self.kept.size

    @property
    def max_job_bytes(self) -> int:
        """Bytes of the largest job that an empty table takes."""
        return self.kept.max_job_bytes

    def bytes_left(self, tenant: str, max_bytes: int, announced: Shares) -> int:
        """Return the bytes left for new jobs of a tenant, if all complete jobs are evicted.

        Args:
            tenant: see `Submission`.
            max_bytes: memory limit for all tenants.
            announced: bytes of jobs that are announced and not entered yet.
        """
        with self._lock:
            return share_left(
                max_bytes - self.kept.lasting_bytes,
                self.kept.open_sizes.total + announced.total,
                self.kept.open_sizes.of(tenant) + announced.of(tenant),
            )

    def interrupted_uploads(self, job_id: str, index: int) -> int:
        """Return, for a URL whose attempt broke off: 0 if it was not being uploaded, 1 if it was, 2
        if the outcome of an earlier upload is unknown too.
        """
        with self._lock:
            job = self.kept.by_id[job_id]
            return 1 + (index in job.outcome_unknown) if index in job.uploading else 0

    def jobs(self) -> Iterable[tuple[str, Job]]:
        """Return all jobs, in the order of submission; takes no lock."""
        return self.kept.by_id.items()

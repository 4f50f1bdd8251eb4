"""The methods of the board's objects, called from another process.

One body for each signature, whichever engine carries the call: a Manager's connection
(`workers.manager`), or Ray (`workers.cluster`).
"""

from abc import ABC, abstractmethod
from typing import Any, cast

from workers.imgur.auth import TokenAnswer
from workers.jobs.job_messages import Cancellation, JobListing, Replay, Retry
from workers.jobs.origin import Origin
from workers.journal.recovery import Recovered
from workers.logs import LogConfig
from workers.messages import (
    ChangesWanted,
    DeletionRefusal,
    Delivery,
    JobChanges,
    JobStatus,
    MailboxStats,
    Refusal,
    Retirement,
    Submission,
    Words,
)
from workers.metrics import EndCause, MeterReading
from workers.queueing.outlook import Outlook
from workers.tasks.task_store import TaskKey

RESTORE_SECONDS = 600.0
"""How long a journal may take; one of a million URLs takes some 10 s on a slow machine."""


class RemoteCalls(ABC):
    """An object elsewhere; an engine says how its methods are called."""

    @abstractmethod
    def _callmethod(
        self,
        methodname: str,
        args: tuple[Any, ...] = (),
        kwds: dict[str, Any] | None = None,
        *,
        wait_seconds: float = 0.0,
    ) -> Any:  # noqa: ANN401 - what the method returns
        """Call a method by its name.

        Args:
            methodname: of the object.
            args: as the method takes them.
            kwds: the same.
            wait_seconds: how long the method itself may wait.

        Raises:
            BoardLostError: the object is gone, or silent beyond that time.
        """


class MailboxCalls(RemoteCalls):
    """See `Mailbox`."""

    def put(self, submission: Submission) -> Refusal | Replay | None:
        return cast("Refusal | Replay | None", self._callmethod("put", (submission,)))

    def cancel(self, job_id: str, owner: str) -> Cancellation | Refusal | None:
        answer = self._callmethod("cancel", (job_id, owner))
        return cast("Cancellation | Refusal | None", answer)

    def retry(
        self, job_id: str, owner: str, new_job_id: str, origin: Origin | None
    ) -> Retry | Refusal | None:
        answer = self._callmethod("retry", (job_id, owner, new_job_id, origin))
        return cast("Retry | Refusal | None", answer)

    def close(self) -> None:
        self._callmethod("close")

    def stats(self) -> MailboxStats:
        return cast("MailboxStats", self._callmethod("stats"))

    def outlook(self, job_id: str | None = None) -> Outlook:
        return cast("Outlook", self._callmethod("outlook", (job_id,)))

    def meters(self) -> MeterReading:
        return cast("MeterReading", self._callmethod("meters"))

    def delete_image(self, job_id: str, index: int, owner: str) -> DeletionRefusal | None:
        answer = self._callmethod("delete_image", (job_id, index, owner))
        return cast("DeletionRefusal | None", answer)

    def open_tasks(self) -> tuple[TaskKey, ...]:
        return cast("tuple[TaskKey, ...]", self._callmethod("open_tasks"))

    def exchange(self, worker_id: str, words: Words, wait_seconds: float) -> Delivery:
        args = (worker_id, words, wait_seconds)
        return cast("Delivery", self._callmethod("exchange", args, wait_seconds=wait_seconds))

    def register(self, worker_id: str) -> None:
        self._callmethod("register", (worker_id,))

    def retire(self, worker_id: str, cause: EndCause | None = None) -> Retirement:
        return cast("Retirement", self._callmethod("retire", (worker_id, cause)))

    def workers(self) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._callmethod("workers"))

    def dismiss(self, worker_id: str) -> None:
        self._callmethod("dismiss", (worker_id,))

    def overdue(self) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._callmethod("overdue"))


class JobTableCalls(RemoteCalls):
    """Reading and forgetting in a `JobTable`; what writes to it is the mailbox, beside it."""

    def changes(self, wanted: ChangesWanted) -> JobChanges | None:
        return cast("JobChanges | None", self._callmethod("changes", (wanted,)))

    def links(self, start: int, limit: int, owner: str = "") -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._callmethod("links", (start, limit, owner)))

    def links_removed(self, owner: str = "") -> int:
        return cast("int", self._callmethod("links_removed", (owner,)))

    def listing(
        self, owner: str, status: JobStatus | None, before: int | None, limit: int
    ) -> JobListing:
        answer = self._callmethod("listing", (owner, status, before, limit))
        return cast("JobListing", answer)

    def evict(self, age_seconds: float | None) -> int:
        return cast("int", self._callmethod("evict", (age_seconds,)))

    def unfinished(self) -> dict[str, int]:
        return cast("dict[str, int]", self._callmethod("unfinished"))


class TokenStoreCalls(RemoteCalls):
    """See `TokenStore`."""

    def token(self, stale_generation: int | None, wait_seconds: float) -> TokenAnswer:
        args = (stale_generation, wait_seconds)
        return cast("TokenAnswer", self._callmethod("token", args, wait_seconds=wait_seconds))

    def refreshed(
        self,
        permit: int,
        access_token: str,
        expires_in_seconds: float,
        refresh_token: str | None,
    ) -> None:
        self._callmethod("refreshed", (permit, access_token, expires_in_seconds, refresh_token))

    def refresh_failed(self, permit: int, message: str, transient: bool) -> None:  # noqa: FBT001 - the store's own signature
        self._callmethod("refresh_failed", (permit, message, transient))


class RecoveryCalls(RemoteCalls):
    """See `Recovery`."""

    def restore(self, path: str, logs: LogConfig) -> Recovered:
        return cast(
            "Recovered", self._callmethod("restore", (path, logs), wait_seconds=RESTORE_SECONDS)
        )

    def close(self) -> None:
        self._callmethod("close")

"""A job's record of its webhook and deletions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.contract.messages import Deletion, DeletionState, DeliveryAttempt
from workers.state.jobs.job_size import DELETION_BYTES, DELIVERY_BYTES


@dataclass(slots=True)
class JobTasks:
    """The webhook and the deletions of one job; most jobs have none.

    Attributes:
        deliveries: attempts to deliver the webhook, oldest first; at most one more than
            `RETRY_SECONDS` has entries.
        deletions: by image index.
        pending_deletions: indexes of images with an open deletion.
    """

    deliveries: list[DeliveryAttempt] = field(default_factory=list)
    deletions: dict[int, Deletion] = field(default_factory=dict)
    pending_deletions: set[int] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        for index, deletion in self.deletions.items():
            self.set_deletion(index, deletion)

    def set_deletion(self, index: int, deletion: Deletion) -> None:
        """Set the state of an image's deletion."""
        self.deletions[index] = deletion
        if deletion.state is DeletionState.PENDING:
            self.pending_deletions.add(index)
        else:
            self.pending_deletions.discard(index)

    @property
    def size(self) -> int:
        """Estimated memory in bytes."""
        return DELIVERY_BYTES * len(self.deliveries) + DELETION_BYTES * len(self.deletions)

    @property
    def is_told(self) -> bool:
        """True if no delivery attempt remains."""
        return bool(self.deliveries) and self.deliveries[-1].next_at is None

    def deletions_of(self, indexes: Iterable[int]) -> dict[int, Deletion]:
        """Return the deletions of these images."""
        if not self.deletions:
            return {}
        return {index: self.deletions[index] for index in indexes if index in self.deletions}

    def to_record(self) -> dict[str, Any]:
        """Return the journal's form."""
        return {
            "deliveries": [delivery_record(attempt) for attempt in self.deliveries],
            "deletions": [
                [index, *deletion_record(deletion)] for index, deletion in self.deletions.items()
            ],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "JobTasks":
        """Read the result of `to_record` after JSON.

        Raises:
            LookupError, TypeError, ValueError: the record is malformed.
        """
        return cls(
            [delivery_of(attempt) for attempt in record["deliveries"]],
            {index: deletion_of(rest) for index, *rest in record["deletions"]},
        )


def delivery_record(attempt: DeliveryAttempt) -> list[Any]:
    return [attempt.at, attempt.attempt, attempt.status, attempt.reason, attempt.next_at]


def delivery_of(record: Sequence[Any]) -> DeliveryAttempt:
    return DeliveryAttempt(*record)


def deletion_record(deletion: Deletion) -> list[str]:
    return [deletion.state.value, deletion.reason, deletion.message]


def deletion_of(record: Sequence[str]) -> Deletion:
    state, reason, message = record
    return Deletion(DeletionState(state), reason, message)

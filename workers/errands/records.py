"""What a job keeps of its errands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.errands.messages import Deletion, DeletionState, DeliveryAttempt


@dataclass(slots=True)
class JobErrands:
    """The errands of one job; most jobs have none.

    Attributes:
        deliveries: attempts to tell the callback URL, oldest first. No more than there are waits
            between them, and one.
        deletions: of images, by their index.
    """

    deliveries: list[DeliveryAttempt] = field(default_factory=list)
    deletions: dict[int, Deletion] = field(default_factory=dict)

    @property
    def is_told(self) -> bool:
        """Whether there is nothing more to tell the callback URL."""
        return bool(self.deliveries) and self.deliveries[-1].next_at is None

    @property
    def pending_deletions(self) -> list[int]:
        """Indexes of the images that are still to be deleted."""
        return [
            index
            for index, deletion in self.deletions.items()
            if deletion.state is DeletionState.PENDING
        ]

    def deletions_of(self, indexes: Iterable[int]) -> dict[int, Deletion]:
        """Those of some images."""
        if not self.deletions:
            return {}
        return {index: self.deletions[index] for index in indexes if index in self.deletions}

    def to_record(self) -> dict[str, Any]:
        """For a journal."""
        return {
            "deliveries": [delivery_record(attempt) for attempt in self.deliveries],
            "deletions": [
                [index, *deletion_record(deletion)] for index, deletion in self.deletions.items()
            ],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "JobErrands":
        """What `to_record` gave, gone through JSON.

        Raises:
            LookupError, TypeError, ValueError: the record is no such thing.
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

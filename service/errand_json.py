"""What answers show of a job's errands: deletions of images, and deliveries of its webhook."""

from collections.abc import Sequence

from service.models import DeliveryEntry, iso_time, render
from workers import Deletion, DeletionState, DeliveryAttempt


def render_deletion(deletion: Deletion) -> bytes:
    """The members that a result has besides its others, each after a comma."""
    state = b',"deleted":"%b"' % deletion.state.value.encode()
    if deletion.state is not DeletionState.FAILED:
        return state
    why = render(deletion.reason), render(deletion.message)
    return state + b',"deletionReason":%b,"deletionMessage":%b' % why


def render_deliveries(deliveries: Sequence[DeliveryAttempt]) -> bytes:
    """The member that a job has besides its others, after a comma; nothing if there is none."""
    return b',"deliveries":%b' % render([_entry(one) for one in deliveries]) if deliveries else b""


def _entry(attempt: DeliveryAttempt) -> DeliveryEntry:
    return {
        "at": iso_time(attempt.at),
        "attempt": attempt.attempt,
        "status": attempt.status,
        "reason": attempt.reason,
        "next": None if attempt.next_at is None else iso_time(attempt.next_at),
    }

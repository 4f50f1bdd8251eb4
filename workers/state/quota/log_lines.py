"""Log lines about uploads as a whole."""

from workers.contract.errors import Reason
from workers.contract.messages import LogLine, MaybeBlocked, Outcome


def stopped(refusal: MaybeBlocked, next_probe_seconds: float) -> LogLine:
    """The gate has shut."""
    return LogLine(
        "error",
        "uploads stopped: Imgur refuses this application or address",
        {
            "reason": refusal.reason,
            "message": refusal.message,
            "next_probe_seconds": round(next_probe_seconds),
        },
    )


def probed(next_probe_seconds: float, outcome: Outcome | None) -> LogLine:
    """An image was tried, and the gate stays shut."""
    return LogLine(
        "info",
        "an image was tried in vain: uploads stay stopped",
        {
            "reason": getattr(outcome, "reason", Reason.WORKER_CRASHED),
            "message": getattr(outcome, "message", ""),
            "next_probe_seconds": round(next_probe_seconds),
        },
    )


def opened(why: str) -> LogLine:
    """The gate is open again."""
    return LogLine("info", "uploads go on", {"why": why})


def shared(others: int) -> LogLine:
    """Somebody else uses the client id."""
    return LogLine(
        "warning",
        "the client id is shared: its limit shrinks by more than this service uploads",
        {"uploads_of_others": others},
    )

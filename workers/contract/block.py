"""The state of a block: Imgur refuses whatever is sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """Uploads have stopped, as Imgur refuses the application or the address.

    Attributes:
        reason: the stable code of the refusals.
        message: one sentence for a person.
        sentence: Imgur's own, without secrets; empty if there is none.
        since: when uploads stopped; seconds since the epoch.
        next_probe_seconds: until one image is tried; 0 while one is, or if one may be at once.
        probes: images that were tried in vain so far.
    """

    reason: str
    message: str
    sentence: str
    since: float
    next_probe_seconds: float
    probes: int = 0

    def waiting(self) -> tuple[str, str]:
        """Return why an image waits: the reason, and a sentence for a person."""
        return self.reason, f"Uploads have stopped, for all images. {self.message}"

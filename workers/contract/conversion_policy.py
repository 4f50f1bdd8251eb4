"""How images are made fit for Imgur: the limits, as values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConversionPolicy:
    """Whether images that Imgur would refuse are converted, and at what cost.

    Attributes:
        enabled: False: they fail instead.
        processes: converter processes at once on one machine.
        seconds: how long one conversion may take, and how much processor time.
        wait_seconds: how long an image waits for a free process before its URL goes back.
        memory_bytes: address space of a converter process.
        max_pixels: width times height, of all frames of an animation together.
        max_frames: of an animation.
        max_animation_seconds: how long it may last.
        strip_metadata: ``off``, ``location`` or ``all``: what is left out of each image; of those
            that Imgur takes as they are, too, if they are JPEG or PNG.
    """

    enabled: bool = True
    processes: int = 1
    seconds: float = 20.0
    wait_seconds: float = 120.0
    memory_bytes: int = 1024**3
    max_pixels: int = 100_000_000
    max_frames: int = 1000
    max_animation_seconds: float = 120.0
    strip_metadata: str = "off"

    @property
    def lease_seconds(self) -> float:
        """What a conversion takes at most: a lease is extended by it when one begins."""
        return self.wait_seconds + self.seconds if self.enabled else 0.0

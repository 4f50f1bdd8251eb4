"""What a converter process is asked, and what it answers."""

import json
from dataclasses import asdict, dataclass
from typing import NamedTuple, Self


class ConversionError(Exception):
    """An image cannot be converted.

    Args:
        message: one sentence for a person.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class ConversionOrder:
    """One image to make fit.

    Attributes:
        source: Pillow's name of the format that the bytes are in; no other is tried.
        name: the same for a sentence.
        targets: codes of the types that may come out, of `TARGETS`.
        still_bytes: how large a still image may be.
        animation_bytes: how large an animation may be.
        max_pixels: width times height, of all frames of an animation together.
        max_frames: of an animation.
        max_seconds: an animation may last.
        metadata: what is left out of it: ``off`` (nothing), ``location`` or ``all``.
    """

    source: str
    name: str
    targets: tuple[str, ...] = ("jpeg", "png", "gif", "apng")
    still_bytes: int = 20_000_000
    animation_bytes: int = 10_000_000
    max_pixels: int = 100_000_000
    max_frames: int = 1000
    max_seconds: float = 120.0
    metadata: str = "off"

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        fields = json.loads(text)
        return cls(**{**fields, "targets": tuple(fields["targets"])})


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """What became of it.

    Attributes:
        code: of the type that came out, of an order's targets.
        size: in bytes.
        width: in pixels.
        height: the same.
    """

    code: str
    size: int
    width: int
    height: int


class Encoded(NamedTuple):
    """An image that is ready.

    Attributes:
        code: of its type.
        content: its bytes.
        width: in pixels.
        height: the same.
    """

    code: str
    content: bytes
    width: int
    height: int

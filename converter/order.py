"""The messages between a worker and its converter processes."""

import json
from dataclasses import asdict, dataclass
from typing import NamedTuple, Self


class ConversionError(Exception):
    """An image cannot be converted; the message is one sentence for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class ConversionOrder:
    """One image to convert, and the limits of the result."""

    source: str  # Pillow's name of the format; the bytes are read as no other
    name: str  # of the format, for people
    targets: tuple[str, ...] = ("jpeg", "png", "gif", "apng")  # codes of allowed types
    still_bytes: int = 20_000_000  # maximum size of a still image
    animation_bytes: int = 10_000_000
    max_pixels: int = 100_000_000  # width times height, of all frames together
    max_frames: int = 1000
    max_seconds: float = 120.0  # duration of an animation
    metadata: str = "off"  # what is stripped: ``off`` (nothing), ``location`` or ``all``

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        fields = json.loads(text)
        return cls(**{**fields, "targets": tuple(fields["targets"])})


@dataclass(frozen=True, slots=True)
class ConversionResult:
    """The type of a converted image (one of an order's targets), its bytes and its pixels."""

    code: str
    size: int
    width: int
    height: int


class Encoded(NamedTuple):
    """A converted image: like `ConversionResult`, with its bytes."""

    code: str
    content: bytes
    width: int
    height: int

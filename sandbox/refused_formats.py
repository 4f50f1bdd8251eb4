"""Small files of the types that Imgur does not take: WebP, AVIF and HEIC."""

import struct

_PREDICTOR_TRANSFORM = 0
_PREDICT_LEFT = 1


class _Bits:
    """Collects values of a few bits each, the lowest bit first (RFC 9649, section 3.2)."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def put(self, value: int, bits: int) -> None:
        self._value |= value << self._count
        self._count += bits

    def single_codes(self, *symbols: int) -> None:
        """One prefix code of a single symbol for each: no pixel takes a bit after that."""
        for symbol in symbols:
            self.put(0b101, 3)  # a simple code, one symbol, given in eight bits
            self.put(symbol, 8)

    def to_bytes(self) -> bytes:
        return self._value.to_bytes((self._count + 7) // 8, "little")


def encode_webp(width: int, height: int, *, step: tuple[int, int, int]) -> bytes:
    """A lossless WebP in which each pixel adds `step` to its neighbour's red, green and blue.

    RFC 9649, section 3. All pixels are the same difference from the pixel to the left (in the
    first column, from the one above), so that the whole image is its header.
    """
    bits = _Bits()
    bits.put(0x2F, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 1 + 3)  # no alpha, version 0
    bits.put(1, 1)
    bits.put(_PREDICTOR_TRANSFORM, 2)
    bits.put(7, 3)  # one prediction for each square of 512 pixels
    bits.put(0, 1)  # no colour cache in the image of predictions
    bits.single_codes(_PREDICT_LEFT, 0, 0, 255, 0)
    bits.put(0, 1)  # no further transform
    bits.put(0, 1)  # no colour cache
    bits.put(0, 1)  # one group of prefix codes
    red, green, blue = step
    bits.single_codes(green, red, blue, 0, 0)
    data = bits.to_bytes()
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def shell_of_avif() -> bytes:
    """The boxes an AVIF file starts with, and no picture behind them."""
    return _boxes(b"avif", [b"avif", b"mif1", b"miaf"])


def shell_of_heic() -> bytes:
    """The boxes an HEIC file starts with, and no picture behind them."""
    return _boxes(b"heic", [b"mif1", b"heic"])


def _boxes(brand: bytes, compatible: list[bytes]) -> bytes:
    """ISO/IEC 14496-12: a file type box, a metadata box that names a picture, and media data."""
    handler = _box(b"hdlr", bytes(8) + b"pict" + bytes(13))
    primary = _box(b"pitm", bytes(4) + struct.pack(">H", 1))
    return b"".join(
        [
            _box(b"ftyp", brand + bytes(4) + b"".join(compatible)),
            _box(b"meta", bytes(4) + handler + primary),
            _box(b"mdat", bytes(256)),
        ]
    )


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data

"""Draws the sample pictures: three soft waves of colour and a label, the same at every start."""

import math
import random
from dataclasses import dataclass

from sandbox.lettering import ADVANCE, GLYPH_HEIGHT, dots

CHANNELS = 3
_MARGIN = 6  # dots between the label and the edges of its band
_SHADE = bytes(level // 3 for level in range(256))
_WHITE = b"\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Wave:
    """How one colour channel swings.

    Args:
        low: the darkest level, 0 to 255.
        high: the brightest level, 0 to 255.
        period: pixels from crest to crest along a row.
        slope: pixels by which each row shifts the wave; it tilts the stripes.
    """

    low: int
    high: int
    period: int
    slope: int


Palette = tuple[Wave, Wave, Wave]

DUSK: Palette = (Wave(150, 250, 410, 1), Wave(80, 190, 530, 2), Wave(110, 220, 290, -1))
LAGOON: Palette = (Wave(20, 110, 370, 2), Wave(120, 230, 450, 1), Wave(150, 240, 610, -2))
MEADOW: Palette = (Wave(90, 230, 330, -1), Wave(150, 240, 470, 1), Wave(50, 140, 390, 2))
BERRY: Palette = (Wave(140, 240, 350, 1), Wave(50, 130, 290, -2), Wave(120, 230, 490, 1))


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels from the upper left to the lower right, three bytes (red, green, blue) each."""

    width: int
    height: int
    pixels: bytes

    def rows(self) -> list[bytes]:
        stride = self.width * CHANNELS
        return [self.pixels[at : at + stride] for at in range(0, len(self.pixels), stride)]


def draw(
    width: int,
    height: int,
    palette: Palette,
    *,
    label: str = "",
    label_scale: int = 2,
    phase: int = 0,
    grain: int = 0,
) -> Picture:
    """Draw one picture.

    Args:
        width: pixels.
        height: pixels.
        palette: the waves of red, green and blue.
        label: written on a dark band along the lower edge, if there is room.
        label_scale: pixels a dot of the lettering.
        phase: pixels by which all waves are shifted, for the frames of an animation.
        grain: levels by which neighbouring pixels differ at random, as film does.
    """
    chance = random.Random(width * height + grain)
    bands = [_band(wave, width, grain, chance) for wave in palette]
    pixels = bytearray(width * height * CHANNELS)
    stride = width * CHANNELS
    for y in range(height):
        for channel, (wave, band) in enumerate(zip(palette, bands, strict=True)):
            start = (y * wave.slope + phase) % wave.period
            pixels[y * stride + channel : (y + 1) * stride : CHANNELS] = band[start : start + width]
    if label:
        _write_label(pixels, width, height, label, label_scale)
    return Picture(width, height, bytes(pixels))


def _band(wave: Wave, width: int, grain: int, chance: random.Random) -> bytes:
    """One row of the wave, long enough to start a picture's row anywhere in a period."""
    middle, swing = (wave.low + wave.high) / 2, (wave.high - wave.low) / 2
    levels = []
    for x in range(width + wave.period):
        level = middle + swing * math.sin(2 * math.pi * x / wave.period)
        levels.append(round(level) + chance.randint(-grain, grain))
    return bytes(min(255, max(0, level)) for level in levels)


def _write_label(pixels: bytearray, width: int, height: int, label: str, scale: int) -> None:
    band_height = GLYPH_HEIGHT * scale + 2 * _MARGIN
    if band_height > height or len(label) * ADVANCE * scale + 2 * _MARGIN > width:
        return
    stride = width * CHANNELS
    top = height - band_height
    pixels[top * stride :] = pixels[top * stride :].translate(_SHADE)
    for column, row in dots(label):
        for y in range(scale):
            at = (top + _MARGIN + row * scale + y) * stride + (_MARGIN + column * scale) * CHANNELS
            pixels[at : at + scale * CHANNELS] = _WHITE * scale

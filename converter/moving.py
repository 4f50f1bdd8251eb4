"""Converts an animation, frame by frame, to GIF or APNG."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any, Final

from PIL import Image, ImageSequence, PngImagePlugin

from converter.colours import has_alpha, normalize
from converter.order import ConversionError, ConversionOrder, Encoded
from converter.still import not_to_be_had, smaller

_DEFAULT_MILLISECONDS: Final = 100  # as browsers show frames of 10 and less
_MAX_UNSET_MILLISECONDS: Final = 10
_MIN_GIF_MILLISECONDS: Final = 20
_MAX_GIF_COLOURS: Final = 256
_SAMPLE_SIDE: Final = 64
_MAX_GIF_REPEATS: Final = 65535
_ATTEMPTS: Final = 6
_MAX_PIXELS_OF_BOTH: Final = 10_000_000
"""Of all frames of an animation that is tried in both forms. APNG takes longer than GIF, and of
photographs nearly twice the bytes."""


@dataclass(frozen=True, slots=True)
class _Animation:
    """Frames in RGB or RGBA, all of one size and mode."""

    frames: list[Image.Image]
    milliseconds: list[int]  # duration of each
    plays: int  # how often it is shown; 0: for ever

    def resized(self, size: tuple[int, int]) -> "_Animation":
        frames = [frame.resize(size, Image.Resampling.LANCZOS) for frame in self.frames]
        return _Animation(frames, self.milliseconds, self.plays)


def is_animation(image: Image.Image) -> bool:
    """Whether an opened image is animated; several pages, layers or sizes are no animation."""
    return image.format in {"WEBP", "AVIF", "GIF", "PNG"} and getattr(image, "n_frames", 1) > 1


def convert_animation(image: Image.Image, order: ConversionOrder) -> Encoded:
    """Encode an animation as GIF or APNG, whichever is smaller, in smaller and smaller sizes until
    it fits.

    Raises:
        ConversionError: the animation is too long, or does not fit in any size.
    """
    animation = _read(image, order)
    codes = _codes(animation, order)
    for _ in range(_ATTEMPTS):
        size = animation.frames[0].size
        forms = [Encoded(code, _ENCODERS[code](animation, order), *size) for code in codes]
        smallest = min(forms, key=lambda form: len(form.content))
        if len(smallest.content) <= order.animation_bytes:
            return smallest
        next_size = smaller(size, len(smallest.content), order.animation_bytes)
        if next_size is None:
            break
        animation, codes = animation.resized(next_size), [smallest.code]
    raise ConversionError(
        f"The animation cannot be made to fit into {order.animation_bytes:,} bytes."
    )


def _read(image: Image.Image, order: ConversionOrder) -> _Animation:
    count: int = image.n_frames  # type: ignore[attr-defined]
    if count > order.max_frames:
        raise ConversionError(
            f"The animation has {count:,} frames; at most {order.max_frames:,} are converted."
        )
    pixels = count * image.width * image.height
    if pixels > order.max_pixels:
        raise ConversionError(
            f"The {count:,} frames of the animation have {pixels:,} pixels together;"
            f" at most {order.max_pixels:,} are converted (CONVERT_MAX_PIXELS)."
        )
    frames, milliseconds = [], []
    # Where an APNG has a picture for those who know no motion, it comes first.
    first = 1 if getattr(image, "default_image", False) else 0
    for frame in islice(ImageSequence.Iterator(image), first, None):
        frames.append(normalize(frame.copy()))
        duration = round(frame.info.get("duration") or 0)
        milliseconds.append(
            duration if duration > _MAX_UNSET_MILLISECONDS else _DEFAULT_MILLISECONDS
        )
        if sum(milliseconds) > order.max_seconds * 1000:
            raise ConversionError(
                f"The animation lasts more than {order.max_seconds:g} seconds; it is not converted."
            )
    mode = "RGBA" if any(map(has_alpha, frames)) else "RGB"
    # Not `convert` alone, which copies: all frames may take half of the memory.
    frames = [frame if frame.mode == mode else frame.convert(mode) for frame in frames]
    return _Animation(frames, milliseconds, _plays(image))


def _plays(image: Image.Image) -> int:
    """A GIF counts how often it is repeated, the others how often it is shown (gif2webp(1))."""
    loop: int = image.info.get("loop", 0 if image.format == "AVIF" else 1)
    is_repeated = image.format == "GIF" and "loop" in image.info and loop > 0
    return loop + 1 if is_repeated else loop


def _codes(animation: _Animation, order: ConversionOrder) -> list[str]:
    """Return the types that the smallest file may have."""
    codes = [code for code in _ENCODERS if code in order.targets]
    if not codes:
        raise not_to_be_had(order)
    if len(codes) > 1:
        # A GIF has no half-transparent pixels; it is still better than nothing.
        if not _is_cut_out(animation):
            return ["apng"]
        width, height = animation.frames[0].size
        if len(animation.frames) * width * height > _MAX_PIXELS_OF_BOTH:
            return ["gif"]
    return codes


def _is_cut_out(animation: _Animation) -> bool:
    """Whether each pixel is either opaque or fully transparent."""
    if animation.frames[0].mode == "RGB":
        return True
    return all(not any(frame.getchannel("A").histogram()[1:255]) for frame in animation.frames)


def _apng(animation: _Animation, _order: ConversionOrder) -> bytes:
    first, *others = animation.frames
    file = BytesIO()
    first.save(
        file,
        "PNG",
        save_all=True,
        append_images=others,
        duration=animation.milliseconds,
        loop=animation.plays,
        # Not as in the source, which Pillow has played: these are whole frames.
        default_image=False,
        disposal=PngImagePlugin.Disposal.OP_NONE,
        blend=PngImagePlugin.Blend.OP_SOURCE,
    )
    return file.getvalue()


def _gif(animation: _Animation, order: ConversionOrder) -> bytes:
    first, *others = (_with_palette(frame) for frame in animation.frames)
    file = BytesIO()
    repeats = min(max(0, animation.plays - 1), _MAX_GIF_REPEATS)
    # None: without the block that says so.
    options: dict[str, Any] = {"loop": None if animation.plays == 1 else repeats}
    if order.metadata == "all":
        options["comment"] = b""  # else Pillow keeps it
    first.save(
        file,
        "GIF",
        save_all=True,
        append_images=others,
        duration=list(_in_hundredths(animation.milliseconds)),
        disposal=2 if first.info.get("transparency") is not None else 1,
        optimize=False,
        **options,
    )
    return file.getvalue()


def _in_hundredths(milliseconds: Iterable[int]) -> Iterable[int]:
    """Durations as a GIF has them. What rounding takes from one frame goes to the next."""
    rest = 0
    for each in milliseconds:
        rounded = round(each + rest, -1)
        rest += each - rounded
        yield max(_MIN_GIF_MILLISECONDS, rounded)


def _with_palette(frame: Image.Image) -> Image.Image:
    """Return a frame with its own palette; of 256 entries the last one is transparent."""
    if frame.mode == "RGB":
        return _quantized(frame, _MAX_GIF_COLOURS)
    transparent = _MAX_GIF_COLOURS - 1
    quantized = _quantized(frame.convert("RGB"), transparent)
    hidden = frame.getchannel("A").point(lambda alpha: 255 if alpha < 128 else 0)  # noqa: PLR2004
    quantized.paste(transparent, mask=hidden)
    quantized.info["transparency"] = transparent
    return quantized


def _quantized(frame: Image.Image, count: int) -> Image.Image:
    """Reduce the colours. Those of a photograph take up to 0.5 s, so a sample makes its palette."""
    if frame.getcolors(_SAMPLE_SIDE**2) is not None:
        return frame.quantize(count, Image.Quantize.MEDIANCUT)
    sample = frame.resize((_SAMPLE_SIDE, _SAMPLE_SIDE), Image.Resampling.NEAREST)
    palette = sample.quantize(count, Image.Quantize.MEDIANCUT)
    return frame.quantize(palette=palette, dither=Image.Dither.NONE)


_ENCODERS: Final = {"gif": _gif, "apng": _apng}

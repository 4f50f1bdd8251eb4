"""Pictures of every kind that the converter meets, drawn when they are asked for.

Nothing here is random, so a picture is the same each time. Each comes with what it shows, upright
and in sRGB, so that whatever was made of it can be compared with that pixel by pixel.
"""

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

import pillow_heif
from PIL import Image, ImageChops, ImageDraw, ImageStat

pillow_heif.register_heif_opener()

SIZE = (240, 160)
EXIF_ORIENTATION = 0x0112
ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What has to be done to a picture for it to be upright again after its orientation is applied."""


@dataclass(frozen=True)
class Picture:
    """A file, and what is to be made of it.

    Attributes:
        content: the file.
        shows: the picture, or the frames of an animation.
        becomes: the media types that it may have at Imgur.
        tolerance: mean difference of a channel, of 255, that compression may make.
    """

    content: bytes
    shows: tuple[Image.Image, ...]
    becomes: tuple[str, ...]
    tolerance: float = 3.0


def photo(size: tuple[int, int] = SIZE) -> Image.Image:
    """Smooth tones and some shapes, unlike at each of its corners."""
    width, height = size
    across = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    middle = Image.radial_gradient("L").resize(size)
    image = Image.merge("RGB", (across, down, middle))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width // 10, height // 10, width // 3, height // 3), fill=(250, 220, 40))
    draw.rectangle((width // 2, height // 2, width * 9 // 10, height * 6 // 10), fill=(20, 90, 30))
    return image


def noisy(size: tuple[int, int], mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Grain over the photo, which no compression makes small."""
    grain = Image.frombytes("L", size, random.Random(seed).randbytes(size[0] * size[1]))
    bands = [ImageChops.add(band, grain, scale=2) for band in photo(size).split()]
    return Image.merge("RGB", bands).convert(mode)


def drawing(size: tuple[int, int] = SIZE) -> Image.Image:
    """A few flat colours."""
    image = Image.new("RGB", size, (240, 240, 250))
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 10, size[0] // 2, size[1] // 3), fill=(200, 30, 30))
    draw.polygon(
        ((size[0] - 5, 5), (size[0] // 2, size[1] - 9), (size[0] - 5, 90)), fill=(0, 60, 200)
    )
    return image


def cut_out(size: tuple[int, int] = SIZE) -> Image.Image:
    """A photo that is transparent in part, and half so at its edge."""
    image = photo(size)
    alpha = Image.radial_gradient("L").resize(size).point(lambda level: 255 - min(255, level * 2))
    image.putalpha(alpha)
    return image


def frames(
    count: int = 6, mode: str = "RGB", size: tuple[int, int] = (120, 90)
) -> list[Image.Image]:
    """A disc that moves over a drawing, or over nothing."""
    made = []
    for number in range(count):
        image = drawing(size) if mode == "RGB" else Image.new("RGBA", size)
        left = 5 + 10 * number
        ImageDraw.Draw(image).ellipse((left, 30, left + 40, 70), fill=(10, 160 - 20 * number, 80))
        made.append(image)
    return made


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def turned(image: Image.Image, orientation: int) -> tuple[Image.Image, bytes]:
    """The picture as a camera held otherwise saves it, and the Exif that says so."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    if orientation in ORIENTATIONS:
        image = image.transpose(ORIENTATIONS[orientation])
    return image, exif.tobytes()


def wide_gamut_profile() -> bytes:
    """An ICC profile (version 2) with the primaries of Adobe RGB and a gamma of 2.2.

    The numbers are those of the Adobe RGB (1998) specification, adapted to D50.
    """

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    name = b"Wide\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78) + b"\0"
    tags = {
        b"desc": text,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
        b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
        b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        table += tag + struct.pack(">2I", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", at + len(body), b"none", 0x0210_0000, b"mntr", b"RGB ", b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def from_wide_gamut(image: Image.Image) -> Image.Image:
    """The same in sRGB, by the formulas of IEC 61966-2-1 instead of a colour library."""
    matrix = ((1.39836, -0.39836, 0.0), (0.0, 1.0, 0.0), (0.0, -0.04293, 1.04293))

    def convert(pixel: tuple[int, int, int]) -> tuple[int, int, int]:
        linear = [(level / 255) ** 2.2 for level in pixel]
        out = []
        for row in matrix:
            value = min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear, strict=True))))
            value = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
            out.append(round(value * 255))
        return out[0], out[1], out[2]

    made = Image.new("RGB", image.size)
    made.putdata([convert(pixel) for pixel in image.get_flattened_data()])
    return made


def psd(image: Image.Image) -> bytes:
    """A Photoshop file of raw channels (Adobe Photoshop File Formats Specification)."""
    modes = {"L": (1, 1), "RGB": (3, 3), "CMYK": (4, 4)}
    channels, code = modes[image.mode]
    head = b"8BPS" + struct.pack(">H6xH2I2H", 1, channels, image.height, image.width, 8, code)
    bands = image.split()
    if image.mode == "CMYK":  # ink is stored as its opposite
        bands = tuple(ImageChops.invert(band) for band in bands)
    return head + bytes(12) + b"\0\0" + b"".join(band.tobytes() for band in bands)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of a channel, of 255; on white and on black, where transparency counts.

    Of two sizes, both are seen as thumbnails: grain is what goes first where a picture is made
    smaller. So are those of many megapixels, of which each takes a second.
    """
    if other.size != one.size or one.width > _WIDEST:
        one, other = (each.resize(_THUMBNAIL, Image.Resampling.BOX) for each in (one, other))
    if one.has_transparency_data or other.has_transparency_data:
        pairs = [
            [_on(image.convert("RGBA"), ground) for image in (one, other)]
            for ground in ("white", "black")
        ]
    else:  # the ground is not seen
        pairs = [[image.convert("RGB") for image in (one, other)]]
    return max(max(ImageStat.Stat(ImageChops.difference(*pair)).mean) for pair in pairs)


def _on(image: Image.Image, ground: str) -> Image.Image:
    made = Image.new("RGBA", image.size, ground)
    made.alpha_composite(image)
    return made.convert("RGB")


_THUMBNAIL = (300, 200)
_WIDEST = 4000
JPEG, PNG, GIF = ("image/jpeg",), ("image/png",), ("image/gif",)
MOVING = ("image/gif", "image/png")

Make = Callable[[], Picture]


def _still(
    form: str, image: Callable[[], Image.Image], becomes: tuple[str, ...], **options: Any
) -> Make:
    def make() -> Picture:
        shown = image()
        return Picture(encode(shown, form, **options), (shown,), becomes)

    return make


def _turned(form: str, orientation: int, becomes: tuple[str, ...], **options: Any) -> Make:
    def make() -> Picture:
        upright = photo()
        image, exif = turned(upright, orientation)
        return Picture(encode(image, form, exif=exif, **options), (upright,), becomes)

    return make


def _moving(form: str, mode: str, tolerance: float = 3.0, **options: Any) -> Make:
    def make() -> Picture:
        shown = frames(mode=mode)
        first, *others = shown
        content = encode(first, form, save_all=True, append_images=others, duration=80, **options)
        return Picture(content, tuple(shown), MOVING, tolerance)

    return make


@cache
def _wide_photo() -> Image.Image:
    return from_wide_gamut(photo())


def _profiled(form: str, **options: Any) -> Make:
    def make() -> Picture:
        content = encode(photo(), form, icc_profile=wide_gamut_profile(), **options)
        return Picture(content, (_wide_photo(),), JPEG)

    return make


def _deep(form: str, becomes: tuple[str, ...] = JPEG, **options: Any) -> Make:
    """16 bits a channel; what is seen of it are the upper 8."""
    return lambda: Picture(encode(_deep_grey(), form, **options), (_grey(),), becomes)


def _raw(
    content: Callable[[], bytes], image: Callable[[], Image.Image], becomes: tuple[str, ...]
) -> Make:
    return lambda: Picture(content(), (image(),), becomes)


def _deep_grey() -> Image.Image:
    """16 bits a pixel."""
    return photo().convert("L").convert("I").point(lambda level: level * 257).convert("I;16")


def _grey() -> Image.Image:
    return photo().convert("L")


def _bitmap() -> Image.Image:
    return drawing().convert("L").point(lambda level: 255 if level > 128 else 0).convert("1")


def _cmyk() -> Image.Image:
    return photo().convert("CMYK")


def _plain_bitmap() -> bytes:
    """PBM in letters (netpbm.sourceforge.net/doc/pbm.html), which Pillow does not write."""
    image = _bitmap()
    levels = " ".join("0" if pixel else "1" for pixel in image.get_flattened_data())
    return f"P1\n# drawn\n{image.width} {image.height}\n{levels}\n".encode()


def _large(form: str, size: tuple[int, int], mode: str = "RGB", **options: Any) -> Make:
    def make() -> Picture:
        shown = noisy(size, mode)
        return Picture(encode(shown, form, **options), (shown,), JPEG, 4.0)

    return make


_TENTH = (866, 577)


@cache
def large_webp() -> bytes:
    """Of 50 megapixels, which take a while to convert."""
    size = (10 * _TENTH[0], 10 * _TENTH[1])
    image = photo(_TENTH).resize(size, Image.Resampling.NEAREST)
    return encode(image, "WEBP", quality=60, method=0)


def _large_smooth() -> Picture:
    return Picture(large_webp(), (photo(_TENTH),), JPEG)


def _large_deep() -> Picture:
    size = (3600, 3000)
    high = noisy(size, "L")
    levels = bytearray(random.Random(2).randbytes(2 * size[0] * size[1]))
    levels[1::2] = high.tobytes()
    image = Image.frombytes("I;16", size, bytes(levels))
    return Picture(encode(image, "PNG", compress_level=0), (high,), JPEG)


FASTEST = {"preset": "ultrafast"}
"""Of the encoder of HEIC: a fifth of what its own choice takes."""

MADE: dict[str, Make] = {
    # WebP
    "lossy.webp": _still("WEBP", photo, JPEG, quality=90),
    "lossless.webp": _still("WEBP", photo, JPEG, lossless=True),
    "drawing.webp": _still("WEBP", drawing, PNG, lossless=True),
    "transparent.webp": _still("WEBP", cut_out, PNG, lossless=True),
    "transparent-lossy.webp": _still("WEBP", cut_out, PNG, quality=90),
    "moving.webp": _moving("WEBP", "RGB", loop=0, lossless=True),
    "moving-lossy.webp": _moving("WEBP", "RGB", 4.0, loop=0, quality=90),
    "moving-transparent.webp": _moving("WEBP", "RGBA", loop=0, lossless=True),
    "wide-gamut.webp": _profiled("WEBP", quality=95),
    **{f"turned-{n}.webp": _turned("WEBP", n, JPEG, quality=90) for n in range(1, 9)},
    # AVIF
    "lossy.avif": _still("AVIF", photo, JPEG, quality=85, speed=10),
    "drawing.avif": _still("AVIF", drawing, JPEG + PNG, quality=100, subsampling="4:4:4", speed=10),
    "transparent.avif": _still("AVIF", cut_out, PNG, quality=85, speed=10),
    "grey.avif": _still("AVIF", _grey, JPEG, quality=85, speed=10),
    "moving.avif": _moving("AVIF", "RGB", 4.0, quality=85, speed=10),
    "moving-transparent.avif": _moving("AVIF", "RGBA", 4.0, quality=85, speed=10),
    "wide-gamut.avif": _profiled("AVIF", quality=95, speed=10),
    **{f"turned-{n}.avif": _turned("AVIF", n, JPEG, quality=85, speed=10) for n in (3, 5, 6, 8)},
    # HEIC and HEIF
    "photo.heic": _still("HEIF", photo, JPEG, quality=85, enc_params=FASTEST),
    "transparent.heic": _still("HEIF", cut_out, PNG, quality=90, enc_params=FASTEST),
    "grey.heic": _still("HEIF", _grey, JPEG, quality=85, enc_params=FASTEST),
    "deep.heic": _deep("HEIF", quality=90, enc_params=FASTEST),
    "wide-gamut.heic": _profiled("HEIF", quality=95, enc_params=FASTEST),
    **{
        f"turned-{n}.heic": _turned("HEIF", n, JPEG, quality=85, enc_params=FASTEST)
        for n in (3, 6, 7)
    },
    # JPEG 2000
    "photo.jp2": _still("JPEG2000", photo, JPEG),
    "transparent.jp2": _still("JPEG2000", cut_out, PNG),
    "grey.jp2": _still("JPEG2000", _grey, JPEG),
    "deep.jp2": _deep("JPEG2000"),
    "stream.j2k": _still("JPEG2000", photo, JPEG, no_jp2=True),
    # ICO
    "icon.ico": _still("ICO", lambda: cut_out((64, 64)), PNG, sizes=[(64, 64)]),
    "icon-bitmap.ico": _still(
        "ICO", lambda: drawing((48, 48)).convert("RGBA"), PNG, sizes=[(48, 48)], bitmap_format="bmp"
    ),
    # PSD
    "photo.psd": _raw(lambda: psd(photo()), photo, JPEG),
    "grey.psd": _raw(lambda: psd(_grey()), _grey, JPEG),
    "cmyk.psd": _raw(lambda: psd(_cmyk()), lambda: _cmyk().convert("RGB"), JPEG),
    # PNM
    "plain.pbm": _raw(_plain_bitmap, _bitmap, PNG),
    "bitmap.pbm": _still("PPM", _bitmap, PNG),
    "grey.pgm": _still("PPM", _grey, JPEG),
    "deep.pgm": _deep("PPM"),
    "photo.ppm": _still("PPM", photo, JPEG),
    # TGA
    "photo.tga": _still("TGA", photo, JPEG),
    "packed.tga": _still("TGA", drawing, PNG, compression="tga_rle"),
    "transparent.tga": _still("TGA", cut_out, PNG),
    "grey.tga": _still("TGA", _grey, JPEG),
    # what Imgur takes as it is
    "photo.jpg": _still("JPEG", photo, JPEG, quality=90),
    "turned.jpg": _still("JPEG", photo, JPEG, quality=90),
    "cmyk.jpg": _still("JPEG", _cmyk, JPEG, quality=90),
    "deep.png": _deep("PNG", PNG),
    "moving.gif": _moving("GIF", "RGB", loop=0),
    "moving.png": _moving("PNG", "RGB"),
    "cmyk.tiff": _still("TIFF", _cmyk, ("image/tiff",)),
    "photo.bmp": _still("BMP", photo, ("image/bmp",)),
}
"""What makes each picture, by its name."""

LARGE: dict[str, Make] = {
    "megapixels-24.jpg": _large("JPEG", (6000, 4000), quality=97),
    "megapixels-50.webp": _large_smooth,
    "cmyk-large.jpg": _large("JPEG", (3600, 2700), "CMYK", quality=100, subsampling="4:4:4"),
    "deep-large.png": _large_deep,
    "scan-large.tiff": _large("TIFF", (2700, 2600)),
    "bitmap-large.bmp": _large("BMP", (2700, 2600)),
}
"""Those that Imgur would refuse for their size, or that take much memory."""


def all_pictures() -> Iterator[tuple[str, Make]]:
    yield from MADE.items()
    yield from LARGE.items()

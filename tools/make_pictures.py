"""Makes the sandbox's sample pictures (`make pictures`); the results are committed.

They are drawn here, so they are free of anybody's rights. The same versions of Pillow and
pillow-heif make the same files.
"""

import math
import random
from pathlib import Path

import pillow_heif
from PIL import ExifTags, Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

SAMPLES = Path(__file__).parents[1] / "sandbox" / "samples"
MAX_BYTES = 600_000  # of all together

Colour = tuple[int, int, int]
DAWN, NOON, DUSK, NIGHT = 0.0, 0.3, 0.7, 1.0  # hours of the scene
# From dawn to night: the sky above, at the horizon, and the hill in front.
_SKIES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((92, 128, 186), (250, 202, 160), (38, 62, 54)),
    ((62, 132, 214), (206, 230, 244), (44, 92, 52)),
    ((74, 62, 120), (250, 146, 84), (36, 30, 44)),
    ((10, 14, 36), (52, 58, 96), (8, 10, 18)),
)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def colours(hour: float) -> tuple[Colour, Colour, Colour]:
    """Sky above, horizon and hill at an hour between 0 and 1."""
    place = hour * (len(_SKIES) - 1)
    at = min(int(place), len(_SKIES) - 2)
    above, horizon, hill = (
        mix(first, second, place - at)
        for first, second in zip(_SKIES[at], _SKIES[at + 1], strict=True)
    )
    return above, horizon, hill


def landscape(
    width: int, height: int, hour: float, *, seed: int = 1, grain: int = 0
) -> Image.Image:
    """A lake between hills under a low sun.

    Args:
        width: pixels.
        height: pixels.
        hour: from 0, dawn, to 1, night.
        seed: of the hills.
        grain: levels by which neighbouring pixels differ, as a camera's sensor has it.
    """
    chance = random.Random(seed)
    above, horizon, hill = colours(hour)
    shore = height * 2 // 3
    gradient = Image.linear_gradient("L").resize((width, shore), Image.Resampling.BICUBIC)
    picture = ImageOps.colorize(gradient, above, horizon)
    size = shore * 2 // 3
    glow = ImageOps.invert(Image.radial_gradient("L")).resize((size, size))
    light = Image.new("L", (width, shore))
    light.paste(glow, (round(width * (0.15 + 0.6 * hour)) - size // 2, round(shore * 0.35)))
    picture.paste(
        mix(horizon, (255, 250, 230), 0.8), mask=light.point(lambda v: max(0, v - 76) ** 2 // 130)
    )
    draw = ImageDraw.Draw(picture)
    for ridge in range(5):
        waves = [(chance.uniform(0.5, 2) * 3**k, chance.uniform(0, 7)) for k in range(4)]
        base, swing = shore * (0.62 + 0.08 * ridge), shore * 0.16
        outline = [
            (x, base + swing * sum(math.sin(x / width * f * 4 + p) / (k * k + 1.5)
                                   for k, (f, p) in enumerate(waves)) / 2)
            for x in range(0, width + 4, 4)
        ]  # fmt: skip
        draw.polygon(
            [(0, shore), *outline, (width, shore)], fill=mix(horizon, hill, (ridge + 2) / 6)
        )
    picture = picture.filter(ImageFilter.GaussianBlur(width / 1500))
    lake = (
        ImageOps.flip(picture)
        .resize((width, height - shore))
        .filter(ImageFilter.BoxBlur((width / 60, 1)))
    )
    whole = Image.new("RGB", (width, height))
    whole.paste(picture)
    whole.paste(Image.blend(lake, Image.new("RGB", lake.size, hill), 0.25), (0, shore))
    if grain:
        noise = Image.frombytes("L", (width, height), chance.randbytes(width * height))
        noise = noise.point(lambda value: 128 + (value - 128) * grain // 128)
        whole = ImageChops.add(whole, Image.merge("RGB", [noise] * 3), offset=-128)
    return whole


def labelled(picture: Image.Image, name: str) -> Image.Image:
    """Write on it what it is."""
    size = max(9, picture.height // 16)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text(
        (size // 2, picture.height - size * 3 // 2), f"sandbox · {name}", (255, 255, 255), font,
        stroke_width=max(1, size // 14), stroke_fill=(20, 20, 30),
    )  # fmt: skip
    return picture


def drawing(width: int, height: int) -> Image.Image:
    """Flat colours and sharp edges, as of a drawing program."""
    picture = Image.new("RGB", (width, height), (244, 240, 228))
    draw = ImageDraw.Draw(picture)
    for index in range(14):
        angle, reach = index * 2.4, min(width, height) * (0.1 + 0.025 * index)
        x, y = width / 2 + math.cos(angle) * reach, height / 2 + math.sin(angle) * reach
        radius = min(width, height) * (0.06 + 0.004 * index)
        colour = mix((38, 110, 168), (232, 112, 60), index / 13)
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            colour,
            (30, 34, 46),
            max(1, height // 200),
        )
    return picture


def scan(width: int, height: int) -> Image.Image:
    """A page of text in black and white, a little askew, as from a fax."""
    page = Image.new("L", (width, height), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(height // 40)
    for line in range(22):
        text = "This page was drawn, printed by nobody and scanned by a program. " * 2
        draw.text(
            (width // 12, height // 10 + line * height // 28), text[line : line + 60], 0, font
        )
    return page.rotate(0.7, Image.Resampling.BICUBIC, fillcolor=255).convert("1")


def camera_data() -> Image.Exif:
    """What a camera writes beside the picture; the place is in the Atlantic."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Sandbox", "Drawn, not taken"
    exif[ExifTags.Base.Orientation] = 1
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", (30.0, 0.0, 0.0)
    place[ExifTags.GPS.GPSLongitudeRef], place[ExifTags.GPS.GPSLongitude] = "W", (40.0, 0.0, 0.0)
    return exif


def main() -> None:
    pillow_heif.register_heif_opener()
    SAMPLES.mkdir(exist_ok=True)

    def save(name: str, picture: Image.Image, **options: object) -> None:
        picture.save(SAMPLES / name, **options)

    def day(name: str, width: int, height: int, frames: int) -> list[Image.Image]:
        return [
            labelled(landscape(width, height, index / (frames - 1), seed=4), name).quantize(48)
            for index in range(frames)
        ]

    photo = landscape(3000, 2000, DUSK, grain=5)
    save("photo.jpg", labelled(photo, "photo.jpg"), quality=58, exif=camera_data())
    picture = landscape(1920, 1280, DAWN, seed=2, grain=4)
    save("progressive.jpg", labelled(picture, "progressive.jpg"), quality=55, progressive=True)
    save("drawing.png", labelled(drawing(640, 480), "drawing.png").quantize(64), optimize=True)
    save("large.png", labelled(drawing(1440, 1200), "large.png").quantize(64), optimize=True)
    save("small.png", drawing(88, 64).quantize(32), optimize=True)
    save("small.jpg", landscape(96, 64, NOON, grain=4), quality=85)
    save("small.gif", drawing(120, 90).quantize(32))
    first, *others = day("animation.gif", 200, 150, 8)
    save("animation.gif", first, append_images=others, save_all=True, duration=120, loop=0)
    first, *others = day("animated.png", 160, 120, 6)
    save("animated.png", first, append_images=others, save_all=True, duration=120, loop=0)
    save("scan.tiff", scan(1240, 1754), compression="group4", dpi=(150, 150))
    save("bitmap.bmp", labelled(landscape(201, 150, NIGHT), "bitmap.bmp").quantize(128))
    picture = landscape(1600, 1067, NOON, seed=3)
    save("picture.webp", labelled(picture.copy(), "picture.webp"), quality=70)
    save("picture.avif", labelled(picture.copy(), "picture.avif"), quality=55)
    save("picture.heic", labelled(picture.copy(), "picture.heic"), quality=45)
    first, *others = (frame.convert("RGB") for frame in day("animation.webp", 320, 240, 8))
    save("animation.webp", first, append_images=others, save_all=True, duration=120, quality=50)
    total = sum(path.stat().st_size for path in SAMPLES.iterdir())
    if total > MAX_BYTES:
        raise SystemExit(f"The samples have {total} bytes together, more than {MAX_BYTES}.")


if __name__ == "__main__":
    main()

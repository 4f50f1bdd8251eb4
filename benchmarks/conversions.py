"""What a conversion costs beside Pillow alone, and whether memory stays flat over many of them.

    python -m benchmarks.conversions [conversions of a small image]

Both convert the same WebP of one megapixel to JPEG of the same quality, in turns. Compared is
processor time, that of all processes concerned, since other work on the machine does not change it
as much as the clock's.
"""

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from PIL import Image

from converter.order import ConversionOrder
from converter.still import JPEG_QUALITY
from workers.contract.conversion_policy import ConversionPolicy
from workers.worker.converters import Converters

_ROUNDS = 40
_MAX_RATIO = 1.3
_SIZE = (1152, 900)
_ORDER = ConversionOrder("WEBP", "WebP")
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    picture = _picture(_SIZE)
    with tempfile.TemporaryDirectory() as folder, closing(_converters(folder)) as converters:
        _convert(converters, picture)
        alone: list[float] = []
        ours: list[float] = []
        for _ in range(_ROUNDS):
            alone.append(_cost(lambda: _pillow_alone(picture), converters))
            ours.append(_cost(lambda: _convert(converters, picture), converters))
        ratio = sum(ours) / sum(alone)
        _say(f"WebP of 1 megapixel: Pillow alone {1000 * sum(alone) / _ROUNDS:.1f} ms of processor")
        _say(
            f"  in a converter process {1000 * sum(ours) / _ROUNDS:.1f} ms, {ratio:.2f} times that"
        )
        _say(f"  bar: at most {_MAX_RATIO} times: {'met' if ratio <= _MAX_RATIO else 'MISSED'}")
        small = _picture((64, 48))
        before = _convert_many(converters, small, 50)
        after = _convert_many(converters, small, count)
        for name in before:
            _say(f"{name} after 50 conversions: {before[name]:,}; {count:,} later: {after[name]:,}")


def _converters(folder: str) -> Converters:
    return Converters(ConversionPolicy(processes=1, seconds=100.0), Path(folder))


def _picture(size: tuple[int, int]) -> bytes:
    """Tones and grain, as a photograph has them."""
    grain = Image.effect_noise(size, 24)
    across = Image.linear_gradient("L").resize(size)
    file = io.BytesIO()
    Image.merge("RGB", (Image.blend(across, grain, 0.2), across, grain)).save(
        file, "WEBP", quality=85
    )
    return file.getvalue()


def _pillow_alone(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as image:
        image.convert("RGB").save(io.BytesIO(), "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")


def _convert(converters: Converters, content: bytes) -> None:
    _, file = converters.convert(io.BytesIO(content), _ORDER)
    file.close()


def _cost(run: Callable[[], None], converters: Converters) -> float:
    began = time.process_time() + _spent(converters)
    run()
    while _server(converters, "children"):  # what they cost is known when they are taken note of
        time.sleep(0.001)
    return time.process_time() + _spent(converters) - began


def _spent(converters: Converters) -> float:
    """Processor seconds of the fork server, and of the processes that it has taken note of."""
    fields = _server(converters, "stat").rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) * _TICK_SECONDS


def _convert_many(converters: Converters, content: bytes, count: int) -> dict[str, int]:
    for _ in range(count):
        _convert(converters, content)
    page = os.sysconf("SC_PAGE_SIZE")
    ours = Path("/proc/self/statm").read_text().split()[1]
    return {
        "Bytes of the worker's side": int(ours) * page,
        "Bytes of the fork server": int(_server(converters, "statm").split()[1]) * page,
        "Open files": len(list(Path("/proc/self/fd").iterdir())),
    }


def _server(converters: Converters, name: str) -> str:
    process = converters._server  # noqa: SLF001 - what is measured is inside
    if process is None:
        raise RuntimeError("no fork server")
    folder = Path(f"/proc/{process.pid}")
    return (
        folder / f"task/{process.pid}/{name}" if name == "children" else folder / name
    ).read_text()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()

import struct
from pathlib import Path

import pytest

from workers.contract import image_type
from workers.contract.image_type import HEAD_BYTES, recognize
from workers.worker.source.animation import is_animated

SAMPLES = Path(__file__).parents[5] / "sandbox" / "samples"
SCREEN = b"GIF89a\x02\x00\x02\x00\x80\x00\x00" + bytes(6)
FRAME = b",\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x03,,,\x00"
LOCAL_COLOURS = b",\x00\x00\x00\x00\x02\x00\x02\x00\x80" + b",,,,,," + b"\x02\x03,,,\x00"
CONTROL = b"!\xf9\x04\x00\x0a\x00\x00\x00"
LOOP = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@pytest.mark.parametrize(
    ("content", "animated"),
    [
        (SCREEN + FRAME + b";", False),
        (SCREEN + LOCAL_COLOURS + b";", False),
        (SCREEN + LOOP + CONTROL + FRAME + b";", False),
        (SCREEN + FRAME + CONTROL + FRAME + b";", True),
        (SCREEN + LOCAL_COLOURS + FRAME, True),
        (b"GIF87a\x02\x00\x02\x00\x00\x00\x00" + FRAME + FRAME, True),
        (SCREEN + FRAME[:-3], False),
        (SCREEN + FRAME[:5], False),
        (SCREEN + FRAME + b"\0\0,", False),
        (b"GIF89a", False),
        pytest.param(SCREEN + FRAME + b"!\xff\0" * 100_000 + FRAME, False, id="too many blocks"),
    ],
)
def test_gif(content: bytes, *, animated: bool) -> None:
    assert is_animated(memoryview(content), image_type.GIF) is animated


@pytest.mark.parametrize(
    ("behind", "animated"), [(b"acTL", True), (b"IDAT", False), (b"tEXt" * 100_000, False)]
)
def test_png_with_much_before_its_pixels(behind: bytes, *, animated: bool) -> None:
    chunks = [b"iCCP", *(behind[at : at + 4] for at in range(0, len(behind), 4)), b"IDAT"]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I4s", 9000 if kind == b"iCCP" else 0, kind)
        + bytes(9004 if kind == b"iCCP" else 4)
        for kind in chunks
    )
    assert recognize(content[:HEAD_BYTES]) is image_type.PNG
    assert is_animated(memoryview(content), image_type.PNG) is animated


@pytest.mark.parametrize(
    ("name", "animated"),
    [
        ("animation.gif", True),
        ("small.gif", False),
        ("animated.png", True),
        ("small.png", False),
        ("animation.webp", True),
        ("picture.webp", False),
        ("photo.jpg", False),
    ],
)
def test_samples(name: str, *, animated: bool) -> None:
    content = (SAMPLES / name).read_bytes()
    kind = recognize(content)
    assert kind is not None
    assert is_animated(memoryview(content), kind) is animated

"""Metadata taken out of images that need no conversion."""

import dataclasses
import errno
import io
import tempfile
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest

from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import ImageError, Reason
from workers.contract.image_type import JPEG, WEBP
from workers.worker.converters import Converters
from workers.worker.fitting import ImageFitter
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.source.body import Download

COMMENT = b"\xff\xfe\0\x08secret"
POLICY = ConversionPolicy(strip_metadata="all")


def jpeg(inside: bytes) -> bytes:
    return b"\xff\xd8" + COMMENT + inside + b"\xff\xd9"


def fitter() -> ImageFitter:
    return ImageFitter(POLICY, DownloadPolicy(), Converters(POLICY, Path()), ByteBudget(10_000))


@pytest.fixture(params=[io.BytesIO, tempfile.TemporaryFile], ids=["memory", "disk"])
def file(request: pytest.FixtureRequest) -> BinaryIO:
    made: BinaryIO = request.param()
    return made


def stored(file: BinaryIO, content: bytes) -> Download:
    file.write(content)
    file.seek(0)
    return Download(file, len(content), JPEG)


def test_a_file_in_memory_or_on_disk(file: BinaryIO) -> None:
    scan = b"\xff\xda\0\x02" + b"x" * 50_000
    with stored(file, jpeg(scan)) as image, fitter().fit(image) as fitting:
        made = fitting.file.read()
        assert fitting.size == len(made)
        assert made == jpeg(scan).replace(COMMENT, b"")
    assert file.closed


def test_one_with_nothing_to_take_out_is_sent_itself(file: BinaryIO) -> None:
    content = jpeg(b"").replace(COMMENT, b"")
    with stored(file, content) as image:
        assert fitter().fit(image) is image
        assert file.read() == content


def test_a_damaged_one(file: BinaryIO) -> None:
    with closing(file), pytest.raises(ImageError) as caught, stored(file, jpeg(b"??")) as image:
        fitter().fit(image)
    assert caught.value.reason == Reason.CONVERSION_FAILED


def test_a_type_whose_metadata_nobody_takes_out(file: BinaryIO) -> None:
    image = dataclasses.replace(stored(file, b"RIFF\0\0\0\0WEBPVP8 "), image_type=WEBP)
    with pytest.raises(ImageError) as caught, image:
        fitter().fit(image)
    assert caught.value.reason == Reason.CONVERSION_FAILED


def test_no_room_for_the_files_of_a_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more() -> BinaryIO:
        raise OSError(errno.EMFILE, "Too many open files")

    image = dataclasses.replace(stored(io.BytesIO(), b"RIFF"), image_type=WEBP, fits=False)
    monkeypatch.setattr(tempfile, "TemporaryFile", no_more)
    with pytest.raises(ImageError) as caught, image:
        fitter().fit(image)
    assert caught.value.reason == Reason.STORAGE_FULL
    assert caught.value.transient

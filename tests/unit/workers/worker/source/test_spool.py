import errno
import tempfile
from pathlib import Path
from typing import BinaryIO

import pytest

from workers.contract.errors import DownloadError, Reason
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.source import spool as module
from workers.worker.source.spool import Spool, view_of


def full_disk() -> BinaryIO:
    return Path("/dev/full").open("w+b", buffering=1000)


def no_temporary_folder() -> BinaryIO:
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")


def test_little_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", no_temporary_folder)
    spool = Spool(10, ByteBudget(1000))

    spool.write(b"12345")
    spool.write(b"67890")

    assert spool.size == 10
    with spool.rewind() as file:
        assert file.read() == b"1234567890"


def test_much_goes_to_a_file() -> None:
    spool = Spool(10, ByteBudget(1000))

    for piece in (b"12345", b"67890", b"x", b"yz"):
        spool.write(piece)

    assert spool.size == 13
    with spool.rewind() as file:
        assert file.fileno() > 2
        assert file.read() == b"1234567890xyz"


def test_little_goes_to_a_file_too_when_memory_is_short() -> None:
    budget = ByteBudget(12)
    others = Spool(10, budget)
    others.write(b"12345")
    spool = Spool(10, budget)

    for piece in (b"1234", b"56", b"78"):
        spool.write(piece)

    with spool.rewind() as file:
        assert file.fileno() > 2
        assert file.read() == b"12345678"
    assert budget.take(7), "what went to the file gave its memory back"
    others.discard()
    assert budget.take(5)


@pytest.mark.parametrize("pieces", [1, 50], ids=["noticed at the end", "noticed while writing"])
def test_full_disk(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", full_disk)
    spool = Spool(10, ByteBudget(1000))

    with pytest.raises(DownloadError) as caught:
        fill(spool, pieces)
    spool.discard()

    assert caught.value.reason is Reason.STORAGE_FULL
    assert caught.value.transient


def test_no_place_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", no_temporary_folder)
    spool = Spool(10, ByteBudget(1000))

    with pytest.raises(DownloadError) as caught:
        fill(spool, 1)
    spool.discard()

    assert caught.value.reason is Reason.STORAGE_FULL


def fill(spool: Spool, pieces: int) -> None:
    for _ in range(pieces):
        spool.write(bytes(100))
    spool.rewind()


def test_no_descriptor_for_a_view(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_args: object, **_more: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(module, "mmap", no_more)
    with (
        Path(__file__).open("rb") as file,
        pytest.raises(DownloadError, match="no room") as caught,
    ):
        view_of(file)

    assert caught.value.reason is Reason.STORAGE_FULL
    assert caught.value.transient

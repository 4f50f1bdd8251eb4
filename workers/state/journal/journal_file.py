"""The journal's file: found and locked, or rewritten."""

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from workers.contract.errors import JournalError
from workers.state.jobs.job_records import Record
from workers.state.journal.journal_records import HEADER, encode

_LOCK_PATIENCE_SECONDS = 2.0  # a service killed with all of its processes is gone well before
_LOCK_RETRY_SECONDS = 0.05
_OWNER_ONLY = 0o600  # deletehashes are secrets
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when a file cannot become larger, though it may later."""

_REWRITE_BUFFER_BYTES = 1024 * 1024


@contextlib.contextmanager
def journal_errors() -> Iterator[None]:
    """Turn what the system says into a sentence.

    Raises:
        JournalError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise JournalError(f"it cannot be used ({error.strerror or error})") from error


def open_locked(path: Path) -> BinaryIO:
    """Open a journal for this process alone; if there is none, make one without records.

    The lock ends with the process, however it ends. It is waited for a moment: what is left of a
    killed service may not be gone yet.

    Raises:
        JournalError: it is in use, or no regular file.
        OSError: it cannot be opened.
    """
    give_up = time.monotonic() + _LOCK_PATIENCE_SECONDS
    while True:
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            file = _open_and_lock(path)
            if is_at(file, path):
                return file
            file.close()  # another service has put a new one in its place meanwhile
        if not path.exists():
            with contextlib.suppress(BlockingIOError):
                _make(path)
                continue
        if time.monotonic() >= give_up:
            raise JournalError("it is in use by another service")
        time.sleep(_LOCK_RETRY_SECONDS)


def _open_and_lock(path: Path) -> BinaryIO:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC), "rb")
    try:
        _check_regular(file)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        file.close()
        raise
    return file


def _make(path: Path) -> None:
    """Make a journal without records, under another name first: an empty file is no journal."""
    first = path.with_name(path.name + ".first")
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(first, flags, _OWNER_ONLY), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_at(file, first):
            return  # another service has put it in its place meanwhile
        if path.exists():
            first.unlink()
            return
        try:
            os.ftruncate(file.fileno(), 0)  # left by a start that was cut short
            write_all(file.fileno(), [])
            os.fsync(file.fileno())
            first.replace(path)
        except BaseException:
            first.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def is_at(file: BinaryIO, path: Path) -> bool:
    """Whether this path leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _check_regular(file: BinaryIO) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise JournalError("it is not a regular file")


def rewrite(path: Path, records: Iterable[Record]) -> BinaryIO:
    """Put a new journal in the place of one that is locked by this process.

    The old one stands, whole, until the new one does. The new one is locked before anyone sees it.

    Args:
        path: the journal, no symbolic link.
        records: what the new one begins with.

    Returns:
        The new one, open for appending without a buffer.

    Raises:
        OSError: it cannot be written; the old one is as it was.
    """
    fresh = path.with_name(path.name + ".new")
    file = new_file(fresh)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write_all(file.fileno(), records)
        os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except BaseException:
        file.close()
        fresh.unlink(missing_ok=True)
        raise
    return file


def go_on(file: BinaryIO, good_bytes: int) -> BinaryIO:
    """Open a locked journal again, to be appended to behind its last good record.

    Args:
        file: as `open_locked` opened it; to be closed by whoever did that.
        good_bytes: what it is cut to.

    Raises:
        OSError: it cannot be cut.
    """
    os.ftruncate(file.fileno(), good_bytes)
    os.fsync(file.fileno())
    return os.fdopen(os.dup(file.fileno()), "r+b", buffering=0)  # which has the same lock


def new_file(path: Path) -> BinaryIO:
    """Make an empty file, to be appended to without a buffer; what is there before goes."""
    path.unlink(missing_ok=True)  # left by a process that was killed
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, _OWNER_ONLY), "r+b", buffering=0)


def write_all(fd: int, records: Iterable[Record]) -> None:
    """Write a whole journal of these records."""
    lines = bytearray(encode(HEADER))
    for record in records:
        lines += encode(record)
        if len(lines) >= _REWRITE_BUFFER_BYTES:
            write_whole(fd, lines)
            lines.clear()
    write_whole(fd, lines)


def write_whole(fd: int, data: bytes | bytearray) -> None:
    """Write all of this.

    Raises:
        OSError: a part of it may be written.
    """
    written = os.write(fd, data)
    while written < len(data):  # a disk that fills up takes a part first, then none
        written += os.write(fd, memoryview(data)[written:].tobytes())


def sync_folder(folder: Path) -> None:
    # A rename is on the disk only when the folder is (fsync(2)).
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""The journal's file: opens, locks and rewrites it."""

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

_LOCK_PATIENCE_SECONDS = 2.0  # processes of a killed service end well before
_LOCK_RETRY_SECONDS = 0.05
_OWNER_ONLY = 0o600  # deletehashes are secrets
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Error numbers of a file that cannot grow now, and may later."""

_REWRITE_BUFFER_BYTES = 1024 * 1024


@contextlib.contextmanager
def journal_errors() -> Iterator[None]:
    """Turn an OSError into a JournalError.

    Raises:
        JournalError: for any OSError.
    """
    try:
        yield
    except OSError as error:
        raise JournalError(error.strerror or str(error)) from error


def open_locked(path: Path) -> BinaryIO:
    """Open and lock a journal; make an empty one if there is none.

    The lock ends with the process. Waits for it briefly, as processes of a killed service may still
    be ending.

    Raises:
        JournalError: it is in use, or not a regular file.
        OSError: it cannot be opened.
    """
    give_up = time.monotonic() + _LOCK_PATIENCE_SECONDS
    while True:
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            file = _open_and_lock(path)
            if is_at(file, path):
                return file
            file.close()  # another service has replaced it meanwhile
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
    """Make a journal without records; under another name first, as an empty file is invalid."""
    first = path.with_name(path.name + ".first")
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(first, flags, _OWNER_ONLY), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_at(file, first):
            return  # another service has renamed it meanwhile
        if path.exists():
            first.unlink()
            return
        try:
            os.ftruncate(file.fileno(), 0)  # left by an interrupted start
            write_all(file.fileno(), [])
            os.fsync(file.fileno())
            first.replace(path)
        except BaseException:
            first.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def is_at(file: BinaryIO, path: Path) -> bool:
    """Return whether a path leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _check_regular(file: BinaryIO) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise JournalError("it is not a regular file")


def rewrite(path: Path, records: Iterable[Record]) -> BinaryIO:
    """Atomically replace a journal that this process has locked. The new one is locked before that.

    Args:
        path: the journal, not a symbolic link.
        records: of the new journal.

    Returns:
        The new one, open for appending without a buffer.

    Raises:
        OSError: it cannot be written; the old one is unchanged.
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
    """Reopen a locked journal for appending after its last good record.

    Args:
        file: from `open_locked`; the caller closes it.
        good_bytes: the file is truncated to these.

    Raises:
        OSError: it cannot be truncated.
    """
    os.ftruncate(file.fileno(), good_bytes)
    os.fsync(file.fileno())
    return os.fdopen(os.dup(file.fileno()), "r+b", buffering=0)  # shares the lock


def new_file(path: Path) -> BinaryIO:
    """Make an empty file, open for appending without a buffer; replaces an existing one."""
    path.unlink(missing_ok=True)  # left by a process that was killed
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, _OWNER_ONLY), "r+b", buffering=0)


def write_all(fd: int, records: Iterable[Record]) -> None:
    """Write a complete journal."""
    lines = bytearray(encode(HEADER))
    for record in records:
        lines += encode(record)
        if len(lines) >= _REWRITE_BUFFER_BYTES:
            write_whole(fd, lines)
            lines.clear()
    write_whole(fd, lines)


def write_whole(fd: int, data: bytes | bytearray) -> None:
    """Write all bytes.

    Raises:
        OSError: a part may be written.
    """
    written = os.write(fd, data)
    while written < len(data):  # a full disk takes a part first, then fails
        written += os.write(fd, memoryview(data)[written:].tobytes())


def sync_folder(folder: Path) -> None:
    # A rename is on the disk only after a sync of the folder (fsync(2)).
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""The worker's side of its converter processes: sends images and waits for the results.

The bytes are passed as file descriptors; the processes are those of `converter`, started for the
first image that needs one.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from converter.order import ConversionOrder, ConversionResult
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.errors import ConversionBusyError, ImageError, Reason

_ANSWER_BYTES: Final = 16 * 1024
_SLACK_SECONDS: Final = 10.0  # for a slow machine, beyond the limits of the other side
_ATTEMPTS: Final = 3  # of one image, if it is the fork server that ends
_END_SECONDS: Final = 1.0


@dataclass(slots=True, eq=False)
class Converters:
    """The converter processes of one worker, shared by its lanes."""

    policy: ConversionPolicy  # their number and limits
    folder: Path  # existing folder of the slots that the workers of a machine share
    cores: Collection[int] | None = None  # CPU cores to run on; None: those of this process
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _server: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _channel: socket.socket | None = field(default=None, init=False)
    _is_closed: bool = field(default=False, init=False)

    def convert(self, file: BinaryIO, order: ConversionOrder) -> tuple[ConversionResult, BinaryIO]:
        """Convert an image; waits for a free process, and for the result.

        Args:
            file: the image; its position is undefined afterwards.
            order: the image's type, and the limits of the result.

        Returns:
            The result, and its file, to be closed by the caller.

        Raises:
            ImageError: the image cannot be converted.
            ConversionBusyError: no process was free in time.
            OSError: there is no room for its files, or for another process.
        """
        target = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            with _on_disk(file) as source:
                result = self._convert(order, source.fileno(), target.fileno())
            target.seek(0)
        except BaseException:
            target.close()
            raise
        return result, target

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._end_server()

    def _convert(self, order: ConversionOrder, source: int, target: int) -> ConversionResult:
        for _ in range(_ATTEMPTS):
            text = self._answer(order, source, target)
            if text:
                fields = json.loads(text)
                if "busy" in fields:
                    raise ConversionBusyError(self.policy.wait_seconds)
                if "errno" in fields:
                    raise OSError(fields["errno"], os.strerror(fields["errno"]))
                if "error" in fields:
                    raise ImageError(Reason.CONVERSION_FAILED, fields["error"])
                return ConversionResult(**fields)
            # The fork server died, because of this image or of another one.
            os.ftruncate(target, 0)
        raise ImageError(
            Reason.CONVERSION_FAILED, f"The process that converted the {order.name} image ended."
        )

    def _answer(self, order: ConversionOrder, source: int, target: int) -> bytes:
        """Return the answer of the other side; empty if it has died."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            channel = self._open_channel()
            if channel is None:
                return b""
            try:
                socket.send_fds(channel, [order.to_json()], [source, target, theirs.fileno()])
            except OSError:
                self._restart(channel)
                return b""
            theirs.close()
            ours.settimeout(self.policy.wait_seconds + self.policy.seconds + _SLACK_SECONDS)
            text = b""
            with suppress(OSError):  # the other side is dead, or hangs
                text = ours.recv(_ANSWER_BYTES)
            if not text:
                self._restart(channel)
            return text

    def _open_channel(self) -> socket.socket | None:
        with self._lock:
            if self._channel is None and not self._is_closed:
                self._start_server()
            return self._channel

    def _restart(self, channel: socket.socket) -> None:
        """End the fork server of a channel, so that the next image starts another one."""
        with self._lock:
            if self._channel is channel:
                self._end_server()

    def _start_server(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        policy = self.policy
        command = (
            *(sys.executable, "-m", "converter.server", str(theirs.fileno()), str(self.folder)),
            *(str(policy.processes), str(policy.memory_bytes)),
            *(str(policy.seconds), str(policy.wait_seconds)),
        )
        # No environment: it holds secrets, and a converter decodes untrusted bytes.
        # The current folder is taken only if it is in this process's own path.
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - all of it is ours
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        if self.cores is not None:
            # A worker stays on one core; its converters may use all.
            with suppress(OSError):
                os.sched_setaffinity(self._server.pid, self.cores)
        self._channel = ours

    def _end_server(self) -> None:
        if self._channel is None or self._server is None:
            return
        self._channel.close()
        try:
            self._server.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._channel = self._server = None


@contextmanager
def _on_disk(file: BinaryIO) -> Iterator[BinaryIO]:
    """Return a file with a descriptor and the same content."""
    file.seek(0)
    try:
        file.fileno()
    except OSError:  # it is in memory
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            yield copy
    else:
        yield file

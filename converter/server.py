"""The fork server: a process of a worker that forks a converter process for each image.

A fork takes a millisecond, as all decoders are loaded already, and each image has a process of its
own, whose limits end with it.
"""

import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from converter.conversion import prepare
from converter.order import ConversionOrder
from converter.process import ConverterLimits, Files, run_converter

ORDER_BYTES: Final = 16 * 1024
"""Maximum size of an order and of an answer."""

_SLOT_SECONDS: Final = 0.02  # between two tries for a slot that another worker has
_IDLE_SECONDS: Final = 3600.0


class Slots:
    """Limits the number of conversions on one machine: files to be locked.

    Workers with the same folder share them; the system unlocks those of a dead process.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._paths = [folder / f"converter-{number}" for number in range(count)]

    def take(self) -> int | None:
        """Lock a file and return its descriptor, to be closed; None if all are locked."""
        for path in self._paths:
            slot = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            else:
                return slot
        return None


@dataclass(slots=True)
class _Conversion:
    """An image that waits or is converted."""

    order: ConversionOrder
    files: Files
    due: float  # monotonic seconds: end of its wait, or of its conversion
    slot: int = -1  # see `Slots`
    is_late: bool = False  # killed, as it exceeded its time

    def close(self, **answer: object) -> None:
        """Send an answer, if there is one, and close the descriptors."""
        if answer:
            with suppress(OSError):  # the worker has stopped waiting
                os.write(self.files.answer, json.dumps(answer).encode())
        for descriptor in (*self.files, self.slot):
            if descriptor >= 0:
                os.close(descriptor)


class ConverterServer:
    """Converts the images that a worker sends, until the worker closes the channel.

    Has a single thread.

    Args:
        channel: a socket of messages: an order each, with the descriptors of `Files`.
        slots: limits the number of converter processes.
        limits: of each of them.
    """

    def __init__(self, channel: socket.socket, slots: Slots, limits: ConverterLimits) -> None:
        self._channel = channel
        self._slots = slots
        self._limits = limits
        self._waiting: deque[_Conversion] = deque()
        self._running: dict[int, _Conversion] = {}  # by process id
        self._wakeup, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve; at the end the running processes are killed."""
        while True:
            self._start()
            channel = self._channel.fileno()
            ready, _, _ = select.select([channel, self._wakeup], [], [], self._patience())
            if self._wakeup in ready:
                with suppress(BlockingIOError):
                    os.read(self._wakeup, 4096)
            self._end()
            if channel in ready and not self._receive():
                break
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)

    def _receive(self) -> bool:
        text, descriptors, _, _ = socket.recv_fds(self._channel, ORDER_BYTES, len(Files._fields))
        if not text:
            return False
        due = time.monotonic() + self._limits.wait_seconds
        order = ConversionOrder.from_json(text)
        self._waiting.append(_Conversion(order, Files(*descriptors), due))
        return True

    def _patience(self) -> float:
        if self._waiting:
            return _SLOT_SECONDS
        first = min((each.due for each in self._running.values()), default=None)
        return _IDLE_SECONDS if first is None else max(0.0, first - time.monotonic())

    def _start(self) -> None:
        while self._waiting:
            conversion = self._waiting[0]
            slot = self._slots.take()
            if slot is None:
                if conversion.due > time.monotonic():
                    return
                self._waiting.popleft().close(busy=True)
                continue
            self._waiting.popleft()
            conversion.slot = slot
            conversion.due = time.monotonic() + self._limits.seconds
            try:
                pid = os.fork()
            except OSError as error:
                conversion.close(errno=error.errno)
                continue
            if pid == 0:
                run_converter(conversion.order, conversion.files, self._limits)
            self._running[pid] = conversion

    def _end(self) -> None:
        """Close the conversions whose processes have ended, and kill the late ones."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            conversion = self._running.pop(pid)
            if status:
                conversion.close(error=self._why(conversion, os.waitstatus_to_exitcode(status)))
            else:
                conversion.close()
        now = time.monotonic()
        for pid, conversion in self._running.items():
            if conversion.due <= now and not conversion.is_late:
                conversion.is_late = True
                os.kill(pid, signal.SIGKILL)

    def _why(self, conversion: _Conversion, exitcode: int) -> str:
        name = conversion.order.name
        if conversion.is_late or exitcode == -signal.SIGXCPU:
            return f"The {name} image took longer than {self._limits.seconds:g} s to convert."
        if exitcode == -signal.SIGKILL:
            return f"The process that converted the {name} image was killed."
        return f"The {name} image crashed the process that converted it."


def main() -> None:
    """Run the fork server of a worker.

    Its arguments: the file descriptor of the channel, the folder of the slots and their number; of
    `ConverterLimits`, bytes, seconds and seconds to wait.
    """
    channel, folder, count, memory_bytes, seconds, wait_seconds = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the worker closes the channel instead
    prepare()
    gc.freeze()  # so that no collection copies these objects into each process
    with socket.socket(fileno=int(channel)) as connection:
        limits = ConverterLimits(int(memory_bytes), float(seconds), float(wait_seconds))
        ConverterServer(connection, Slots(Path(folder), int(count)), limits).run()


if __name__ == "__main__":
    main()

"""The fork server: a process of a worker that forks a converter process for each image.

Forking costs a millisecond, as all decoders are loaded already, and each image has a process that
no other has been in. What it may use is limited and given back at its end, whatever that is.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from converter.conversion import prepare
from converter.order import ConversionOrder
from converter.process import ConverterLimits, run_converter
from converter.slots import Slots

ORDER_BYTES: Final = 16 * 1024
"""Of an order and of an answer, at most."""

_DESCRIPTORS: Final = 3
_SLOT_SECONDS: Final = 0.02  # until a slot is asked for again that another worker has
_IDLE_SECONDS: Final = 3600.0


@dataclass(slots=True)
class _Conversion:
    """An image that waits or is converted.

    Attributes:
        answer: the socket that the worker waits at.
        due: monotonic seconds at which it is given up: while it waits, or while it is converted.
        slot: see `Slots`.
        is_late: it was killed for that.
    """

    order: ConversionOrder
    source: int
    target: int
    answer: int
    due: float
    slot: int = -1
    is_late: bool = False


class ConverterServer:
    """Takes orders from a channel, until that is closed. Has a single thread.

    Args:
        channel: a socket of messages: an order each, with three file descriptors: the image, where
            its conversion is to be written, and a socket of messages for the answer.
        slots: how many converter processes there may be.
        limits: of each of them.
    """

    def __init__(self, channel: socket.socket, slots: Slots, limits: ConverterLimits) -> None:
        self._channel = channel
        self._slots = slots
        self._limits = limits
        self._waiting: deque[_Conversion] = deque()
        self._running: dict[int, _Conversion] = {}
        self._wakeup, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve; at the end whatever still runs is killed."""
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
        text, descriptors, _, _ = socket.recv_fds(self._channel, ORDER_BYTES, _DESCRIPTORS)
        if not text:
            return False
        source, target, answer = descriptors
        due = time.monotonic() + self._limits.wait_seconds
        order = ConversionOrder.from_json(text)
        self._waiting.append(_Conversion(order, source, target, answer, due))
        return True

    def _patience(self) -> float:
        if self._waiting:
            return _SLOT_SECONDS
        first = min((each.due for each in self._running.values()), default=None)
        return _IDLE_SECONDS if first is None else max(0.0, first - time.monotonic())

    def _start(self) -> None:
        while self._waiting:
            if self._waiting[0].due <= time.monotonic():
                conversion = self._waiting.popleft()
                _answer(conversion, {"busy": True})
                _close(conversion)
                continue
            slot = self._slots.take()
            if slot is None:
                return
            conversion = self._waiting.popleft()
            conversion.slot = slot
            conversion.due = time.monotonic() + self._limits.seconds
            try:
                pid = os.fork()
            except OSError as error:
                why = f"No process could be started to convert the image: {error.strerror}."
                _answer(conversion, {"error": why})
                _close(conversion)
                continue
            if pid == 0:
                run_converter(
                    conversion.order,
                    conversion.source,
                    conversion.target,
                    conversion.answer,
                    self._limits,
                )
            self._running[pid] = conversion

    def _end(self) -> None:
        """Take note of those that have ended, and kill those that are late."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            conversion = self._running.pop(pid)
            if status:
                why = self._why(conversion, os.waitstatus_to_exitcode(status))
                _answer(conversion, {"error": why})
            _close(conversion)
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


def _answer(conversion: _Conversion, fields: Mapping[str, object]) -> None:
    with suppress(OSError):  # nobody waits for it any more
        os.write(conversion.answer, json.dumps(fields).encode())


def _close(conversion: _Conversion) -> None:
    for descriptor in (
        conversion.source,
        conversion.target,
        conversion.answer,
        conversion.slot,
    ):
        if descriptor >= 0:
            os.close(descriptor)


def main() -> None:
    """Be the fork server of a worker. Its arguments: the file descriptor of the channel, the folder
    of the slots and their number; of `ConverterLimits`, bytes, seconds and seconds to wait.
    """
    channel, folder, count, memory_bytes, seconds, wait_seconds = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the worker's business: see its end of the channel
    prepare()
    gc.freeze()  # what is collected later is not copied into each process
    with socket.socket(fileno=int(channel)) as connection:
        limits = ConverterLimits(int(memory_bytes), float(seconds), float(wait_seconds))
        ConverterServer(connection, Slots(Path(folder), int(count)), limits).run()


if __name__ == "__main__":
    main()

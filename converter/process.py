"""A converter process, from its fork to its end: one image."""

import json
import math
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple, NoReturn

from converter.confinement import die_with_parent, limit_resources, refuse_system_calls
from converter.conversion import convert
from converter.order import ConversionError, ConversionOrder, ConversionResult

_SOURCE, _TARGET, _STDERR, _ANSWER, _OPEN_FILES = range(5)
"""The file descriptors of the process, and their number."""

_OOM_SCORE_PATH: Final = "/proc/self/oom_score_adj"


@dataclass(frozen=True, slots=True)
class ConverterLimits:
    """Limits of a conversion."""

    memory_bytes: int = 1024**3  # address space of the process
    seconds: float = 20.0  # duration of the process; also its processor time
    wait_seconds: float = 120.0  # before the start of the process


class Files(NamedTuple):
    """The file descriptors of a conversion: the image, the result, and a socket for the answer."""

    source: int
    target: int
    answer: int


def run_converter(order: ConversionOrder, files: Files, limits: ConverterLimits) -> NoReturn:
    """Convert one image, send the answer, and end the process; to be called right after a fork."""
    try:
        _confine(order, files, limits)
        os.write(_ANSWER, json.dumps(_answer(order)).encode())
    except BaseException:  # noqa: BLE001 - nothing may get back into the code of the parent
        os._exit(1)
    os._exit(0)


def _confine(order: ConversionOrder, files: Files, limits: ConverterLimits) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent()
    # When memory is short, the kernel ends this process first (proc(5)).
    with suppress(OSError), open(_OOM_SCORE_PATH, "w") as score:  # noqa: PTH123 - no path is built
        score.write("1000")
    os.dup2(files.source, _SOURCE)
    os.dup2(files.target, _TARGET)
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDERR)
    os.dup2(files.answer, _ANSWER)
    os.closerange(_OPEN_FILES, os.sysconf("SC_OPEN_MAX"))
    limit_resources(
        memory_bytes=limits.memory_bytes,
        cpu_seconds=math.ceil(limits.seconds),
        file_bytes=max(order.still_bytes, order.animation_bytes),
        open_files=_OPEN_FILES,
    )
    refuse_system_calls()


def _answer(order: ConversionOrder) -> dict[str, object]:
    try:
        content = os.pread(_SOURCE, os.fstat(_SOURCE).st_size, 0)
        encoded = convert(content, order)
        written = 0
        while written < len(encoded.content):
            written += os.pwrite(_TARGET, encoded.content[written:], written)
    except ConversionError as error:
        return {"error": error.message}
    except MemoryError:
        return {"error": "The image takes more memory than a conversion may have."}
    except OSError as error:  # of the files, as with a full disk
        return {"errno": error.errno}
    return asdict(ConversionResult(encoded.code, written, encoded.width, encoded.height))

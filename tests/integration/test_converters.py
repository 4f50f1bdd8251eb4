"""Converter processes of one worker, and what happens when they end before their time."""

import errno
import io
import json
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO

import pytest

from converter.order import ConversionOrder, ConversionResult
from converter.process import ConverterLimits
from converter.server import ConverterServer, Slots
from tests.picture_corpus import MADE, encode, large_webp, photo
from tests.processes import children_of
from tests.waiting import wait_until
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.errors import ConversionBusyError, ImageError, Reason
from workers.contract.image_type import recognize
from workers.worker.converters import Converters

FILES = Path("/proc/self/fd")
PATIENT = ConversionPolicy(processes=1, seconds=100.0)


@pytest.fixture
def converters(tmp_path: Path) -> Iterator[Converters]:
    with closing(Converters(PATIENT, tmp_path)) as made:
        yield made


def order_for(content: bytes) -> ConversionOrder:
    kind = recognize(content[:4096])
    assert kind is not None
    return ConversionOrder(kind.decoder, kind.name)


def convert(converters: Converters, content: bytes) -> tuple[ConversionResult, bytes]:
    result, file = converters.convert(io.BytesIO(content), order_for(content))
    with file:
        return result, file.read()


def assert_small_one_is_converted(converters: Converters) -> None:
    result, content = convert(converters, MADE["drawing.webp"]().content)
    assert (result.code, result.size) == ("png", len(content))
    # Its process may outlive its answer by a moment, in which it would be taken for the next one.
    wait_until(lambda: not children_of(server_pid(converters)))


def server_pid(converters: Converters) -> int:
    assert converters._server is not None
    return converters._server.pid


@contextmanager
def children_killed(server: int) -> Iterator[None]:
    """Kill each converter process as soon as it is seen; one may have answered by then."""
    is_over = threading.Event()

    def kill() -> None:
        while not is_over.wait(0.005):
            for child in children_of(server):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        is_over.set()
        killer.join()


@cache
def six_megapixels() -> bytes:
    """Whose process can be seen while it converts them."""
    return encode(photo((3000, 2000)), "WEBP", quality=60, method=0)


def convert_until_it_fails(converters: Converters) -> ImageError:
    content = six_megapixels()
    while True:
        try:
            convert(converters, content)
        except ImageError as error:
            return error


def test_nothing_runs_before_it_is_needed(converters: Converters) -> None:
    assert converters._server is None
    assert_small_one_is_converted(converters)


def test_files_on_disk_need_no_copy(converters: Converters, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(MADE["lossy.webp"]().content)
    with path.open("rb") as source:
        source.seek(100)
        file: BinaryIO
        result, file = converters.convert(source, order_for(path.read_bytes()))
        file.close()
    assert result.code == "jpeg"


def test_a_kill_costs_one_image(converters: Converters) -> None:
    assert_small_one_is_converted(converters)
    with children_killed(server_pid(converters)):
        error = convert_until_it_fails(converters)
    assert "was killed" in error.message
    assert error.reason == Reason.CONVERSION_FAILED
    assert not error.transient
    assert_small_one_is_converted(converters)


def test_the_death_of_the_fork_server_costs_none(converters: Converters) -> None:
    assert_small_one_is_converted(converters)
    first = server_pid(converters)

    def kill() -> None:
        wait_until(lambda: children_of(first))
        os.kill(first, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    while killer.is_alive():  # one may be done before its process is seen
        result, _ = convert(converters, six_megapixels())
        assert result.width == 3000
    # The kill may have come right after the answer: the next image is the one that meets it then.
    assert_small_one_is_converted(converters)
    assert server_pid(converters) != first


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    content = large_webp()
    policy = ConversionPolicy(seconds=0.05)
    with closing(Converters(policy, tmp_path)) as converters:
        with pytest.raises(ImageError, match=r"took longer than 0\.05 s"):
            convert(converters, content)
        wait_until(lambda: not children_of(server_pid(converters)))


def test_what_takes_too_much_memory_fails(tmp_path: Path) -> None:
    policy = ConversionPolicy(seconds=100.0, memory_bytes=300_000_000)
    with closing(Converters(policy, tmp_path)) as converters:
        with pytest.raises(ImageError, match="more memory"):
            convert(converters, large_webp())
        assert_small_one_is_converted(converters)


def test_workers_of_a_machine_share_the_processes(tmp_path: Path) -> None:
    slots = Slots(tmp_path, 1)
    slot = slots.take()
    assert slot is not None
    assert slots.take() is None
    # A free one is taken even so: it is no matter of how fast this machine looks for it.
    policy = ConversionPolicy(processes=1, seconds=100.0, wait_seconds=0.0)
    with closing(Converters(policy, tmp_path)) as converters:
        with pytest.raises(ConversionBusyError, match="No process was free"):
            convert(converters, MADE["drawing.webp"]().content)
        os.close(slot)
        assert_small_one_is_converted(converters)


def test_no_more_than_there_may_be(tmp_path: Path) -> None:
    """Two workers, each with several images at once, on a machine with a single slot."""
    content = encode(photo((900, 600)), "WEBP", quality=80)
    seen: list[int] = []
    with (
        closing(Converters(PATIENT, tmp_path)) as one,
        closing(Converters(PATIENT, tmp_path)) as other,
    ):
        for each in (one, other):
            assert_small_one_is_converted(each)
        lanes = [
            threading.Thread(target=convert, args=(each, content)) for each in (one, other) * 8
        ]
        for lane in lanes:
            lane.start()
        while any(lane.is_alive() for lane in lanes):
            seen.append(sum(len(children_of(server_pid(each))) for each in (one, other)))
    # The two are looked at in turn, and the slot may pass from one to the other in between.
    assert max(seen) <= 2


def test_a_full_disk_is_no_fault_of_the_image(
    converters: Converters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = MADE["drawing.webp"]().content
    path = tmp_path / "a.webp"
    path.write_bytes(content)
    monkeypatch.setattr(tempfile, "TemporaryFile", partial(Path("/dev/full").open, "r+b", 0))
    with path.open("rb") as source, pytest.raises(OSError, match="No space left"):
        converters.convert(source, order_for(content))


def test_no_room_for_a_process_is_no_fault_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_more)
    for name in ("signal", "set_wakeup_fd"):  # those of this process stay
        monkeypatch.setattr(signal, name, lambda *_args, **_options: None)
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    answers, answer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with channel, theirs, answers, answer:
        files = [answer.fileno()] * 3
        socket.send_fds(channel, [ConversionOrder("WEBP", "WebP").to_json()], files)
        channel.close()
        ConverterServer(theirs, Slots(tmp_path, 1), ConverterLimits()).run()
        assert json.loads(answers.recv(100)) == {"errno": errno.EAGAIN}


def test_closing_ends_them_all(tmp_path: Path) -> None:
    converters = Converters(PATIENT, tmp_path)
    assert_small_one_is_converted(converters)
    server = server_pid(converters)
    failures: list[ImageError] = []
    worker = threading.Thread(target=lambda: failures.append(convert_until_it_fails(converters)))
    worker.start()
    (child,) = wait_until(lambda: children_of(server))
    converters.close()
    worker.join()
    assert failures
    wait_until(lambda: not Path(f"/proc/{child}").exists())


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="wants proc(5)")
def test_secrets_are_not_handed_on(converters: Converters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGUR_CLIENT_SECRET", "s3cret")
    assert_small_one_is_converted(converters)
    environ = Path(f"/proc/{server_pid(converters)}/environ").read_bytes()
    assert b"s3cret" not in environ


def test_another_converter_of_the_current_folder_is_not_run(
    converters: Converters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "converter").mkdir()
    for name in ("__init__.py", "server.py"):
        (tmp_path / "converter" / name).touch()
    monkeypatch.chdir(tmp_path)
    assert_small_one_is_converted(converters)


def test_memory_is_flat(converters: Converters) -> None:
    """The long form, of 2,000 conversions: see benchmarks/conversions.py."""
    content = MADE["lossy.webp"]().content
    for _ in range(20):
        convert(converters, content)
    before = _resident(server_pid(converters)), len(list(FILES.iterdir()))
    for _ in range(200):
        convert(converters, content)
    after = _resident(server_pid(converters)), len(list(FILES.iterdir()))
    assert after[0] - before[0] < 300_000
    assert after[1] == before[1]


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

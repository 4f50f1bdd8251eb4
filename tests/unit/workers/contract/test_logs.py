import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from workers.contract import log_writer
from workers.contract.log_writer import LogWriter
from workers.contract.logs import LogConfig, configure_logging, flush_logs

ROOT = Path(__file__).parents[4]
PIPE_BUF = 4096


PATIENCE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def _put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(log_writer, "DRAIN_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(log_writer, "STALLED_SECONDS", PATIENCE_SECONDS)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def text(capfd: pytest.CaptureFixture[str]) -> str:
    flush_logs()
    return capfd.readouterr().out


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(capfd).splitlines()]


def start(script: str, stdout: int, *, is_read: bool = True) -> subprocess.Popen[str]:
    """Run a script. What reads its lines may be slow: it waits for that where there is a reader."""
    setup = (
        "import logging, os, structlog, sys\n"
        "from workers.contract import log_writer\n"
        "from workers.contract.logs import LogConfig, configure_logging, flush_logs\n"
        "configure_logging(LogConfig(), sys.argv[1])\n"
        "log = structlog.get_logger()\n"
    )
    if is_read:
        setup += f"log_writer.DRAIN_SECONDS = log_writer.STALLED_SECONDS = {PATIENCE_SECONDS}\n"
    return subprocess.Popen(
        [sys.executable, "-c", setup + script, "p"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, errors) == (0, "")


def test_an_event_is_one_json_line(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogConfig(), "worker-3.1")

    structlog.get_logger("x").warning("image failed", job_id="j", attempts=2, text="two\nlines")

    (event,) = lines(capfd)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "image failed",
        "level": "warning",
        "process": "worker-3.1",
        "job_id": "j",
        "attempts": 2,
        "text": "two\nlines",
    }


def test_the_console_format_is_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogConfig(format="console"), "service")

    structlog.get_logger().info("job complete", job_id="j")
    try:
        int("k")
    except ValueError:
        structlog.get_logger().exception("internal error")

    out = text(capfd)
    assert "job complete" in out.splitlines()[0]
    assert "job_id=j" in out
    assert "ValueError: invalid literal" in out
    assert "\x1b" not in out, "no colours where nobody sees them"


def test_a_terminal_gets_no_control_characters_of_others(
    capfd: pytest.CaptureFixture[str],
) -> None:
    configure_logging(LogConfig(format="console"), "service")
    hostile = "/\x1b[2J\x1b]0;title\x07\r\x9b1mé"

    structlog.get_logger().info("request refused", path=hostile)
    logging.getLogger("waitress").error("Exception while serving %s", hostile)

    out = text(capfd)
    assert out.count("/\\x1b[2J\\x1b]0;title\\x07\\r\\x9b1mé") == 2
    assert out.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        pytest.param("DEBUG", ["debug", "info", "warning", "error"], id="debug"),
        pytest.param("INFO", ["info", "warning", "error"], id="info"),
        pytest.param("WARNING", ["warning", "error"], id="warning"),
        pytest.param("ERROR", ["error"], id="error"),
    ],
)
def test_what_is_below_the_level_is_not_written(
    level: Any, heard: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logging(LogConfig(level=level), "service")
    log = structlog.get_logger()

    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)("x")

    assert [event["level"] for event in lines(capfd)] == heard


class TestLibraries:
    def test_speak_the_same_way(self, capfd: pytest.CaptureFixture[str]) -> None:
        configure_logging(LogConfig(), "service")

        logging.getLogger("waitress.parser").warning("Line %d is odd", 3)

        (event,) = lines(capfd)
        assert event["event"] == "Line 3 is odd"
        assert (event["level"], event["process"]) == ("warning", "service")
        assert "timestamp" in event

    def test_errors_carry_their_traceback(self, capfd: pytest.CaptureFixture[str]) -> None:
        configure_logging(LogConfig(), "service")

        try:
            int("k")
        except ValueError:
            logging.getLogger("waitress").exception("Exception while serving /")

        (event,) = lines(capfd)
        assert event["exception"].endswith("base 10: 'k'")

    @pytest.mark.parametrize(
        ("level", "heard"),
        [
            pytest.param("DEBUG", 2, id="no chatter, even at debug"),
            pytest.param("WARNING", 2, id="warning"),
            pytest.param("ERROR", 1, id="error"),
        ],
    )
    def test_are_heard_from_warnings_on(
        self, level: Any, heard: int, capfd: pytest.CaptureFixture[str]
    ) -> None:
        configure_logging(LogConfig(level=level), "service")
        library = logging.getLogger("urllib3.connectionpool")

        library.debug("Starting new HTTP connection")
        library.warning("x")
        library.error("x")

        assert len(lines(capfd)) == heard

    def test_configuring_twice_does_not_say_it_twice(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        configure_logging(LogConfig(), "service")
        configure_logging(LogConfig(), "service")

        logging.getLogger("x").warning("once")

        assert len(lines(capfd)) == 1


class TestLength:
    @pytest.mark.parametrize("letter", ["x", "é", "漢", "😀"], ids=["ascii", "é", "漢", "emoji"])
    def test_a_line_fits_into_one_pipe_write(
        self, letter: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        configure_logging(LogConfig(), "worker-3.1")

        structlog.get_logger().warning(
            "image failed", job_id="j" * 36, url=letter * 8192, message=letter * 5000, attempts=4
        )

        line = text(capfd)
        assert len(line.encode()) <= PIPE_BUF
        event = json.loads(line)
        assert event["url"].endswith(letter + "…")
        assert event["attempts"] == 4

    def test_what_is_short_stays_whole(self, capfd: pytest.CaptureFixture[str]) -> None:
        configure_logging(LogConfig(), "worker-3.1")

        structlog.get_logger().info("x", url="u" * 1000, message="é" * 166)

        (event,) = lines(capfd)
        assert (event["url"], event["message"]) == ("u" * 1000, "é" * 166)

    def test_a_traceback_keeps_its_end(self, capfd: pytest.CaptureFixture[str]) -> None:
        configure_logging(LogConfig(), "worker-3.1")

        def fall(depth: int) -> None:
            if depth == 0:
                raise KeyError("k")
            try:
                fall(depth - 1)
            except KeyError as error:
                raise KeyError(depth) from error

        try:
            fall(20)
        except KeyError:
            structlog.get_logger().exception("internal error", job_id="j")

        line = text(capfd)
        assert len(line.encode()) <= PIPE_BUF
        exception = json.loads(line)["exception"]
        assert exception.startswith("…")
        assert exception.endswith("KeyError: 20")


class TestReaderThatStopped:
    """Stdout is a pipe that is full, and nobody reads it."""

    COUNT = 2500  # of a kilobyte each; the pipe and the queue take less than half

    def test_nobody_waits_and_what_was_dropped_is_counted_when_it_goes_on(self) -> None:
        reader, writer = os.pipe()
        process = start(
            f"for n in range({self.COUNT}): log.info('x', number=n, text='t' * 1000)\n"
            "print('all said', file=sys.stderr, flush=True)\n"
            "sys.stdin.readline()\n"
            "log.info('last')\n",
            writer,
        )
        os.close(writer)
        assert process.stderr is not None
        assert process.stdin is not None
        assert process.stderr.readline() == "all said\n"
        with os.fdopen(reader) as out:
            events = [json.loads(out.readline())]
            while "number" in events[-1]:
                events.append(json.loads(out.readline()))
            process.stdin.write("\n")
            process.stdin.flush()
            events += [json.loads(line) for line in out]
        end(process)

        numbers = [event["number"] for event in events if "number" in event]
        dropped = [event["lines"] for event in events if "lines" in event]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) + sum(dropped) == self.COUNT
        assert 0 < sum(dropped) < self.COUNT
        assert events[-1]["event"] == "last"

    @pytest.mark.parametrize(
        "last", ["sys.exit(0)", "flush_logs(); os._exit(0)"], ids=["exit", "_exit"]
    )
    def test_the_process_ends_all_the_same(self, last: str) -> None:
        reader, writer = os.pipe()
        script = f"for n in range({self.COUNT}): log.info('x', text='t' * 1000)\n{last}"
        process = start(script, writer, is_read=False)
        os.close(writer)
        end(process)
        os.close(reader)


def test_lines_wait_until_there_is_a_thread_to_be_had() -> None:
    reader, writer = os.pipe()
    process = start(
        "import threading\n"
        "def fail(_): raise RuntimeError\n"
        "whole, threading.Thread.start = threading.Thread.start, fail\n"
        "log.info('first')\n"
        "threading.Thread.start = whole\n"
        "log.info('second')\n",
        writer,
    )
    os.close(writer)
    with os.fdopen(reader) as out:
        events = [json.loads(line)["event"] for line in out]
    end(process)

    assert events == ["first", "second"]


@pytest.mark.parametrize(
    "last", ["sys.exit(0)", "flush_logs(); os._exit(0)"], ids=["exit", "_exit"]
)
def test_the_last_lines_come_out_at_the_end(last: str) -> None:
    reader, writer = os.pipe()
    process = start(f"for n in range(500): log.info('x', number=n)\n{last}", writer)
    os.close(writer)
    with os.fdopen(reader) as out:
        numbers = [json.loads(line)["number"] for line in out]
    end(process)

    assert numbers == list(range(500))


def test_lines_of_several_processes_stay_whole() -> None:
    reader, writer = os.pipe()
    # The queue of a process has room for all of its lines, however late they are read.
    script = "for n in range(200): log.info('x', number=n, url='u' * 5000, message='m' * 2000)"
    processes = [start(script, writer) for _ in range(3)]
    os.close(writer)
    with os.fdopen(reader) as out:
        events = [json.loads(line) for line in out]
    for process in processes:
        end(process)

    assert len(events) == 600


def test_a_full_pipe_that_does_not_block_spoils_no_line() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    read: list[str] = []

    def read_all() -> None:
        with os.fdopen(reader) as out:
            read.extend(out)

    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"\n")
    script = "for n in range(500): log.info('x', number=n, url='u' * 1000)"
    process = start("print('begins', file=sys.stderr, flush=True)\n" + script, writer)
    os.close(writer)
    assert process.stderr is not None
    assert process.stderr.readline() == "begins\n", "nobody has read yet, and the pipe is full"
    consumer = threading.Thread(target=read_all)
    consumer.start()
    end(process)
    consumer.join(PATIENCE_SECONDS)

    numbers = [json.loads(line)["number"] for line in read if line.strip()]
    assert numbers == list(range(500))


def test_lines_that_a_full_disk_did_not_take_are_counted(tmp_path: Path) -> None:
    """The file takes 150 bytes, and more only once its limit is lifted."""
    log_file = tmp_path / "log"
    with log_file.open("wb") as out:
        process = start(
            "import resource\n"
            "_, most = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (150, most))\n"
            "for n in range(5): log.info('x', number=n); flush_logs()\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\n"
            "log.info('last')\n",
            out.fileno(),
        )
    end(process)

    first, torn, *rest = log_file.read_text().splitlines()
    assert json.loads(first)["number"] == 0
    assert len(first) + 1 + len(torn) == 150
    last, dropped = map(json.loads, rest)
    assert last["event"] == "last"
    assert dropped["lines"] == 4


def test_the_log_goes_on_after_a_full_disk_and_a_full_queue(monkeypatch: Any) -> None:
    is_full, may_write = threading.Event(), threading.Event()
    written, told = bytearray(), []

    def write_out(data: bytes) -> bytes:
        may_write.wait(PATIENCE_SECONDS)
        if is_full.is_set():
            return data
        written.extend(data)
        return b""

    monkeypatch.setattr(log_writer, "_write_out", write_out)
    writer = LogWriter(told.append)
    is_full.set()
    lines = log_writer.MAX_QUEUED_BYTES // 1000 + 10
    for _ in range(lines):
        writer.write("x" * 999 + "\n")
    may_write.set()
    writer.drain()
    is_full.clear()
    writer.write("after\n")
    writer.drain()
    assert written == b"after\n"
    assert told == [lines]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="nobody reads"),
        pytest.param("import os; os.close(1)\n", id="closed"),
    ],
)
def test_work_goes_on_when_nobody_hears(before: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    script = before + (
        "for n in range(10): log.info('x'); logging.getLogger('y').warning('z')\nsys.exit(0)\n"
    )
    process = start(script, writer)
    os.close(writer)

    end(process)

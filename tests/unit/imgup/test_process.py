"""The command line as a process: terminals, interrupts, closed pipes, `imgup serve`."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import imgup
from imgup import models
from imgup.cli import cli
from tests.unit.imgup.stand_in import JOB, JOB_PATH, Told, job, result
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60.0
COMMAND = (sys.executable, "-m", "imgup")
UPLOAD = (*COMMAND, "upload", "https://example.com/0.png")


def _environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMGUP_")}
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        kept.pop(name, None)
    return kept | {"TERM": "xterm-256color"} | more


@pytest.fixture
def slow_job(stand_in):
    """A job of one URL that is pending at first and then uploaded."""
    pending, done = (Told(body=job([result(0, state)])) for state in ("pending", "complete"))
    stand_in.tell("POST", "/v1/images/upload", Told(202, {"jobId": JOB}))
    stand_in.tell("GET", JOB_PATH, pending, pending, done)
    return stand_in


def _start(url: str, *command: str) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=_environ(IMGUP_URL=url), text=True, **pipes)


def _run(url: str, *command: str, **streams: Any) -> "subprocess.CompletedProcess[str]":
    usual = {"cwd": ROOT, "env": _environ(IMGUP_URL=url), "timeout": PATIENCE_SECONDS, "text": True}
    return subprocess.run(command, check=False, **usual, **streams)


def _upload_on_terminal(
    url: str, on_output: Callable[[bytes], None] = lambda _: None, **environ: str
) -> tuple[str, str]:
    """Return the output of an upload to stdout, a pipe, and to stderr, a terminal.

    `on_output` is told what has come on the terminal so far.
    """
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        UPLOAD,
        cwd=ROOT,
        env=_environ(IMGUP_URL=url, **environ),
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = bytearray()
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
                on_output(seen)
        except OSError:  # Linux: the other side is closed
            pass
        os.close(ours)
        assert process.stdout is not None
        links = process.stdout.read().decode()
    assert process.returncode == 0
    return links, seen.decode()


def test_a_terminal_has_a_bar_and_stdout_has_links_only(slow_job):
    # The bar is drawn ten times a second: the job goes on when it has been seen.
    slow_job.tell("GET", JOB_PATH, Told(body=job([result(0, "pending")])))

    def go_on(seen: bytes) -> None:
        if b"0/1" in seen:
            slow_job.tell("GET", JOB_PATH, Told(body=job([result(0)])))

    links, seen = _upload_on_terminal(slow_job.url, go_on)
    assert links == "https://i.imgur.com/0.png\n"
    assert "\x1b[" in seen
    assert "\x1b[?25l" not in seen  # the cursor: a command that is killed could not show it again
    assert seen.splitlines()[-1].endswith("1 uploaded")


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_a_dumb_terminal_have_neither_bar_nor_colour(slow_job, environ):
    links, seen = _upload_on_terminal(slow_job.url, **environ)
    assert links == "https://i.imgur.com/0.png\n"
    assert seen == f"job {JOB}\r\n1 uploaded\r\n"


def test_ctrl_c_says_that_the_job_goes_on(stand_in):
    stand_in.tell("POST", "/v1/images/upload", Told(202, {"jobId": JOB}))
    stand_in.tell("GET", JOB_PATH, Told(body=job([result(0, "pending")])))
    # A shell's background jobs ignore the signal, and so would a command of tests among those.
    command = ("env", "--default-signal=INT", *UPLOAD)
    with _start(stand_in.url, *command) as process:
        wait_until(lambda: stand_in.requests("GET", JOB_PATH))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == -signal.SIGINT  # 130 in a shell, which ends its script then
    assert out == ""
    assert f"the job goes on. Follow it with: imgup status {JOB} --follow" in err
    assert "Traceback" not in err


def test_a_reader_that_is_gone_is_met_quietly(stand_in):
    links = [f"https://i.imgur.com/{number:07}.png" for number in range(20_000)]
    stand_in.tell("GET", "/v1/images", Told(body={"uploaded": links}))
    with _start(stand_in.url, *COMMAND, "links") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == links[0] + "\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE_SECONDS) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_bad_usage_is_told_by_the_exit_code_whatever_becomes_of_stderr(stand_in):
    with Path("/dev/full").open("w") as full:
        done = _run(stand_in.url, *COMMAND, "upload", "nonsense", stderr=full)
    assert done.returncode == 2


def test_a_terminal_that_is_gone_costs_the_notes_only(slow_job):
    slow_job.tell("GET", JOB_PATH, Told(body=job([result(0, "pending")])))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        UPLOAD,
        cwd=ROOT,
        env=_environ(IMGUP_URL=slow_job.url),
        text=True,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        while b"0/1" not in seen:
            seen += os.read(ours, 65536)
        os.close(ours)
        slow_job.tell("GET", JOB_PATH, Told(body=job([result(0)])))
        links, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, links) == (0, "https://i.imgur.com/0.png\n")


def _modules_after(script: str) -> set[str]:
    script += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_a_closed_stream_costs_only_what_it_would_have_had(slow_job, closed):
    shell = f'exec "$0" -m imgup upload https://example.com/0.png {closed}'
    done = _run(slow_job.url, "sh", "-c", shell, sys.executable, capture_output=True)
    assert done.returncode == 0
    assert done.stdout == ("" if "1>" in closed else "https://i.imgur.com/0.png\n")
    assert done.stderr == ("" if "2>" in closed else f"job {JOB}\n1 uploaded\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told(slow_job):
    with Path("/dev/full").open("w") as full:
        done = _run(slow_job.url, *UPLOAD, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 141
    assert done.stderr.endswith("imgup: The output cannot be written: No space left on device.\n")


def test_stderr_without_a_reader_costs_the_notes_only(slow_job):
    read, write = os.pipe()
    os.close(read)
    assert _links_of_an_upload(slow_job.url, write) == (0, "https://i.imgur.com/0.png\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_stderr_costs_the_notes_only(slow_job):
    full = os.open("/dev/full", os.O_WRONLY)
    assert _links_of_an_upload(slow_job.url, full) == (0, "https://i.imgur.com/0.png\n")


def _links_of_an_upload(url: str, stderr: int) -> tuple[int, str]:
    """Return exit code and stdout of an upload; closes `stderr`."""
    with os.fdopen(stderr, "w") as notes:
        done = _run(url, *UPLOAD, stdout=subprocess.PIPE, stderr=notes)
    return done.returncode, done.stdout


def test_the_client_needs_nothing_of_the_service_and_nothing_for_terminals():
    loaded = _modules_after("import imgup; imgup.Client")
    assert "requests" in loaded
    assert not loaded & {"service", "workers", "sandbox", "click", "rich"}


def test_help_waits_for_none_of_the_libraries_that_only_work_needs():
    loaded = _modules_after(
        "import imgup.cli; imgup.cli.cli.main(['upload', '--help'], standalone_mode=False)"
    )
    assert "click" in loaded
    assert not loaded & {"requests", "pydantic", "rich", "service", "workers", "sandbox"}


@pytest.mark.parametrize("name", imgup.__all__)
def test_every_public_name_is_there(name):
    assert getattr(imgup, name).__module__.startswith("imgup.")


def test_the_classes_of_responses_are_public():
    found = {name for name, kind in vars(models).items() if is_dataclass(kind)}
    classes = {name for name in found if getattr(models, name).__module__ == models.__name__}
    assert classes - set(imgup.__all__) == {"JobChange"}  # which becomes a Progress


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="Nobody"):
        _ = imgup.Nobody


def test_serve_becomes_the_service(monkeypatch):
    became = []
    monkeypatch.setattr(os, "execve", lambda *args: became.append(args))
    ran = CliRunner().invoke(
        cli, ["serve", "--host", "::1", "--port", "0"], env={"PORT": "9000", "WORKER_COUNT": "3"}
    )
    assert ran.exit_code == 0, ran.output
    ((program, command, environ),) = became
    assert command == [program, "-m", "service"]
    assert (environ["HOST"], environ["PORT"], environ["WORKER_COUNT"]) == ("::1", "0", "3")


def test_serve_starts_no_other_service_of_the_current_folder(tmp_path):
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__main__.py").write_text("print('another')")
    (tmp_path / "service" / "__init__.py").touch()
    ran = subprocess.run(
        [*COMMAND, "serve"],
        cwd=tmp_path,
        env=_environ(PYTHONPATH=str(ROOT), PORT="none"),
        text=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "PORT" in ran.stderr


def test_serve_without_the_service_says_in_one_line_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    ran = CliRunner().invoke(cli, ["serve"])
    assert ran.exit_code == 2
    assert ran.stderr.count("\n") == 1
    assert "pip install 'imgup[service]'" in ran.stderr

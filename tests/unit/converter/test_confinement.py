"""Limits of a process; in processes of their own, as they cannot be undone."""

import subprocess
import sys

import pytest

TRIES = {
    "socket": "import socket; socket.socket()",
    "open": "open('/etc/passwd')",
    "fork": "os.fork()",
    "exec": "os.execv('/bin/true', ['true'])",
    "kill": "os.kill(os.getppid(), 0)",
    "signal to a thread": "call({'x86_64': 234, 'aarch64': 131}, os.getppid(), os.getppid(), 0)",
    "queued signal": "call({'x86_64': 129, 'aarch64': 138}, os.getppid(), 0, bytes(128))",
    "signal by a descriptor": "fcntl.fcntl(0, 8, os.getppid())",  # F_SETOWN
    "limits of another process": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "cores of another process": "os.sched_setaffinity(os.getppid(), {0})",
    "open after a close": "os.close(2); open('/proc/self/environ')",
    "mkdir": "os.mkdir('/nowhere/nowhere')",
    "symlink": "os.symlink('/nowhere', '/nowhere/nowhere')",
    "unlink": "os.unlink('/nowhere')",
    "rename": "os.rename('/nowhere', '/nowhere')",
    "truncate": "os.truncate('/nowhere', 0)",
    "chmod": "os.chmod('/nowhere', 0)",
    "memory": "bytearray(300_000_000)",
    "file size": "os.pwrite(1, b'x', 1000)",
}
PROGRAM = """
import ctypes, fcntl, os, resource, socket, sys, threading
from converter.confinement import limit_resources, refuse_system_calls
def call(numbers, *arguments):
    if ctypes.CDLL(None, use_errno=True).syscall(numbers[os.uname().machine], *arguments):
        raise OSError(ctypes.get_errno(), "refused")
sys.stdout.flush()
limit_resources(memory_bytes=280_000_000, cpu_seconds=5, file_bytes=1000, open_files={open_files})
assert refuse_system_calls() or sys.platform != "linux"
try:
    {attempt}
except (OSError, MemoryError) as error:
    os._exit(getattr(error, "errno", None) or 200)
os._exit(0)
"""


def run(attempt: str, open_files: int, tmp_path) -> int:
    program = PROGRAM.format(attempt=attempt, open_files=open_files)
    with (tmp_path / "out").open("wb") as out:
        return subprocess.run(
            [sys.executable, "-c", program], check=False, stdin=subprocess.DEVNULL, stdout=out
        ).returncode


@pytest.mark.parametrize(
    ("attempt", "open_files", "code"),
    [
        ("socket", 100, 13),  # EACCES, of the system calls
        ("socket", 3, 13),
        ("open", 100, 13),
        ("open after a close", 3, 13),
        ("fork", 100, 13),
        ("exec", 100, 13),
        ("kill", 100, 13),
        ("signal to a thread", 100, 13),
        ("queued signal", 100, 13),
        ("signal by a descriptor", 100, 13),
        ("limits of another process", 100, 13),
        ("cores of another process", 100, 13),
        ("mkdir", 100, 13),
        ("symlink", 100, 13),
        ("unlink", 100, 13),
        ("rename", 100, 13),
        ("truncate", 100, 13),
        ("chmod", 100, 13),
        ("memory", 100, 200),
        ("file size", 100, 27),  # EFBIG
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="what the kernel of Linux refuses")
def test_refused(attempt: str, open_files: int, code: int, tmp_path) -> None:
    assert run(TRIES[attempt], open_files, tmp_path) == code


def test_no_socket_without_a_file_descriptor() -> None:
    """If the kernel does not refuse the call, the limit does."""
    program = """
import os, socket
from converter.confinement import limit_resources
limit_resources(memory_bytes=2**40, cpu_seconds=5, file_bytes=1000, open_files=3)
try:
    socket.socket()
except OSError as error:
    os._exit(error.errno)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 24


def test_threads_may_be_started(tmp_path) -> None:
    attempt = "thread = threading.Thread(target=int); thread.start(); thread.join()"
    assert run(attempt, 100, tmp_path) == 0


def test_processor_time() -> None:
    program = """
from converter.confinement import limit_resources
limit_resources(memory_bytes=2**40, cpu_seconds=1, file_bytes=1000, open_files=100)
while True:
    pass
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -24  # SIGXCPU

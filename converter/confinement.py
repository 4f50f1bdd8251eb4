"""Limits of the operating system for a converter process.

The network and other files are out of reach for two reasons: the process cannot open another file
descriptor; and on Linux the kernel refuses the system calls, like those that start or affect other
processes.
"""

import ctypes
import os
import resource
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SIGKILL: Final = 9
_SECCOMP_MODE_FILTER: Final = 2

# linux/seccomp.h, linux/filter.h and linux/audit.h.
_RETURN_KILL: Final = 0x8000_0000
_RETURN_EACCES: Final = 0x0005_0000 | 13
_RETURN_ENOSYS: Final = 0x0005_0000 | 38
_RETURN_ALLOW: Final = 0x7FFF_0000
_LOAD_WORD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_AT_LEAST: Final = 0x35
_JUMP_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_CLONE_THREAD: Final = 0x0001_0000
_CLONE3: Final = 435
_X32_BIT: Final = 0x4000_0000  # the same calls under other numbers, on x86-64

# For each processor: its number in linux/audit.h, that of the system call clone, and those of
# socket, socketpair, bind, listen, accept, accept4, connect, sendto, sendmsg, fork, vfork, execve,
# execveat, kill, tkill, ptrace, unshare, setns, process_vm_readv, process_vm_writev, bpf,
# userfaultfd, perf_event_open, pidfd_send_signal, pidfd_open, pidfd_getfd, io_uring_setup, tgkill,
# rt_sigqueueinfo, rt_tgsigqueueinfo, fcntl and ioctl (F_SETOWN, FIOSETOWN: a descriptor signals),
# prlimit64, setpriority, sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr; what
# spoils a file by its name: truncate, unlinkat, renameat, renameat2, fchmodat, fchmodat2, mknodat,
# mkdirat, linkat, symlinkat; what opens one, once a descriptor is closed: openat, openat2,
# open_by_handle_at; and on x86-64 rename, rmdir, unlink, chmod, mknod, mkdir, link, symlink, open,
# creat.
_SYSTEM_CALLS: Final = {
    "x86_64": (
        0xC000_003E,
        56,
        (
            *(41, 53, 49, 50, 43, 288, 42, 44, 46, 57, 58, 59, 322, 62, 200, 101, 272, 308, 310),
            *(311, 321, 323, 298, 424, 434, 438, 425, 234, 129, 297, 72, 16),
            *(302, 141, 142, 144, 203, 314),
            *(76, 263, 264, 316, 268, 452, 259, 258, 265, 266, 257, 437, 304),
            *(82, 84, 87, 90, 133, 83, 86, 88, 2, 85),
        ),
    ),
    "aarch64": (
        0xC000_00B7,
        220,
        (
            *(198, 199, 200, 201, 202, 242, 203, 206, 211, 221, 281, 129, 130, 117, 97, 268, 270),
            *(271, 280, 282, 241, 424, 434, 438, 425, 131, 138, 240, 25, 29),
            *(261, 140, 118, 119, 122, 274),
            *(45, 35, 38, 276, 53, 452, 33, 34, 37, 36, 56, 437, 265),
        ),
    ),
}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def limit_resources(
    *, memory_bytes: int, cpu_seconds: int, file_bytes: int, open_files: int
) -> None:
    """Set the limits of this process; they cannot be raised again.

    Args:
        memory_bytes: address space, including what is loaded already.
        cpu_seconds: processor time; then SIGXCPU, and a second later SIGKILL.
        file_bytes: size of a written file.
        open_files: number of descriptors; if as many are open already, none can be opened.
    """
    for kind, soft, hard in (
        (resource.RLIMIT_AS, memory_bytes, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, file_bytes, file_bytes),
        (resource.RLIMIT_NOFILE, open_files, open_files),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        resource.setrlimit(kind, (soft, hard))


def die_with_parent() -> None:
    """Have Linux kill this process when its parent, which must have a single thread, ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def refuse_system_calls() -> bool:
    """Have the kernel refuse system calls that a decoder never needs (seccomp(2)).

    Returns:
        False if that is not possible: another system, another processor, or an old kernel.
    """
    if sys.platform != "linux" or os.uname().machine not in _SYSTEM_CALLS:
        return False
    filters = _filter(*_SYSTEM_CALLS[os.uname().machine])
    program = _Program(len(filters), (_Instruction * len(filters))(*filters))
    prctl = ctypes.CDLL(None).prctl
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _filter(architecture: int, clone: int, refused: tuple[int, ...]) -> list[_Instruction]:
    """Return a program for the kernel; it allows threads (libde265 starts some), not processes.

    A jump has the number of instructions that it skips.
    """
    count = len(refused)
    return [
        _Instruction(_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        _Instruction(_JUMP_IF_EQUAL, 1, 0, architecture),
        _Instruction(_RETURN, 0, 0, _RETURN_KILL),
        _Instruction(_LOAD_WORD, 0, 0, _NUMBER_AT),
        _Instruction(_JUMP_IF_AT_LEAST, count + 5, 0, _X32_BIT),
        # The filter cannot read its flags; the C library then calls clone instead.
        _Instruction(_JUMP_IF_EQUAL, count + 5, 0, _CLONE3),
        *(
            _Instruction(_JUMP_IF_EQUAL, count - position + 3, 0, number)
            for position, number in enumerate(refused)
        ),
        _Instruction(_JUMP_IF_EQUAL, 0, 2, clone),
        _Instruction(_LOAD_WORD, 0, 0, _FIRST_ARGUMENT_AT),
        _Instruction(_JUMP_IF_ANY_BIT, 0, 1, _CLONE_THREAD),
        _Instruction(_RETURN, 0, 0, _RETURN_ALLOW),
        _Instruction(_RETURN, 0, 0, _RETURN_EACCES),
        _Instruction(_RETURN, 0, 0, _RETURN_ENOSYS),
    ]

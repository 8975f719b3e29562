"""Takes away a process's rights before it decodes a file that a stranger made: resource limits and a seccomp filter.

Sources: setrlimit(2), proc(5) and, for the filter of system calls, the kernel's `seccomp_filter.rst`. Only Linux has
seccomp. A second user id would be simpler, but Lambda has only one.
"""

from __future__ import annotations

import errno
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ctypes

_NO_NEW_PRIVILEGES: Final = 38  # PR_SET_NO_NEW_PRIVS: without it only root may set a filter
_SET_FILTER: Final = (22, 2)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06

_SYSTEM_CALLS: Final = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "clock_gettime": (228, 113),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
}
"""The system calls that stay allowed, by their numbers on x86_64 and aarch64: they affect only the process and its
open pipes."""
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""The column in _SYSTEM_CALLS, and AUDIT_ARCH_… of linux/audit.h."""


def set_limits(*, address_space: int, cpu_seconds: int) -> None:
    """Limits memory (bytes) and CPU time, allows 16 open files, and forbids new processes and writing files.

    A limit that the system doesn't support is left out.
    """
    import resource  # noqa: PLC0415

    for what, soft, hard in (
        (resource.RLIMIT_AS, address_space, address_space),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),  # SIGXCPU, a second later SIGKILL
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 16, 16),
        (resource.RLIMIT_NPROC, 0, 0),
    ):
        with suppress(ValueError, OSError):  # macOS has RLIMIT_AS but refuses to set it
            resource.setrlimit(what, (soft, hard))


def prefer_oom_kill() -> None:
    """Makes the kernel kill this process before its parent when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def install_seccomp_filter() -> bool:
    """Forbids opening files and sockets, and, where a filter can be set, starting and signalling processes (EPERM).

    Returns False when the parent process can still be read: its environment (/proc/PID/environ) holds the secrets.
    AWS Lambda is said to refuse prctl(2), and so any filter; there the limit on open files has to be enough.
    """
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415
    import resource  # noqa: PLC0415

    libc, parent = ctypes.CDLL(None, use_errno=True), os.getppid()
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if platform.machine() in _MACHINES:
        _set_filter(libc, _filter_program(platform.machine()))
    return not _can_read(libc, parent)


def _set_filter(libc: ctypes.CDLL, program: bytes) -> None:
    """Tries to set the filter; whether it worked is checked afterwards, by `_can_read`."""
    import ctypes  # noqa: PLC0415

    instructions = ctypes.create_string_buffer(program)
    sock_fprog = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions)))
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.prctl(*_SET_FILTER, ctypes.addressof(sock_fprog), 0, 0)


def _can_read(libc: ctypes.CDLL, process: int) -> bool:
    """Whether the environment or the memory of `process` can be read; if so, it could be traced, too.

    Source: process_vm_readv(2).
    """
    import ctypes  # noqa: PLC0415

    with suppress(OSError), Path(f"/proc/{process}/environ").open("rb"):
        return True
    nothing = ctypes.create_string_buffer(struct.pack("@PN", 0, 1))  # one byte at address 0, which is never mapped
    libc.process_vm_readv.argtypes = [ctypes.c_int, *[ctypes.c_void_p, ctypes.c_ulong] * 2, ctypes.c_ulong]
    is_read = libc.process_vm_readv(process, nothing, 1, nothing, 1, 0) != -1
    return is_read or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS)


def _filter_program(machine: str) -> bytes:
    """A BPF program for the kernel: it allows `_SYSTEM_CALLS` of this architecture and refuses every other call."""
    column, architecture = _MACHINES[machine]
    steps = [
        (_LOAD, 0, 0, 4),  # seccomp_data.arch
        (_JUMP_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, 0),  # seccomp_data.nr
    ]
    for numbers in _SYSTEM_CALLS.values():
        steps += [(_JUMP_IF_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)

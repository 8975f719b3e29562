"""Takes from a process what it no longer needs, before it looks at bytes that somebody else made.

Sources: setrlimit(2), proc(5) and, for the filter of system calls, the kernel's `seccomp_filter.rst`; it is
Linux's alone. With another uid it would be simpler, but Lambda has only one.
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

_NO_NEW_PRIVILEGES: Final = 38  # PR_SET_NO_NEW_PRIVS, without which a filter is root's to set
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
"""Those that reach no further than the process and its open pipes: their numbers on x86_64 and on aarch64."""
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""The column above, and AUDIT_ARCH_… of linux/audit.h."""


def limit(*, address_space: int, cpu_seconds: int) -> None:
    """Bounds memory (bytes) and CPU time, open files to 16, new processes and what is written to none: where it can."""
    import resource  # noqa: PLC0415

    for what, soft, hard in (
        (resource.RLIMIT_AS, address_space, address_space),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),  # SIGXCPU, a second later SIGKILL
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 16, 16),
        (resource.RLIMIT_NPROC, 0, 0),
    ):
        with suppress(ValueError, OSError):  # macOS knows RLIMIT_AS and refuses it
            resource.setrlimit(what, (soft, hard))


def prefer_oom_kill() -> None:
    """When memory runs out, the kernel ends this process rather than its parent."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def install_seccomp_filter() -> bool:
    """From now on nothing can be opened or connected; nor started or signalled, where a filter can be set: EPERM.

    False where its parent is in reach all the same. Without it, a process without secrets in its environment finds them
    in its parent's (/proc/PID/environ). AWS Lambda is said to refuse prctl(2), so any filter: there the limit must do.
    """
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415
    import resource  # noqa: PLC0415

    libc, parent = ctypes.CDLL(None, use_errno=True), os.getppid()
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if platform.machine() in _MACHINES:
        _set_filter(libc, _program(platform.machine()))
    return not _reaches(libc, parent)


def _set_filter(libc: ctypes.CDLL, program: bytes) -> None:
    """Tries to; what came of it is asked afterwards."""
    import ctypes  # noqa: PLC0415

    kept = ctypes.create_string_buffer(program)
    described = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(kept)))
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    libc.prctl(*_SET_FILTER, ctypes.addressof(described), 0, 0)


def _reaches(libc: ctypes.CDLL, process: int) -> bool:
    """Whether its environment can be opened, or its memory read: then it could be traced, too (process_vm_readv(2))."""
    import ctypes  # noqa: PLC0415

    with suppress(OSError), Path(f"/proc/{process}/environ").open("rb"):
        return True
    nothing = ctypes.create_string_buffer(struct.pack("@PN", 0, 1))  # one byte at the address 0, which nobody has
    libc.process_vm_readv.argtypes = [ctypes.c_int, *[ctypes.c_void_p, ctypes.c_ulong] * 2, ctypes.c_ulong]
    is_read = libc.process_vm_readv(process, nothing, 1, nothing, 1, 0) != -1
    return is_read or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS)


def _program(machine: str) -> bytes:
    """For the kernel's packet filter: refuse another architecture's calls, allow ours, refuse the rest."""
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

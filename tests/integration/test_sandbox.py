"""The sandbox: what a process may still do in it, and what it may not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the filter of system calls is Linux's")

ATTEMPTS = """
import json, os, socket, sys
from clipferry.media import sandbox

def error_number(attempt):
    try:
        attempt()
    except OSError as error:
        return error.errno
    return 0

sandboxed = sys.argv[1] == "sandboxed" and sandbox.install_seccomp_filter()
print(json.dumps({
    "sandboxed": sandboxed,
    "read its parent's environment": error_number(lambda: open(f"/proc/{os.getppid()}/environ", "rb").read()),
    "open a file": error_number(lambda: open(os.devnull)),
    "open a socket": error_number(socket.socket),
    "signal its parent": error_number(lambda: os.kill(os.getppid(), 0)),
    "start a process": error_number(lambda: os.waitpid(os.fork() or os._exit(0), 0)),
    "start a program": error_number(lambda: os.execv(sys.executable, [sys.executable, "-c", ""])) if sandboxed else 0,
    "read its standard input": error_number(lambda: os.read(0, 1)),
    "allocate memory": len(bytearray(1 << 26)) >> 26,
}))
"""


def run(code: str, *arguments: str) -> dict[str, int]:
    done = subprocess.run([sys.executable, "-c", code, *arguments], input=b"film", stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@on_linux
@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="its system calls aren't in the table")
def test_a_sandboxed_process_can_only_read_its_input_and_use_its_memory() -> None:
    assert run(ATTEMPTS, "sandboxed") == {
        "sandboxed": True,
        "read its parent's environment": 1,
        "open a file": 1,
        "open a socket": 1,
        "signal its parent": 1,
        "start a process": 1,
        "start a program": 1,
        "read its standard input": 0,
        "allocate memory": 1,
    }


@on_linux
def test_without_the_sandbox_a_child_process_can_read_its_parents_environment() -> None:
    assert run(ATTEMPTS, "free")["read its parent's environment"] == 0


def test_resource_limits_are_set() -> None:
    limits = run(
        "import json, resource\n"
        "from clipferry.media import sandbox\n"
        "sandbox.set_limits(address_space=1 << 29, cpu_seconds=10)\n"
        "names = ('AS', 'CPU', 'FSIZE', 'CORE', 'NOFILE', 'NPROC')\n"
        "print(json.dumps({name: resource.getrlimit(getattr(resource, f'RLIMIT_{name}')) for name in names}))"
    )

    if sys.platform != "linux":
        del limits["AS"]
    expected = {"AS": [1 << 29] * 2, "CPU": [10, 11], "FSIZE": [0, 0], "CORE": [0, 0], "NOFILE": [16, 16]}
    assert limits == {name: expected.get(name, [0, 0]) for name in limits}


@on_linux
def test_the_kernel_kills_a_sandboxed_process_first_when_memory_runs_out() -> None:
    score = run(
        "from clipferry.media import sandbox\nsandbox.prefer_oom_kill()\nprint(open('/proc/self/oom_score_adj').read())"
    )

    assert score == 1000


@on_linux
def test_the_table_of_system_calls_has_the_numbers_of_this_architecture() -> None:
    """Calls getpid by its number in the table."""
    from clipferry.media.sandbox import _MACHINES, _SYSTEM_CALLS

    if platform.machine() not in _MACHINES:
        pytest.skip("its system calls aren't in the table")
    column, _ = _MACHINES[platform.machine()]
    pid = os.getpid()
    import ctypes

    assert ctypes.CDLL(None).syscall(_SYSTEM_CALLS["getpid"][column]) == pid

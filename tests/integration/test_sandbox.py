"""A confined process, beside one that isn't: what it may still do, and what it may not."""

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
from clipferry import confinement

def tried(attempt):
    try:
        attempt()
    except OSError as error:
        return error.errno
    return 0

confined = sys.argv[1] == "confined" and confinement.install_seccomp_filter()
print(json.dumps({
    "confined": confined,
    "read its parent's environment": tried(lambda: open(f"/proc/{os.getppid()}/environ", "rb").read()),
    "open a file": tried(lambda: open(os.devnull)),
    "open a socket": tried(socket.socket),
    "signal its parent": tried(lambda: os.kill(os.getppid(), 0)),
    "start a process": tried(lambda: os.waitpid(os.fork() or os._exit(0), 0)),
    "start a program": tried(lambda: os.execv(sys.executable, [sys.executable, "-c", ""])) if confined else 0,
    "read what it was given": tried(lambda: os.read(0, 1)),
    "take memory": len(bytearray(1 << 26)) >> 26,
}))
"""


def run(code: str, *arguments: str) -> dict[str, int]:
    done = subprocess.run([sys.executable, "-c", code, *arguments], input=b"film", stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@on_linux
@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="its system calls aren't in the table")
def test_confined_process_reaches_nothing_beyond_itself() -> None:
    assert run(ATTEMPTS, "confined") == {
        "confined": True,
        "read its parent's environment": 1,
        "open a file": 1,
        "open a socket": 1,
        "signal its parent": 1,
        "start a process": 1,
        "start a program": 1,
        "read what it was given": 0,
        "take memory": 1,
    }


@on_linux
def test_without_confinement_a_child_reads_its_parents_secrets() -> None:
    assert run(ATTEMPTS, "free")["read its parent's environment"] == 0


def test_limits_are_set() -> None:
    limits = run(
        "import json, resource\n"
        "from clipferry import confinement\n"
        "confinement.limit(address_space=1 << 29, cpu_seconds=10)\n"
        "names = ('AS', 'CPU', 'FSIZE', 'CORE', 'NOFILE', 'NPROC')\n"
        "print(json.dumps({name: resource.getrlimit(getattr(resource, f'RLIMIT_{name}')) for name in names}))"
    )

    if sys.platform != "linux":
        del limits["AS"]
    expected = {"AS": [1 << 29] * 2, "CPU": [10, 11], "FSIZE": [0, 0], "CORE": [0, 0], "NOFILE": [16, 16]}
    assert limits == {name: expected.get(name, [0, 0]) for name in limits}


@on_linux
def test_confined_process_is_the_first_to_go_when_memory_runs_out() -> None:
    score = run(
        "from clipferry import confinement\nconfinement.prefer_oom_kill()\n"
        "print(open('/proc/self/oom_score_adj').read())"
    )

    assert score == 1000


@on_linux
def test_table_of_system_calls_is_that_of_this_kernel() -> None:
    """Each number of the table is asked of the C library, which knows its own."""
    from clipferry.media.sandbox import _MACHINES, _SYSTEM_CALLS

    if platform.machine() not in _MACHINES:
        pytest.skip("its system calls aren't in the table")
    column, _ = _MACHINES[platform.machine()]
    pid = os.getpid()
    import ctypes

    assert ctypes.CDLL(None).syscall(_SYSTEM_CALLS["getpid"][column]) == pid

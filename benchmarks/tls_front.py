"""TLS in front of servers that have none, in a process of its own, so that its CPU time isn't measured.

PostgreSQL from PyPI is built without OpenSSL, and the fakes speak plain HTTP, and a deployed function always uses TLS.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 16
_SSL_REQUEST: Final = bytes.fromhex("00000008 04d2162f")
"""The first message of libpq with TLS (PostgreSQL, "Message Formats"), which is answered with S."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFront:
    """Ports on 127.0.0.1 that speak TLS for `localhost`, by the name of the server behind each."""

    ports: Mapping[str, int]

    def url(self, name: str) -> str:
        return f"https://localhost:{self.ports[name]}"


@contextmanager
def tls_front(certificate: Path, behind: Mapping[str, int]) -> Iterator[TlsFront]:
    """Runs a TLS port for each port of `behind`; the one named `postgres` begins TLS as PostgreSQL does."""
    order = json.dumps({"certificate": str(certificate), "behind": dict(behind)})
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.tls_front", order], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # leaving it closes its input, with which it ends
        assert process.stdout is not None
        yield TlsFront(ports=json.loads(process.stdout.readline()))


async def _serve(certificate: Path, behind: Mapping[str, int]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    ports = {}
    for name, port in behind.items():
        listener = await asyncio.start_server(
            _joiner(port, tls if name == "postgres" else None),
            "127.0.0.1",
            0,
            ssl=None if name == "postgres" else tls,
        )
        ports[name] = listener.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


def _joiner(port: int, tls_on_request: ssl.SSLContext | None):
    async def join(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if tls_on_request is not None:
                assert await client.readexactly(8) == _SSL_REQUEST
                to_client.write(b"S")
                await to_client.drain()
                await to_client.start_tls(tls_on_request)
            server, to_server = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_carry(client, to_server), _carry(server, to_client))

    return join


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
    target.close()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(_serve(Path(given["certificate"]), given["behind"]))

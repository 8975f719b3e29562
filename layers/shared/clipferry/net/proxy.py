"""HTTPS through a proxy, as HTTPS_PROXY and NO_PROXY say: a tunnel (CONNECT), so that the proxy sees the address only.

What a source's name was resolved to is checked before, and the proxy is asked for that very address. Plain HTTP, which
is local development's, is never sent through a proxy. Source: RFC 9110 §9.3.6; NO_PROXY as curl reads it.
"""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from clipferry.errors import ConfigurationError
from clipferry.net.deadline import Deadline
from clipferry.net.request_head import USER_AGENT, Origin
from clipferry.net.response_head import BadResponseError, find_end, parse_head


class Proxy(NamedTuple):
    """A proxy that speaks plain HTTP. `authorization` is what Proxy-Authorization says, if anything."""

    name: str
    port: int
    authorization: str

    def open_tunnel(self, host: str, port: int, deadline: Deadline) -> socket.socket:
        """Returns a connection to `host`, which may be an address; raises OSError when the proxy gives none."""
        tunnel = socket.create_connection((self.name, self.port), timeout=deadline.remaining())
        try:
            tunnel.sendall(self._connect_request(host, port))
            self._check_answer(_read_head(tunnel, deadline), host)
        except BaseException:
            tunnel.close()
            raise
        return tunnel

    def _check_answer(self, head: bytes, host: str) -> None:
        status = parse_head(head).status
        if not 200 <= status <= 299:
            raise BadResponseError(f"the proxy {self.name}:{self.port} answered {status} for {host}")

    def _connect_request(self, host: str, port: int) -> bytes:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", f"User-Agent: {USER_AGENT}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return "\r\n".join([*lines, "", ""]).encode()


def _read_head(tunnel: socket.socket, deadline: Deadline) -> bytes:
    """Reads byte by byte: what comes behind the head is already the other side's."""
    received = b""
    while find_end(received, len(received) - 1) is None:
        tunnel.settimeout(deadline.remaining())
        piece = tunnel.recv(1)
        if not piece:
            raise BadResponseError("the proxy ended the connection")
        received += piece
    return received


def find_addresses(origin: Origin) -> Sequence[Any]:
    """Returns where to connect to, in `getaddrinfo`'s form; a proxy looks the name up itself."""
    if proxy_for(origin) is not None:
        return [(socket.AF_UNSPEC, socket.SOCK_STREAM, 0, "", (origin.name, origin.port))]
    return socket.getaddrinfo(origin.name, origin.port, type=socket.SOCK_STREAM)


def proxy_for(origin: Origin, environ: Mapping[str, str] | None = None) -> Proxy | None:
    """Returns the proxy for requests to `origin`, None where they go straight; `environ` is the process's by default.

    Raises ConfigurationError for a proxy that isn't `http://[user:password@]host[:port]`; its words show no password.
    """
    variables = os.environ if environ is None else environ
    address = (variables.get("https_proxy") or variables.get("HTTPS_PROXY") or "").strip()
    excluded = variables.get("no_proxy") or variables.get("NO_PROXY") or ""
    if not address or not origin.secure or _is_excluded(origin, excluded):
        return None
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port, parts = None, None, urlsplit("")
    if parts.scheme != "http" or not name:
        raise ConfigurationError("HTTPS_PROXY must be http://host:port; no other kind of proxy is supported")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Proxy(name, port or 80, f"Basic {basic}" if parts.username else "")


def _is_excluded(origin: Origin, no_proxy: str) -> bool:
    name = origin.name.lower()
    if name in ("localhost", "::1") or name.startswith("127."):
        return True
    return any(_covers(entry, name, origin.port) for entry in no_proxy.lower().replace(",", " ").split())


def _covers(entry: str, name: str, port: int) -> bool:
    """Whether an element of NO_PROXY (`*`, `example.com`, `.example.com`, `example.com:443`) names this host."""
    host, _, only_port = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
    if only_port not in ("", str(port)):
        return False
    suffix = host.removeprefix("*").removeprefix(".")
    return host == "*" or (bool(suffix) and (name == suffix or name.endswith(f".{suffix}")))

"""Tells public addresses from special ones. IANA's registries are written out, because Python's differ by version."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_SPECIAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this host: connecting there reaches loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; also some clouds' metadata
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, AWS's metadata and credentials among it
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # Teredo (any IPv4 address inside), benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: any IPv4 address inside
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_INNER_NAMES = (
    *("localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "localdomain"),
    *("home.arpa", "onion", "invalid"),
)
"""Domains that never lead to a public host: RFC 6761, 6762, 7686 and 8375, ICANN's `internal`, and usual inner ones."""
_NUMBER = "[0-9]+|0[xX][0-9a-fA-F]*"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an untrusted URL may lead there. IPv4 inside IPv6 isn't public, except NAT64's form of a public one."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL_V4)
    if address in _NAT64:  # how an IPv6-only network reaches IPv4
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _GLOBAL_V6 and not any(address in block for block in _SPECIAL_V6)


def may_be_public(host: str) -> bool:
    """Whether a host's text may lead to a public address; it looks nothing up.

    An address in any spelling that a client may read as one (`127.1`, `2130706433`, `0x7f000001`) is judged as
    `is_public` does, and a name by its domain. What a name resolves to, only whoever connects can judge.
    """
    name = host.rstrip(".").lower()
    labels = name.split(".")
    if re.fullmatch(_NUMBER, labels[-1]):  # to a browser such a host is an IPv4 address, or nothing
        address = _ipv4(name)
        return address is not None and is_public(address)
    return len(labels) > 1 and not any(name.endswith(f".{inner}") for inner in _INNER_NAMES)


def _ipv4(text: str) -> IPv4Address | None:
    """Reads what `connect` takes for an IPv4 address: one to four numbers, decimal, octal or hexadecimal."""
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None

"""Tells public addresses from special ones. IANA's registries are written out, because Python's differ by version."""

from __future__ import annotations

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


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an untrusted URL may lead there. IPv4 inside IPv6 isn't public, except NAT64's form of a public one."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL_V4)
    if address in _NAT64:  # how an IPv6-only network reaches IPv4
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _GLOBAL_V6 and not any(address in block for block in _SPECIAL_V6)

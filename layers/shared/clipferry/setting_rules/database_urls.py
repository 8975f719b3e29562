"""What a database's address says, as libpq reads it: a URL, or a list of `name=value`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote

_URL: Final = re.compile(r"postgres(?:ql)?://(?:[^@/]*@)?(?P<hosts>[^/?]*)(?:/[^?]*)?(?:\?(?P<query>.*))?", re.DOTALL)
_PAIR: Final = re.compile(r"(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))")
_ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})
"""The modes that never go on without TLS (PostgreSQL, "SSL Support", table "SSL Mode Descriptions")."""


def is_encrypted(text: str) -> bool:
    """Whether no password or row can cross a network in clear. A connection within this machine crosses none."""
    given = _parameters(text)
    is_tls = given.get("sslmode") in _ENCRYPTED or (given.get("sslrootcert") == "system" and "sslmode" not in given)
    return is_tls or all(map(_is_here, (given.get("hostaddr") or given.get("host") or "").split(",")))


def passwords(text: str) -> set[str]:
    """Passwords in a database's address, both as they are written there and percent-decoded."""
    written = re.findall(r"^postgres(?:ql)?://[^:/@]*:(.*)@|\bpassword\s*=\s*(?:'([^']*)'|([^'\s]+))", text)
    found = {password for groups in written for password in groups if password}
    return found | {unquote(password) for password in found}


def _is_here(host: str) -> bool:
    return host in ("", "localhost", "::1") or host[0] in "/@" or re.fullmatch(r"127(\.\d+){3}", host) is not None


def _parameters(text: str) -> dict[str, str]:
    """The parameters by name; where one comes twice, libpq takes the last."""
    url = _URL.fullmatch(text)
    if url is None:
        return {name: quoted or plain for name, quoted, plain in _PAIR.findall(text)}
    return {"host": ",".join(_hosts(url["hosts"])), **dict(parse_qsl(url["query"] or ""))}


def _hosts(places: str) -> Iterator[str]:
    for place in unquote(places).split(","):
        bracketed = re.match(r"\[(.*)\]", place)
        yield bracketed[1] if bracketed else place.partition(":")[0]

"""The certificate authorities that a database's certificate is checked against.

libpq checks it with `sslmode=verify-full` alone, and looks for authorities in ~/.postgresql, or with
`sslrootcert=system` in the folder of its own OpenSSL. psycopg's wheel brings an OpenSSL whose folder,
/usr/lib/psycopg-openssl, is nowhere; so the file that Python's own OpenSSL or the system has is named to it.

Source: "SSL Support" in libpq's documentation.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

BUNDLES: Final = (
    "/etc/pki/tls/certs/ca-bundle.crt",  # Lambda, Amazon Linux, Fedora
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/ssl/cert.pem",  # macOS
)
CHECKED: Final = "verify-full"
_SYSTEM: Final = "system"


def parameters(url: str) -> dict[str, Any]:
    """Returns the parameters to add to the URL's: none where it names a file of its own, or asks for no check."""
    given = _parsed(url)
    root = given.get("sslrootcert")
    if root not in (None, _SYSTEM) or (root is None and given.get("sslmode") != CHECKED):
        return {}
    found = _bundle()
    return {"sslmode": CHECKED, "sslrootcert": found} if found else {}


def are_checked(url: str) -> bool:
    """Whether the server has to prove that it is the host of the URL. A server on this machine needn't."""
    given = _parsed(url)
    host = str(given.get("host") or "")
    is_here = not host or host.startswith(("/", "@", "127.", "::1")) or host == "localhost"
    return is_here or given.get("sslrootcert") == _SYSTEM or given.get("sslmode") == CHECKED


def _parsed(url: str) -> dict[str, str | int | None]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:  # the connection says what is wrong
        return {}


def _bundle() -> str | None:
    own = ssl.get_default_verify_paths().cafile  # heeds SSL_CERT_FILE
    return next((path for path in (own, *BUNDLES) if path and Path(path).is_file()), None)

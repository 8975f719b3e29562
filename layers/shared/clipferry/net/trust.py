"""The certificate authorities that are trusted.

Reading the system's bundle of 140 costs 28 ms of CPU in every new process; aws-lambda-base-images' issue 154 has 600 ms
for a Lambda of 128 MB. Of a folder whose files are named by the hash of their subject OpenSSL reads only what a
connection needs. The layer is built with one, of Mozilla's list as certifi packs it.
"""

from __future__ import annotations

import functools
import os
import ssl
from typing import Final

ROOTS: Final = f"{__file__.removesuffix('trust.py')}roots"
"""Not a Path: importing pathlib would cost 3 ms of each cold start."""
_OWNERS_CHOICE: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_LAMBDAS_BUNDLE: Final = "/etc/pki/tls/certs/ca-bundle.crt"
"""In SSL_CERT_FILE it is the runtime's choice, and the same list."""
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's X509_V_ERR codes for a chain that ends at none of the authorities."""


@functools.cache
def default_tls() -> ssl.SSLContext:
    """Returns the process's only context: the layer's authorities, where it has them and the owner names no others."""
    chosen = [value for name in _OWNERS_CHOICE if (value := os.environ.get(name))]
    if not os.path.isdir(ROOTS) or chosen not in ([], [_LAMBDAS_BUNDLE]):  # noqa: PTH112
        return system_tls()
    return ssl.create_default_context(capath=ROOTS)


@functools.cache
def system_tls() -> ssl.SSLContext:
    """Returns the context with the system's authorities."""
    return ssl.create_default_context()


def may_be_known_to_the_system(error: ssl.SSLCertVerificationError) -> bool:
    """Whether the authority is none of the layer's: it may be newer, and the system's list renews itself."""
    return error.verify_code in _UNKNOWN_AUTHORITY and default_tls() is not system_tls()

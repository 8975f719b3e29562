"""Whether the database has to prove that it is the one that the URL names."""

from __future__ import annotations

from cli.doctor.findings import CheckFailedError
from clipferry.db import server_certificates


def check(urls: dict[str, str]) -> str:
    """Returns a sentence; raises CheckFailedError that names the settings without a check."""
    unchecked = [name for name, url in urls.items() if not server_certificates.are_checked(url)]
    if unchecked:
        raise CheckFailedError(f"nobody checks the database's certificate: {', '.join(unchecked)}")
    return "the database's certificate is checked, or it is on this machine"

"""The tools that are compared: each is called as its users call it, with the settings that R2 needs."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.mirror.ends import BUCKET, HERE, Ends

AWS_CONFIG: Final = """[default]
request_checksum_calculation = when_required
response_checksum_validation = when_required
s3 =
    payload_signing_enabled = false
    addressing_style = path
"""
"""Without it R2 refuses what `aws` and boto3 send: checksums as trailers of a chunked body."""
OURS: Final = "clipferry"
CHECKED: Final = "clipferry, Content-MD5"
WARM: Final = "clipferry, warm"
LIMIT: Final = "the limit (C)"
BAREST: Final = "the barest Python loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool; `command` is given source and bucket, a size in bytes and the key to write."""

    name: str
    command: Callable[[Ends, int, str], list[str]]


def all_of_them(peers: Path) -> list[Tool]:
    """All tools, with their programs in the folder `peers`. Raises FileNotFoundError for a missing one."""
    rclone, s5cmd, aws, python = (_program(peers, name) for name in ("rclone", "s5cmd", "aws", "python"))
    curl = _program(Path("/usr/bin"), "curl")
    return [
        Tool(name=LIMIT, command=_limit),
        Tool(name=BAREST, command=_barest),
        Tool(name=OURS, command=_ours),
        Tool(name="rclone copyurl", command=lambda ends, size, key: _rclone(rclone, ends, size, key)),
        Tool(
            name="curl, s5cmd pipe",
            command=lambda ends, size, key: _piped(
                curl, ends, size, f"{s5cmd} --log error --endpoint-url {ends.sink_url} pipe s3://{BUCKET}/{key}"
            ),
        ),
        Tool(
            name="curl, aws s3 cp -",
            command=lambda ends, size, key: _piped(
                curl, ends, size, f"{aws} s3 cp - s3://{BUCKET}/{key} --endpoint-url {ends.sink_url} --quiet"
            ),
        ),
        Tool(
            name="requests + boto3",
            command=lambda ends, size, key: [python, str(HERE / "naive.py"), ends.film_url(size), ends.sink_url, key],
        ),
    ]


def checked_by_the_bucket() -> Tool:
    """The mirror with an MD5 for every part, which the bucket checks."""
    return Tool(name=CHECKED, command=lambda ends, size, key: [*_ours(ends, size, key), "--content-md5"])


def _limit(ends: Ends, size: int, key: str) -> list[str]:
    return [str(ends.folder / "limit"), *_numbers(ends, size), key, str(ends.authorities)]


def _barest(ends: Ends, size: int, key: str) -> list[str]:
    return [sys.executable, str(HERE / "barest.py"), *_numbers(ends, size), key, str(ends.authorities)]


def _numbers(ends: Ends, size: int) -> list[str]:
    return [str(number) for number in (ends.source_port, ends.sink_port, size)]


def _ours(ends: Ends, size: int, key: str) -> list[str]:
    return [sys.executable, "-m", "clipferry", "--allow-loopback", "--quiet", ends.film_url(size), key]


def _rclone(program: str, ends: Ends, size: int, key: str) -> list[str]:
    remote = f":s3,provider=Cloudflare,endpoint='{ends.sink_url}',access_key_id=key,secret_access_key=secret"
    remote += ",region=auto,no_check_bucket=true"
    return [program, "copyurl", ends.film_url(size), f"{remote}:{BUCKET}/{key}", "--ca-cert", str(ends.authorities)]


def _piped(curl: str, ends: Ends, size: int, into: str) -> list[str]:
    return ["sh", "-c", f"{curl} -sSf {shlex.quote(ends.film_url(size))} | {into}"]


def _program(folder: Path, name: str) -> str:
    found = shutil.which(name, path=str(folder)) or (shutil.which(name) if name == "curl" else None)
    if found is None:
        raise FileNotFoundError(f"{name} isn't in {folder}")
    return found

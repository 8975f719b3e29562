"""`python -m clipferry SOURCE KEY`: mirrors one file, from a URL into the bucket that STORAGE_* names.

Exit status: 0 done, 1 the source failed, 2 wrong usage or configuration, 3 the storage failed, 4 out of time.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from clipferry.aws.sigv4 import Credentials
from clipferry.errors import ClipferryError, ConfigurationError, SourceError
from clipferry.net.safe_get import Rules
from clipferry.s3.client import Bucket
from clipferry.s3.retry import TransferInterruptedError
from clipferry.setting_rules.bucket_settings import read_bucket_settings
from clipferry.transfer.bottleneck import owned_cpus
from clipferry.transfer.interface import WORKERS, TransferConfig, TransferResult
from clipferry.transfer.mirror import TRANSFER_SECONDS, Mirror

HELP_COLUMNS = 100
PROGRESS_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Mirrors one file; prints progress to standard error and the result to standard output."""
    parser = argparse.ArgumentParser(
        prog="python -m clipferry",
        description="Mirrors one MP4 into the bucket.",
        # To ask how wide the terminal is, it would import shutil, and with it bz2 and lzma: 4 ms of each run.
        formatter_class=functools.partial(argparse.HelpFormatter, width=HELP_COLUMNS),
    )
    parser.add_argument("source", metavar="SOURCE", help="its https:// URL")
    parser.add_argument("key", metavar="KEY", help="where it goes: videos/name.mp4")
    parser.add_argument("--workers", type=int, default=WORKERS, help="how many at the most (default %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=TRANSFER_SECONDS, help="time for all of it (default %(default)s)"
    )
    parser.add_argument("--content-md5", action="store_true", help="have the bucket check each part")
    parser.add_argument("--allow-loopback", action="store_true", help="plain HTTP, and addresses of this machine")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()
    try:
        workers = max(chosen.workers, 1)
        config = TransferConfig(workers=workers, cpus=owned_cpus(os.environ), content_md5=chosen.content_md5)
        mirror = mirror_from(os.environ, allow_loopback=chosen.allow_loopback, config=config)
        result = mirror.transfer(
            source_url=chosen.source,
            key=chosen.key,
            on_chunk=None if chosen.quiet or not sys.stderr.isatty() else _ProgressPrinter(),
            deadline=chosen.seconds,
        )
    except ClipferryError as error:
        from clipferry.observability.control_characters import escape_controls  # noqa: PLC0415 (70 ms, with its logs)

        print(escape_controls(f"{error.code}: {error}"), file=sys.stderr)  # noqa: T201
        return _status(error)
    print(summary(result, time.monotonic() - begun))  # noqa: T201
    return 0


def mirror_from(environ: Mapping[str, str], *, allow_loopback: bool, config: TransferConfig) -> Mirror:
    """Returns what mirrors into the bucket that STORAGE_* name; raises ConfigurationError as `BucketSettings` does."""
    settings = read_bucket_settings(environ, plain_http=allow_loopback)
    bucket = Bucket(
        endpoint=settings.endpoint,
        region=settings.region,
        credentials=Credentials(access_key=settings.access_key, secret_key=settings.secret_key),
        name=settings.bucket,
        stall_seconds=config.stall_seconds,
    )
    return Mirror(bucket, Rules(allow_loopback=allow_loopback), config)


def summary(result: TransferResult, seconds: float) -> str:
    """Returns one line: bytes, hash, time, speed, workers."""
    speed = result.size / 1e6 / max(seconds, 1e-9)
    return f"{result.size} bytes  sha256 {result.sha256}  {seconds:.3f} s  {speed:.1f} MB/s  {result.workers} workers"


def _status(error: ClipferryError) -> int:
    if isinstance(error, TransferInterruptedError):
        return 4
    if isinstance(error, ConfigurationError):
        return 2
    return 1 if isinstance(error, SourceError) else 3


class _ProgressPrinter:
    """Prints bytes and speed to standard error, once a second."""

    def __init__(self) -> None:
        self._bytes = 0
        self._begun = self._printed = time.monotonic()

    def __call__(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        now = time.monotonic()
        if now - self._printed >= PROGRESS_SECONDS:
            self._printed = now
            speed = self._bytes / 1e6 / (now - self._begun)
            print(f"{self._bytes / 1e6:.0f} MB, {speed:.0f} MB/s", file=sys.stderr)  # noqa: T201


def _end(status: int) -> NoReturn:
    """Ends the process at once: to take the interpreter apart would take 7 ms, and nothing is left to be done."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _end(main())

"""`clipferry mirror`: copies one file from a URL into the bucket."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli.confirmation import Yes, confirm
from cli.errors import sentence
from cli.output import Json, print_result, progress_console, stop
from cli.settings import storage_environment
from clipferry.__main__ import summary
from clipferry.errors import ConfigurationError
from clipferry.observability.control_characters import escape_controls
from clipferry.setting_rules.bucket_settings import read_bucket_settings
from clipferry.storage import Storage
from clipferry.transfer.bottleneck import owned_cpus
from clipferry.transfer.interface import WORKERS, TransferConfig
from clipferry.transfer.mirror import TRANSFER_SECONDS


def mirror(
    source: Annotated[str, typer.Argument(metavar="URL", help="The file's https:// URL.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The object's key in the bucket, such as videos/name.mp4.")],
    workers: Annotated[int, typer.Option(min=1, max=64, help="The largest number of parallel transfers.")] = WORKERS,
    seconds: Annotated[float, typer.Option(min=1, help="The time limit for the whole transfer.")] = TRANSFER_SECONDS,
    allow_loopback: Annotated[
        bool, typer.Option("--allow-loopback", help="Allow plain HTTP and addresses of this machine.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Copies a file from a URL into the bucket of STORAGE_*, as mirror_video does. The database isn't changed."""
    try:
        config = TransferConfig(workers=workers, cpus=owned_cpus(os.environ))
        settings = read_bucket_settings(storage_environment(), plain_http=allow_loopback)
        storage = Storage(**settings._asdict(), allow_loopback=allow_loopback, config=config)
    except ConfigurationError as error:
        stop(sentence(error))
    try:
        existing = storage.head(key)
        replaced = f", replacing the {existing.size} bytes that are there" if existing else ""
        confirm(f"Copy {source.partition('?')[0]} to {key}{replaced}?", yes)
        started = time.monotonic()
        with _progress_bar() as bar:
            task = bar.add_task(escape_controls(key), total=None)
            done = storage.transfer(
                source_url=source,
                key=key,
                on_chunk=lambda chunk: bar.advance(task, len(chunk)),
                deadline=seconds,
            )
    finally:
        storage.close()
    took = time.monotonic() - started
    print_result(
        storage.public_url(key),
        summary(done, took),
        as_json=as_json,
        key=key,
        url=storage.public_url(key),
        size=done.size,
        sha256=done.sha256,
        seconds=round(took, 3),
    )


def _progress_bar() -> Progress:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=progress_console, disable=not progress_console.is_terminal, transient=True)

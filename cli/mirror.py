"""`clipferry mirror`: one file from a URL into the bucket, by hand."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cli.confirmation import Yes, confirm
from cli.output import Json, progress_console, say
from cli.settings import of_the_bucket
from clipferry import __main__ as by_hand
from clipferry.errors import ConfigurationError
from clipferry.storage import TRANSFER_SECONDS
from clipferry.transfer.bottleneck import owned_cpus
from clipferry.transfer.interface import WORKERS, TransferConfig


def mirror(
    source: Annotated[str, typer.Argument(metavar="URL", help="The file's https:// address.")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="Where it goes: videos/name.mp4")],
    workers: Annotated[int, typer.Option(min=1, max=64, help="At the most.")] = WORKERS,
    seconds: Annotated[float, typer.Option(min=1, help="For all of it.")] = TRANSFER_SECONDS,
    allow_loopback: Annotated[bool, typer.Option("--allow-loopback", help="Plain HTTP, and this machine.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Mirror an MP4 into the bucket that STORAGE_* names, as the function does it; no video's row changes."""
    try:
        config = TransferConfig(workers=workers, cpus=owned_cpus(os.environ))
        storage = by_hand.storage_from(of_the_bucket(), allow_loopback=allow_loopback, config=config)
    except ConfigurationError as error:
        typer.echo(f"{error.message} {error}", err=True)
        raise typer.Exit(2) from None
    try:
        there = storage.head(key)
        replaced = f", in place of the {there.size} bytes there" if there else ""
        confirm(f"Write {source.partition('?')[0]} to {key}{replaced}?", yes)
        begun = time.monotonic()
        with _bar() as bar:
            task = bar.add_task(key, total=None)
            done = storage.transfer(
                source_url=source,
                key=key,
                on_chunk=lambda chunk: bar.advance(task, len(chunk)),
                deadline=seconds,
            )
    finally:
        storage.close()
    took = time.monotonic() - begun
    say(
        f"{storage.public_url(key)}\n{by_hand.summary(done, took)}",
        as_json=as_json,
        key=key,
        url=storage.public_url(key),
        size=done.size,
        sha256=done.sha256,
        seconds=round(took, 3),
    )


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=progress_console, disable=not progress_console.is_terminal, transient=True)

"""Moves files from their sources into one bucket; begins again where a source has changed meanwhile."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, Unpack

from clipferry.net.deadline import Deadline
from clipferry.net.safe_get import Rules
from clipferry.s3.client import Bucket
from clipferry.s3.retry import Retries
from clipferry.transfer.engine import Transfer
from clipferry.transfer.interface import TransferConfig, TransferOptions, TransferResult
from clipferry.transfer.part_io import TransferContext
from clipferry.transfer.ranged_source import RangedSource
from clipferry.transfer.source_answers import SourceChangedError

TRANSFER_SECONDS: Final = 900.0


class Mirror:
    """Moves files into `bucket`. `rules` say where they may be fetched from."""

    def __init__(self, bucket: Bucket, rules: Rules, config: TransferConfig) -> None:
        self._bucket = bucket
        self._rules = rules
        self._config = config

    def transfer(self, *, source_url: str, key: str, **options: Unpack[TransferOptions]) -> TransferResult:
        """Streams the MP4 at `source_url` to `key`, using one part of memory for each worker whatever its size.

        Doing it twice is harmless: the key is written over. With `on_progress` an interrupted transfer can be continued
        by giving its last value as `progress`; without, nothing is left behind on failure.
        A file that was replaced while it was being fetched is fetched once more, from the start. When it seems to have
        changed again, its server's ranges don't hold (behind a balancer each node may have its own ETag): then without.

        Raises what `safe_get.follow` raises, SourceError for a file that comes incomplete, SourceInvalidError for what
        isn't an MP4, before anything is written, and StorageError, TransferInterruptedError among them when the
        deadline is over.
        """
        deadline = Deadline(options.get("deadline", TRANSFER_SECONDS))
        restart = options.get("on_restart", lambda: None)
        with suppress(SourceChangedError):
            return self._attempt(source_url, key, options, deadline)
        again: TransferOptions = {**options, "progress": None}
        restart()
        with suppress(SourceChangedError):
            return self._attempt(source_url, key, again, deadline)
        restart()
        return self._attempt(source_url, key, again, deadline, ranges=False)

    def close(self) -> None:
        """Closes the idle connections to the bucket."""
        self._bucket.close()

    def _attempt(
        self, source_url: str, key: str, options: TransferOptions, deadline: Deadline, *, ranges: bool = True
    ) -> TransferResult:
        config = self._config
        source = RangedSource(
            source_url, rules=self._rules, deadline=deadline, stall_seconds=config.stall_seconds, ranges=ranges
        )
        retries = Retries(deadline=deadline, pause_seconds=config.pause_seconds)
        return Transfer(TransferContext(source, self._bucket, key, retries, config), options).run()

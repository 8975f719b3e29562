"""Metrics of how videos and mirrors end. Two are counted as 0 or 1, so that an alarm reads a share from one series.

`VideosCompleted` is 1 for a video that is completed and 0 for one that fails: its average is the share.
`SourceErrors` is 1 for a mirror that fails at the provider's file and 0 for one that is completed.
"""

from __future__ import annotations

from clipferry.errors import SourceError, StorageError
from clipferry.observability import count
from clipferry.verdicts import FailureCode


def count_completed() -> None:
    """Counts a video that is completed, and with it a mirror whose source was good."""
    count("VideosCompleted")
    count("SourceErrors", 0)


def count_failed(code: FailureCode) -> None:
    """Counts a failed video by its reason. A prompt against the rules or a cancel is the user's: no share sinks."""
    count("VideosFailed", reason=code.value)
    if code not in (FailureCode.CONTENT_POLICY, FailureCode.CANCELLED):
        count("VideosCompleted", 0)


def count_interrupted(error: SourceError | StorageError) -> None:
    """Counts a mirror that ended early and is tried again."""
    count("MirrorsInterrupted", reason=error.code)
    if error.blames_source:
        count("SourceErrors")

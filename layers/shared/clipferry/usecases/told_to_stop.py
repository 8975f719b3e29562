"""Reads what a provider says of a task that it was told to stop."""

from __future__ import annotations

from typing import Final

from clipferry.models import TaskReport, Video
from clipferry.verdicts import FailureCode, TaskState

_AS_CANCELLED: Final = (FailureCode.PROVIDER_FAILED, FailureCode.TIMED_OUT)
"""Why such a task seems to have ended, where its provider has no word for it."""


def report_if_not_found(video: Video) -> TaskReport | None:
    """What was told to stop while it waited is taken out of the queue, and not known afterwards."""
    if not video.is_cancel_asked:
        return None
    return TaskReport(state=TaskState.FAILED, failure=FailureCode.CANCELLED, detail="not known after the cancel")


def failure_of(video: Video, code: FailureCode) -> FailureCode:
    return FailureCode.CANCELLED if video.is_cancel_asked and code in _AS_CANCELLED else code

"""How the end of a video and of a mirror is counted, for alarms that read a share from one series."""

from __future__ import annotations

import pytest

from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError, StorageError
from clipferry.outcome_metrics import count_completed, count_failed, count_interrupted
from clipferry.s3.retry import BucketRefusedError, TransferInterruptedError
from clipferry.verdicts import FailureCode
from tests.log_lines import captured, metrics


def test_a_completed_video_is_one_of_the_completed_and_none_of_the_sources_errors() -> None:
    with captured() as log:
        count_completed()
    assert metrics(log()) == [("VideosCompleted", 1, {}), ("SourceErrors", 0, {})]


@pytest.mark.parametrize("code", FailureCode)
def test_a_failed_video_lowers_the_share_of_the_completed_unless_that_was_the_users_doing(
    code: FailureCode,
) -> None:
    with captured() as log:
        count_failed(code)
    share = [] if code in (FailureCode.CONTENT_POLICY, FailureCode.CANCELLED) else [("VideosCompleted", 0, {})]
    assert metrics(log()) == [("VideosFailed", 1, {"reason": code.value}), *share]


@pytest.mark.parametrize("kind", [SourceError, SourceGoneError, SourceInvalidError, TransferInterruptedError])
def test_a_mirror_that_the_source_interrupts_is_an_error_of_the_source(kind: type[SourceError | StorageError]) -> None:
    with captured() as log:
        count_interrupted(kind("late"))
    assert metrics(log()) == [("MirrorsInterrupted", 1, {"reason": kind.code}), ("SourceErrors", 1, {})]


def test_a_mirror_that_the_bucket_interrupts_is_none() -> None:
    with captured() as log:
        count_interrupted(BucketRefusedError("PUT", http_status=403, reason="AccessDenied"))
    assert metrics(log()) == [("MirrorsInterrupted", 1, {"reason": "STORAGE_UNAVAILABLE"})]

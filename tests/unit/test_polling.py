"""The rhythm of the questions: soon enough to notice, and slower with every failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipferry.polling import Polling


def polling(*, interval: float = 60) -> Polling:
    return Polling(
        submit_deadline_seconds=3900,
        generation_deadline_seconds=3600,
        upload_deadline_seconds=21600,
        reconcile_interval_seconds=interval,
        status_refresh_seconds=15,
    )


def test_what_one_run_pushed_forward_is_due_for_the_next() -> None:
    assert polling(interval=60).check_seconds == 45


@pytest.mark.parametrize(
    ("estimate", "seconds"),
    [(None, 45), (0, 45), (10, 45), (90, 45), (120, 60), (200, 100), (240, 120), (300, 120), (86_399, 120)],
)
def test_a_task_is_asked_about_half_way_through_its_estimate_within_two_minutes(
    estimate: int | None, seconds: float
) -> None:
    assert polling().first_check_seconds(estimate) == seconds


def test_a_local_stack_asks_as_often_as_it_runs() -> None:
    assert polling(interval=0.2).first_check_seconds(None) == pytest.approx(0.15)


def test_a_slow_schedule_leaves_nobody_waiting_for_more_than_two_minutes() -> None:
    assert polling(interval=3600).first_check_seconds(None) == 120


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 45), (1, 45), (2, 90), (3, 180), (5, 720), (6, 900), (7, 900)])
def test_a_failed_mirror_waits_twice_as_long_each_time_up_to_a_quarter_of_an_hour(
    attempts: int, seconds: float
) -> None:
    assert polling().mirror_again_seconds(attempts) == seconds


@given(attempts=st.integers(0, 10_000), interval=st.floats(0.01, 3600))
def test_no_number_of_failures_is_too_many_to_wait_for(attempts: int, interval: float) -> None:
    assert 0 < polling(interval=interval).mirror_again_seconds(attempts) <= 900

"""When the alarms go off, and when they don't, on days that a shop may have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.sam_template.intrinsics import parse
from tests.contract.cloudwatch import Alarm, Counted
from tests.contract.rules.deployed import REQUIRED, resolved
from tests.journeys import TIMING

ROOT = Path(__file__).parents[2]
HOUR, DAY = 3600.0, 24 * 3600.0
GIVEN_UP = TIMING.upload_deadline_seconds / HOUR


@pytest.fixture(scope="module")
def alarms() -> dict[str, Alarm]:
    made = resolved(parse((ROOT / "template.yaml").read_text(encoding="utf-8")), REQUIRED)
    found = {name: r["Properties"] for name, r in made.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    return {name: Alarm(properties) for name, properties in found.items()}


def interrupted(began: float, reason: str, *, until: float = math.inf, takes: float = 0) -> Iterator[Counted]:
    """A video's mirrors that fail until it is given up, or `until` the fault is over: then it is completed.

    Each takes so many seconds. Reconcile sends it again on the first whole minute after its wait.
    """
    at, attempt = began, 1
    while at < began + TIMING.upload_deadline_seconds:
        if at >= until:
            yield from done(at)
            return
        yield Counted(at + takes, "MirrorsInterrupted", dimensions={"reason": reason})
        if reason != "STORAGE_UNAVAILABLE":
            yield Counted(at + takes, "SourceErrors")
        at = math.ceil((at + takes + TIMING.mirror_again_seconds(attempt)) / 60) * 60
        attempt += 1
    yield from failed(at, "FILE_UNAVAILABLE")


def done(at: float) -> Iterator[Counted]:
    """A completed video, as `outcome_metrics` counts it."""
    yield Counted(at, "VideosCompleted")
    yield Counted(at, "SourceErrors", 0)


def failed(at: float, reason: str) -> Iterator[Counted]:
    yield Counted(at, "VideosFailed", dimensions={"reason": reason})
    if reason != "CONTENT_POLICY":
        yield Counted(at, "VideosCompleted", 0)


def completed(every: float, *, hours: float, began: float = 0) -> Iterator[Counted]:
    """A video every so many seconds."""
    for number in range(int(hours * HOUR / every)):
        yield from done(began + every * number)


def test_a_bucket_that_refuses_everything_is_heard_of_in_half_an_hour_and_stays_on(alarms: dict[str, Alarm]) -> None:
    one_an_hour = [c for hour in range(12) for c in interrupted(hour * HOUR, "STORAGE_UNAVAILABLE")]

    on = alarms["BucketErrorsAlarm"].on(one_an_hour, hours=12)

    assert on[0] == 0.5
    assert on == [number / 4 for number in range(2, 49)]


@pytest.mark.parametrize("takes", [0, 30, 200])
@pytest.mark.parametrize("minute", range(15))
def test_a_single_video_that_the_bucket_refuses_is_heard_of_and_stays_on_until_it_is_given_up(
    alarms: dict[str, Alarm], minute: int, takes: float
) -> None:
    on = alarms["BucketErrorsAlarm"].on(interrupted(minute * 60, "STORAGE_UNAVAILABLE", takes=takes), hours=6)

    assert on[0] <= 0.75
    assert on == [number / 4 for number in range(round(on[0] * 4), 25)]


@pytest.mark.parametrize("minute", range(15))
def test_a_bucket_that_was_away_for_two_minutes_is_not_heard_of(alarms: dict[str, Alarm], minute: int) -> None:
    began = minute * 60.0
    waiting = [c for n in range(30) for c in interrupted(began + n, "STORAGE_UNAVAILABLE", until=began + 120)]

    assert alarms["BucketErrorsAlarm"].on(waiting, hours=3) == []


def test_one_file_that_the_bucket_refuses_among_many_that_it_takes_is_not_heard_of(alarms: dict[str, Alarm]) -> None:
    day = [*interrupted(0, "STORAGE_UNAVAILABLE"), *completed(120, hours=8)]

    assert alarms["BucketErrorsAlarm"].on(day, hours=8) == []


@pytest.mark.parametrize("reason", ["SOURCE_ERROR", "SOURCE_GONE"])
def test_sources_that_are_away_are_heard_of_before_the_first_video_is_given_up(
    alarms: dict[str, Alarm], reason: str
) -> None:
    one_an_hour = [c for hour in range(12) for c in interrupted(hour * HOUR, reason)]

    on = alarms["SourceErrorsAlarm"].on(one_an_hour, hours=12)

    assert on == [float(hour) for hour in range(2, 13)]
    assert on[0] < GIVEN_UP


@pytest.mark.parametrize("minute", range(0, 60, 5))
def test_one_bad_source_is_not_heard_of_even_where_nothing_else_happens(alarms: dict[str, Alarm], minute: int) -> None:
    assert alarms["SourceErrorsAlarm"].on(interrupted(minute * 60, "SOURCE_ERROR"), hours=8) == []


def test_a_bad_source_in_a_hundred_is_not_heard_of(alarms: dict[str, Alarm]) -> None:
    day = [*completed(36, hours=12), *(c for hour in range(12) for c in interrupted(hour * HOUR, "SOURCE_ERROR"))]

    assert alarms["SourceErrorsAlarm"].on(day, hours=12) == []


@pytest.mark.parametrize("reason", ["PROVIDER_OUT_OF_FUNDS", "PROVIDER_BUSY", "TIMED_OUT", "FILE_UNAVAILABLE"])
def test_when_every_video_fails_a_shop_with_one_an_hour_hears_of_it_at_the_third(
    alarms: dict[str, Alarm], reason: str
) -> None:
    one_an_hour = [c for hour in range(6) for c in failed(hour * HOUR, reason)]

    assert alarms["VideosFailedAlarm"].on(one_an_hour, hours=4)[0] == 2.5


def test_when_every_video_fails_a_busy_shop_hears_of_it_in_an_hour_and_a_half(alarms: dict[str, Alarm]) -> None:
    before = completed(10, hours=3)
    after = [c for n in range(1000) for c in failed(3 * HOUR + 10 * n, "PROVIDER_FAILED")]

    assert alarms["VideosFailedAlarm"].on([*before, *after], hours=5)[0] == 4.5


@pytest.mark.parametrize("every", [60, 600, 1800])
def test_a_video_in_ten_that_fails_is_not_heard_of(alarms: dict[str, Alarm], every: int) -> None:
    day = [*completed(every, hours=24), *(c for n in range(1, 20) for c in failed(10 * every * n, "PROVIDER_FAILED"))]

    assert alarms["VideosFailedAlarm"].on(day, hours=24) == []


def test_prompts_against_the_rules_are_not_heard_of(alarms: dict[str, Alarm]) -> None:
    refused = [c for n in range(300) for c in failed(60 * n, "CONTENT_POLICY")]

    assert alarms["VideosFailedAlarm"].on(refused, hours=5) == []


def asked(at: float, errors: int, provider: str = "evolink") -> Counted:
    return Counted(at, "ProviderErrors", errors, {"provider": provider})


def test_the_only_provider_that_refuses_every_order_is_heard_of(alarms: dict[str, Alarm]) -> None:
    orders = [asked(50 * n, 1) for n in range(12)]

    assert alarms["ProviderErrorsAlarm"].on(orders, hours=1)[0] == pytest.approx(10 / 60)


def test_a_few_questions_of_many_that_fail_are_not_heard_of(alarms: dict[str, Alarm]) -> None:
    questions = [asked(3 * n, int(n % 33 == 0), ("evolink", "kie")[n % 2]) for n in range(300)]
    orders = [asked(150 * n, 0) for n in range(6)]

    assert alarms["ProviderErrorsAlarm"].on([*questions, *orders], hours=1) == []


def test_a_broken_tenth_that_answers_500_is_heard_of_while_the_canary_waits(alarms: dict[str, Alarm]) -> None:
    """Ten requests a minute, of which one meets the new version."""
    canary = [Counted(60 * n, "ApiCrashes") for n in range(5)]

    assert alarms["HttpFunctionErrorsAlarm"].on(canary, hours=1 / 12)[0] == pytest.approx(2 / 60)


def test_a_second_crash_behind_the_api_is_heard_of_where_little_happens(alarms: dict[str, Alarm]) -> None:
    crashes = [Counted(60 * minute, "ApiCrashes") for minute in (0, 6, 12)]

    assert alarms["HttpFunctionErrorsAlarm"].on(crashes, hours=0.5)[0] == pytest.approx(7 / 60)
    assert alarms["HttpFunctionErrorsAlarm"].on(crashes[:1], hours=0.5) == []


@pytest.mark.parametrize("of_users", [True, False])
def test_errors_that_a_users_own_requests_cause_wake_nobody_and_take_no_deployment_back(
    alarms: dict[str, Alarm], of_users: bool
) -> None:
    """Five prompts a minute that a provider refuses, where ten requests a minute are all."""
    asked = [Counted(6 * n, "ApiRequests") for n in range(100)]
    answered = [Counted(12 * n, "ApiServerErrors") for n in range(50)]
    of_the_user = [Counted(12 * n, "ApiServerErrors", -1) for n in range(50)] if of_users else []

    on = alarms["ApiServerErrorsAlarm"].on([*asked, *answered, *of_the_user], hours=0.2)

    assert (on == []) is of_users


def test_a_second_crash_of_a_mirror_is_heard_of_where_little_happens(alarms: dict[str, Alarm]) -> None:
    """A lease runs out after five minutes; then reconcile has the video mirrored again."""
    named = {"FunctionName": "MirrorVideoFunction", "Resource": "MirrorVideoFunction:live"}
    crashes = [Counted(60 * minute, "Errors", 1, named) for minute in (0, 6, 12)]

    assert alarms["MirrorVideoErrorsAlarm"].on(crashes, hours=0.5)[0] == pytest.approx(7 / 60)
    assert alarms["MirrorVideoErrorsAlarm"].on(crashes[:1], hours=0.5) == []


@pytest.mark.parametrize("metric", ["SecretReadErrors", "ReconcileErrors", "CompletionsRefused"])
def test_a_fault_that_stops_nothing_is_heard_of_when_it_goes_on(alarms: dict[str, Alarm], metric: str) -> None:
    again = [Counted(60 * n, metric) for n in range(60)]

    assert alarms["RepeatedFaultsAlarm"].on(again, hours=2)[0] == 0.75
    assert alarms["RepeatedFaultsAlarm"].on(again[:3], hours=2) == []

"""The better a provider answers, the more of its videos are checked at a time; a slow one holds up no other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from clipferry.db.jobs import DueVideo
from clipferry.provider_throttle import FIRST_LIMIT, MOST_SLOW_CHECKS, SLOW_SECONDS, ProviderThrottle

MOST = 8
QUICK, SLOW = 0.5, SLOW_SECONDS + 0.1


def due(provider: str, number: int, *, first: int = 0) -> list[DueVideo]:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    places = range(first, first + number)
    return [DueVideo(uuid=f"{provider}-{place}", provider=provider, next_check_at=moment) for place in places]


def throttle_of(*claimed: list[DueVideo], most: int = MOST) -> ProviderThrottle:
    throttle = ProviderThrottle(most)
    for batch in claimed:
        throttle.add(batch)
    return throttle


def acquire_all(throttle: ProviderThrottle) -> list[DueVideo]:
    """Every check that may run at the same time now."""
    acquired = []
    while (found := throttle.acquire()) is not None:
        acquired.append(found)
    return acquired


def release(
    throttle: ProviderThrottle, checks: Iterable[DueVideo], *, seconds: float = QUICK, is_answered: bool = True
) -> None:
    for check in checks:
        throttle.release(check, seconds=seconds, is_answered=is_answered)


def test_each_answer_allows_one_more_at_a_time_until_everybody_works() -> None:
    throttle = throttle_of(due("kie", 100))
    at_a_time = []
    for _ in range(4):
        checks = acquire_all(throttle)
        at_a_time.append(len(checks))
        release(throttle, checks)

    assert at_a_time == [FIRST_LIMIT, 2 * FIRST_LIMIT, MOST, MOST]


def test_they_come_in_the_order_in_which_they_were_claimed() -> None:
    first, second = due("kie", 2), due("kie", 2, first=2)

    assert acquire_all(throttle_of(first, second)) == [*first, second[0]]


def test_a_video_that_is_claimed_once_more_is_not_checked_again_and_its_claim_is_released() -> None:
    once, again = due("kie", 2), due("kie", 1)
    throttle = throttle_of(once)
    release(throttle, acquire_all(throttle))
    throttle.add(again)

    assert (throttle.acquire(), throttle.waiting, list(throttle.unchecked)) == (None, (), again)


def test_a_provider_that_does_not_answer_is_asked_one_at_a_time_until_it_does() -> None:
    throttle = throttle_of(due("kie", 100))
    release(throttle, acquire_all(throttle))
    release(throttle, acquire_all(throttle), is_answered=False)
    for _ in range(20):
        (check,) = acquire_all(throttle)
        release(throttle, [check], is_answered=False)
    (check,) = acquire_all(throttle)
    release(throttle, [check])

    assert len(acquire_all(throttle)) == 2


def test_a_provider_that_keeps_us_waiting_does_so_a_few_times_in_a_run() -> None:
    throttle = throttle_of(due("kie", 10), due("evolink", 10))
    slow = [check for check in acquire_all(throttle) if check.provider == "kie"]
    release(throttle, slow, seconds=SLOW)

    assert len(slow) == MOST_SLOW_CHECKS
    assert "kie" not in {check.provider for check in acquire_all(throttle)}
    assert len([check for check in throttle.waiting if check.provider == "kie"]) == 10 - MOST_SLOW_CHECKS


def test_the_others_are_checked_while_one_keeps_us_waiting() -> None:
    throttle = throttle_of(due("kie", 10), due("evolink", 10))
    quick = [check for check in acquire_all(throttle) if check.provider == "evolink"]
    release(throttle, quick)

    assert {check.provider for check in acquire_all(throttle)} == {"evolink"}


def test_one_long_answer_is_no_reason_to_give_up() -> None:
    throttle = throttle_of(due("kie", 100))
    first, second, third = acquire_all(throttle)
    release(throttle, [first], seconds=SLOW)
    release(throttle, [second, third])

    assert len(acquire_all(throttle)) == FIRST_LIMIT


def test_a_video_that_is_claimed_twice_is_checked_once() -> None:
    video = due("kie", 1)
    throttle = throttle_of(video, video)
    release(throttle, acquire_all(throttle))
    throttle.add(video)

    assert throttle.acquire() is None
    assert throttle.waiting == ()


def test_one_worker_checks_one_video_at_a_time() -> None:
    throttle = throttle_of(due("kie", 5), most=1)
    for _ in range(5):
        (check,) = acquire_all(throttle)
        release(throttle, [check])

    assert throttle.acquire() is None

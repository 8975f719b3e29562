"""Who may be looked at now: a provider has more looks at a time the better it answers, and none that others need."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from clipferry.db.jobs import Due
from clipferry.provider_throttle import LONG_SECONDS, PATIENCE, ProviderThrottle

MOST = 8
QUICK, LONG = 0.5, LONG_SECONDS + 0.1


def due(provider: str, number: int, *, first: int = 0) -> list[Due]:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    places = range(first, first + number)
    return [Due(uuid=f"{provider}-{place}", provider=provider, next_check_at=moment) for place in places]


def turns_of(*claimed: list[Due], most: int = MOST) -> ProviderThrottle:
    turns = ProviderThrottle(most)
    for batch in claimed:
        turns.add(batch)
    return turns


def take_all(turns: ProviderThrottle) -> list[Due]:
    """Every look that may be under way at the same time now."""
    taken = []
    while (found := turns.take()) is not None:
        taken.append(found)
    return taken


def end(turns: ProviderThrottle, looks: Iterable[Due], *, seconds: float = QUICK, is_answered: bool = True) -> None:
    for look in looks:
        turns.end(look, seconds=seconds, is_answered=is_answered)


def test_each_answer_allows_one_more_at_a_time_until_everybody_works() -> None:
    turns = turns_of(due("kie", 100))
    at_a_time = []
    for _ in range(4):
        looks = take_all(turns)
        at_a_time.append(len(looks))
        end(turns, looks)

    assert at_a_time == [PATIENCE, 2 * PATIENCE, MOST, MOST]


def test_they_come_in_the_order_in_which_they_were_claimed() -> None:
    first, second = due("kie", 2), due("kie", 2, first=2)

    assert take_all(turns_of(first, second)) == [*first, second[0]]


def test_who_is_due_once_more_has_no_second_turn_and_is_given_back() -> None:
    once, again = due("kie", 2), due("kie", 1)
    turns = turns_of(once)
    end(turns, take_all(turns))
    turns.add(again)

    assert (turns.take(), turns.waiting, list(turns.unseen)) == (None, (), again)


def test_a_provider_that_does_not_answer_is_asked_one_at_a_time_until_it_does() -> None:
    turns = turns_of(due("kie", 100))
    end(turns, take_all(turns))
    end(turns, take_all(turns), is_answered=False)
    for _ in range(20):
        (look,) = take_all(turns)
        end(turns, [look], is_answered=False)
    (look,) = take_all(turns)
    end(turns, [look])

    assert len(take_all(turns)) == 2


def test_a_provider_that_keeps_us_waiting_does_so_a_few_times_in_a_run() -> None:
    turns = turns_of(due("kie", 10), due("evolink", 10))
    slow = [look for look in take_all(turns) if look.provider == "kie"]
    end(turns, slow, seconds=LONG)

    assert len(slow) == PATIENCE
    assert "kie" not in {look.provider for look in take_all(turns)}
    assert len([look for look in turns.waiting if look.provider == "kie"]) == 10 - PATIENCE


def test_the_others_have_their_turns_while_one_keeps_us_waiting() -> None:
    turns = turns_of(due("kie", 10), due("evolink", 10))
    quick = [look for look in take_all(turns) if look.provider == "evolink"]
    end(turns, quick)

    assert {look.provider for look in take_all(turns)} == {"evolink"}


def test_one_long_answer_is_no_reason_to_give_up() -> None:
    turns = turns_of(due("kie", 100))
    first, second, third = take_all(turns)
    end(turns, [first], seconds=LONG)
    end(turns, [second, third])

    assert len(take_all(turns)) == PATIENCE


def test_a_video_that_is_due_again_has_no_second_turn() -> None:
    video = due("kie", 1)
    turns = turns_of(video, video)
    end(turns, take_all(turns))
    turns.add(video)

    assert turns.take() is None
    assert turns.waiting == ()


def test_one_worker_looks_at_one_video_at_a_time() -> None:
    turns = turns_of(due("kie", 5), most=1)
    for _ in range(5):
        (look,) = take_all(turns)
        end(turns, [look])

    assert turns.take() is None

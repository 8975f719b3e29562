"""A key's cap of credits a month: decided with the hold, at any concurrency, and given back with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from clipferry.db.connection import Database
from clipferry.db.retry_video import ReopenResult, reopen
from clipferry.errors import KeyCapReachedError
from clipferry.models import Credential
from clipferry.usecases.create_video import CreatedVideo
from clipferry.usecases.manage_keys import create_key
from clipferry.verdicts import RetryVerdict
from tests import books, journeys
from tests.creating import at_once, create

PRICE = 10


@pytest.fixture(autouse=True)
def _ann(database: Database) -> Iterator[None]:
    books.add_user(database)
    books.add_package(database, 5000)
    yield
    assert books.breaches(database) == []


def capped(database: Database, monthly: int | None) -> tuple[int, Credential]:
    record, key = create_key(user_id="ann", name="script", is_admin=False, monthly_credits=monthly, database=database)
    return record.id, books.key_credential(key)


def used(database: Database, key_id: int) -> int:
    return PRICE * books.value(database, "select count(*) from clipferry.jobs where api_key_id = %(id)s", id=key_id)


def retry(database: Database, uuid: str, key_id: int | None) -> ReopenResult:
    with database.transaction() as tx:
        done = reopen(
            tx, video_uuid=uuid, source_url="https://a.example/1.mp4", deadline_seconds=60, next_check_seconds=1,
            api_key_id=key_id,
        )  # fmt: skip
    result = done.first()
    assert result is not None
    return result


def test_two_keys_at_their_caps_get_each_what_it_may_as_if_it_were_alone(database: Database, database_url: str) -> None:
    (first, by_first), (second, by_second) = capped(database, 75), capped(database, 130)
    kinds = [by_first, by_second] * 50

    answers = at_once(database_url, 100, lambda own: create(own, credential=kinds.pop()))

    assert Counter(type(answer) for answer in answers) == {CreatedVideo: 7 + 13, KeyCapReachedError: 80}
    assert (used(database, first), used(database, second)) == (70, 130)
    assert books.balance(database).frozen == 200


def test_one_cap_holds_however_many_ask_at_once(database: Database, database_url: str) -> None:
    key_id, shown = capped(database, 55)
    answers = at_once(database_url, 50, lambda own: create(own, credential=shown))

    assert Counter(type(answer) for answer in answers) == {CreatedVideo: 5, KeyCapReachedError: 45}
    assert used(database, key_id) == 50


def test_a_cap_is_the_keys_and_neither_another_keys_nor_the_sessions(database: Database) -> None:
    _, shown = capped(database, PRICE)
    create(database, credential=shown)
    with pytest.raises(KeyCapReachedError) as refused:
        create(database, credential=shown)

    assert refused.value.details == {"requiredCredits": 10, "usedCredits": 10, "monthlyCredits": 10}
    for other in (books.credential(), capped(database, None)[1], capped(database, PRICE)[1]):
        create(database, credential=other)


def test_a_video_that_fails_gives_back_what_the_key_has_used(database: Database) -> None:
    _, shown = capped(database, PRICE)
    uuid = create(database, credential=shown).video_uuid
    assert journeys.fail(database, uuid)

    assert create(database, credential=shown).video_uuid != uuid


def test_a_month_is_a_calendar_month_of_utc(database: Database) -> None:
    _, shown = capped(database, PRICE)
    create(database, credential=shown)
    books.execute(database, "update clipferry.jobs set charged_at = date_trunc('month', now() at time zone 'utc')")
    with pytest.raises(KeyCapReachedError):
        create(database, credential=shown)
    books.execute(database, "update clipferry.jobs set charged_at = charged_at - interval '1 second'")

    create(database, credential=shown)


def test_a_repeat_by_idempotency_key_is_answered_whatever_the_cap(database: Database) -> None:
    _, shown = capped(database, PRICE)
    first = create(database, credential=shown, key="once")

    assert create(database, credential=shown, key="once").video_uuid == first.video_uuid


def test_a_retry_counts_for_the_key_that_asks_and_keeps_to_its_cap(database: Database) -> None:
    key_id, shown = capped(database, PRICE)
    other, _ = capped(database, PRICE)
    failed = create(database, credential=shown).video_uuid
    assert journeys.fail(database, failed)
    create(database, credential=shown)

    refused = retry(database, failed, key_id)
    assert (refused.verdict, refused.used_credits, refused.monthly_credits) == (RetryVerdict.KEY_CAP_REACHED, 10, 10)
    assert retry(database, failed, other).verdict is RetryVerdict.REOPENED
    assert (used(database, key_id), used(database, other)) == (10, 10)

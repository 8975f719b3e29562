"""The Idempotency-Key: it makes a repeat harmless, for one user, for 24 hours."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from clipferry.db.connection import Database
from clipferry.errors import (
    IdempotencyKeyReusedError,
    InsufficientCreditsError,
    ProviderError,
    ProviderRefusedError,
    ReplayedError,
)
from clipferry.models import Order, Submission, VideoStatus
from clipferry.usecases.create_video import CreatedVideo
from clipferry.verdicts import FailureCode
from tests import books, journeys
from tests.creating import at_once, create
from tests.scripted_provider import ScriptedProvider

pytestmark = pytest.mark.usefixtures("ann_with_seven")


def test_one_key_at_once_makes_one_video_and_everybody_hears_of_it(database: Database, database_url: str) -> None:
    answers = at_once(database_url, 16, lambda own: create(own, key="k"))
    videos = [answer for answer in answers if isinstance(answer, CreatedVideo)]

    assert len(videos) == 16
    assert Counter(video.replayed for video in videos) == {False: 1, True: 15}
    assert {dataclasses.replace(video, replayed=False) for video in videos} == {
        CreatedVideo(
            video_uuid=videos[0].video_uuid,
            task_id=None,
            provider="evolink",
            status=VideoStatus.PENDING,
            estimated_time=None,
            credits_used=10,
        )
    }
    assert books.balance(database).frozen == 10


def test_a_replay_tells_what_has_become_of_the_video(database: Database) -> None:
    uuid = create(database, key="k").video_uuid
    assert journeys.record(database, uuid)
    replay = create(database, key="k")

    assert (replay.video_uuid, replay.replayed) == (uuid, True)
    assert (replay.task_id, replay.status, replay.estimated_time) == (f"task-{uuid}", VideoStatus.GENERATING, 60)


def test_a_replay_comes_before_every_limit(database: Database) -> None:
    first = create(database, request=journeys.request(75), key="k", limit=1)

    assert create(database, request=journeys.request(75), key="k", limit=1).video_uuid == first.video_uuid


def test_a_key_with_another_body_is_a_conflict(database: Database) -> None:
    create(database, key="k")
    before = books.everything(database)
    with pytest.raises(IdempotencyKeyReusedError) as conflict:
        create(database, request=journeys.request(10, prompt="A ferry at dawn"), key="k")

    assert conflict.value.status == 409
    assert books.everything(database) == before


def test_a_key_belongs_to_its_user(database: Database) -> None:
    bob = books.add_user(database, "bob")
    books.add_package(database, 10, user_id="bob")
    first = create(database, key="k")
    second = create(database, request=journeys.request(10, prompt="Bob's"), credential=bob, key="k")

    assert not second.replayed
    assert second.video_uuid != first.video_uuid


@pytest.mark.parametrize(("age", "is_free"), [("23 hours 59 minutes", False), ("24 hours 1 minute", True)])
def test_a_key_is_kept_for_24_hours(database: Database, age: str, is_free: bool) -> None:
    first = create(database, key="k")
    books.execute(database, "update clipferry.idempotency_keys set created_at = now() - %(age)s::interval", age=age)
    second = create(database, key="k")

    assert (second.video_uuid != first.video_uuid) == is_free
    assert second.replayed != is_free
    assert create(database, key="k").video_uuid == second.video_uuid


def test_a_create_that_was_refused_leaves_its_key_free(database: Database) -> None:
    with pytest.raises(InsufficientCreditsError):
        create(database, request=journeys.request(80), key="k")
    books.add_package(database, 5)

    assert not create(database, request=journeys.request(80), key="k").replayed


def test_an_answer_that_was_an_error_is_replayed_as_it_was(database: Database) -> None:
    def refuse(_order: Order) -> Submission:
        raise ProviderRefusedError("blocked words", failure=FailureCode.CONTENT_POLICY.value)

    provider = ScriptedProvider(submit=refuse)
    with pytest.raises(ProviderError) as refused:
        create(database, key="k", provider=provider)
    answer = refused.value.as_answer()
    with pytest.raises(ReplayedError) as replayed:
        create(database, key="k", provider=provider)

    assert answer["status"] == 502
    assert answer["error"]["details"]["errorCode"] == "CONTENT_POLICY"
    assert replayed.value.as_answer() == answer
    assert books.balance(database).available == 75
    assert journeys.status_of(database, answer["error"]["details"]["videoUuid"]) == "FAILED"

"""The journey of a video that KIE makes, at its market or with Veo, from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clipferry.verdicts import Verdict
from local.providers.evolink import FakeEvolink
from local.providers.faults import Failure, Faults
from local.stack import Stack
from tests.e2e.providers import Providers
from tests.stack_world import CREDITS, World, send

IMAGE = "https://files.example.com/a.png"
MODELS: list[dict[str, Any]] = [
    {"model": "seedance-2.0", "duration": 5, "quality": "480p"},
    {"model": "seedance-2.0", "duration": 5, "quality": "480p", "imageUrl": IMAGE},
    {"model": "seedance-1.5-pro", "duration": 4},
    {"model": "veo-3.1", "duration": 8},
    {"model": "veo-3.1", "duration": 8, "aspectRatio": "9:16", "imageUrl": IMAGE},
    {"model": "kling-3.0", "duration": 5},
    {"model": "wan-2.7", "duration": 5},
    {"model": "wan-2.6", "duration": 5, "imageUrl": IMAGE},
]


@pytest.fixture(scope="module")
def running(migrated_url: str, providers: Providers) -> Iterator[tuple[Stack, FakeEvolink]]:
    with providers.stack(migrated_url, DEFAULT_AI_PROVIDER="kie") as stack:
        yield stack, providers.evolink


def generate(world: World, **changes: Any) -> dict[str, Any]:
    order = {"prompt": "a ferry at dawn", "model": "seedance-2.0", "duration": 5, "quality": "480p"} | changes
    answer = world.call("POST", "/api/v1/video/generate", order)
    assert answer.status == 202, answer.payload
    return answer.data


@pytest.mark.parametrize(
    "order", MODELS, ids=lambda order: f"{order['model']} {'image' if 'imageUrl' in order else ''}"
)
def test_every_model_that_kie_offers_comes_to_its_end(
    world: World, providers: Providers, order: dict[str, Any]
) -> None:
    created = world.call("POST", "/api/v1/video/generate", {"prompt": "a ferry at dawn", **order})
    assert (created.status, created.data["provider"]) == (202, "kie"), created.payload
    uuid = created.data["videoUuid"]

    assert world.ends(uuid) == "COMPLETED"
    assert world.video(uuid)["external_task_id"] == created.data["taskId"]
    assert world.hold(uuid) == "SETTLED"
    assert (order["model"] == "veo-3.1") == created.data["taskId"].startswith("veo_")
    assert providers.evolink.submissions == []


@pytest.mark.parametrize("model", ["seedance-2.0", "veo-3.1"])
def test_the_callback_moves_it_and_leaves_no_secret_in_the_inbox(
    world: World, providers: Providers, model: str
) -> None:
    quality = {"quality": "480p"} if model == "seedance-2.0" else {"duration": 8, "quality": "720p"}
    uuid = generate(world, model=model, **quality)["videoUuid"]

    assert world.ends(uuid) == "COMPLETED"
    assert world.verdicts(uuid) == [Verdict.GENERATED]
    (kept,) = world.rows("select body from clipferry.callback_inbox where video_uuid = %(uuid)s", uuid=uuid)
    assert uuid in kept["body"]  # the echo of our URL
    assert "sig=" not in kept["body"]


def test_a_callback_without_kies_own_signature_is_401_whatever_ours_says(world: World, providers: Providers) -> None:
    providers.kie.next(Faults(callbacks=0))
    created = generate(world)
    body = {"code": 200, "data": {"taskId": created["taskId"], "state": "fail"}}

    answer = send("POST", world.callback_url(created["videoUuid"], provider="kie"), body)

    assert (answer.status, answer.payload["error"]["code"]) == (401, "INVALID_SIGNATURE")
    assert world.verdicts(created["videoUuid"]) == []
    assert world.ends(created["videoUuid"]) == "COMPLETED"  # by reconcile


@pytest.mark.parametrize(
    ("model", "failure", "code"),
    [
        ("seedance-2.0", Failure(code="400", message="flagged as violating content policies"), "CONTENT_POLICY"),
        ("seedance-2.0", Failure(code="GENERATION_FAILED"), "PROVIDER_FAILED"),
        ("veo-3.1", Failure(code="422", message="rejected by Flow (content policies)"), "CONTENT_POLICY"),
        ("veo-3.1", Failure(code="501"), "PROVIDER_FAILED"),
    ],
)
def test_a_failure_costs_nothing_and_has_a_code_of_ours(
    world: World, providers: Providers, model: str, failure: Failure, code: str
) -> None:
    """A failure of Veo's calls back without a `state`."""
    providers.kie.next(Faults(fail=failure))
    quality = {"quality": "480p"} if model == "seedance-2.0" else {"duration": 8, "quality": "720p"}
    uuid = generate(world, model=model, **quality)["videoUuid"]

    assert world.ends(uuid) == "FAILED"
    assert world.package() == (CREDITS, 0)
    status = world.call("GET", f"/api/v1/video/{uuid}/status").data
    assert status["errorCode"] == code
    assert failure.message not in json.dumps(status)


def test_a_success_that_fails_afterwards_stays_a_success(world: World, providers: Providers) -> None:
    providers.kie.next(Faults(fail_later=Failure(code="501")))
    uuid = generate(world)["videoUuid"]

    assert world.ends(uuid) == "COMPLETED"
    world.waits(lambda: len([attempt for attempt in providers.kie.callbacks if uuid in attempt.url]) == 2)
    assert world.hold(uuid) == "SETTLED"
    world.books_are_right()


def test_forged_callbacks_change_nothing(world: World, providers: Providers) -> None:
    providers.kie.next(Faults(forged=True))
    uuid = generate(world)["videoUuid"]

    assert world.ends(uuid) == "COMPLETED"
    assert "evil" not in world.video(uuid)["original_video_url"]


def test_a_submit_whose_answer_is_lost_is_completed_by_its_callback_and_sent_once(
    world: World, providers: Providers
) -> None:
    before = len(providers.kie.submissions), len(providers.evolink.orders)
    providers.kie.next(Faults(submit="page"))
    created = generate(world)

    assert (created["taskId"], created["status"]) == (None, "PENDING")
    assert world.ends(created["videoUuid"]) == "COMPLETED"
    assert (len(providers.kie.submissions), len(providers.evolink.orders)) == (before[0] + 1, before[1])

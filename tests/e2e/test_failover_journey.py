"""When a provider refuses, the next one makes the video; when nobody knows what it did, nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clipferry.verdicts import Verdict
from local.providers.evolink import FakeEvolink
from local.providers.faults import Faults, Refusal
from local.stack import Stack
from tests.e2e.providers import Providers
from tests.stack_world import CREDITS, Answer, World

VEO = {"prompt": "a ferry at dawn", "model": "veo-3.1"}
REFUSED = Faults(refuse=Refusal(status=402, code=402, message="secret words of the provider"))


@pytest.fixture(scope="module")
def running(migrated_url: str, providers: Providers) -> Iterator[tuple[Stack, FakeEvolink]]:
    with providers.stack(migrated_url) as stack:
        yield stack, providers.evolink


def generate(world: World, **headers: str) -> Answer:
    return world.call("POST", "/api/v1/video/generate", VEO, **headers)


def kinds(world: World, uuid: str) -> list[str]:
    sql = "select kind from clipferry.video_events where video_uuid = %(uuid)s order by id"
    return [row["kind"] for row in world.rows(sql, uuid=uuid)]


def asked(providers: Providers) -> list[int]:
    """How many orders each provider has seen that the shipped catalogue names."""
    return [len(providers.by_name[name].orders) for name in ("evolink", "kie", "replicate", "fal")]


def since(before: list[int], providers: Providers) -> list[int]:
    return [after - earlier for after, earlier in zip(asked(providers), before, strict=True)]


def test_the_next_provider_makes_what_the_first_refuses(world: World, providers: Providers) -> None:
    before = asked(providers)
    providers.evolink.next(REFUSED)

    created = generate(world)

    assert (created.status, created.data["provider"], created.data["status"]) == (202, "kie", "GENERATING")
    assert world.ends(created.data["videoUuid"]) == "COMPLETED"
    assert world.video(created.data["videoUuid"])["provider"] == "kie"
    assert since(before, providers) == [1, 1, 0, 0]


def test_a_provider_that_signs_its_callbacks_body_is_believed_without_a_question(
    world: World, providers: Providers
) -> None:
    before = asked(providers)
    for provider in (providers.evolink, providers.kie):
        provider.next(REFUSED)

    created = generate(world)

    assert (created.status, created.data["provider"]) == (202, "replicate")
    uuid = created.data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    assert since(before, providers) == [1, 1, 1, 0]
    assert "asked" not in kinds(world, uuid)
    assert world.verdicts(uuid) == [Verdict.GENERATED]


def test_a_callback_with_a_forged_signature_of_the_provider_is_not_believed(world: World, providers: Providers) -> None:
    for provider in (providers.evolink, providers.kie):
        provider.next(REFUSED)
    providers.replicate.next(Faults(forged=True))

    uuid = generate(world).data["videoUuid"]

    assert world.ends(uuid) == "COMPLETED"
    assert world.verdicts(uuid) == [Verdict.GENERATED]
    assert "evil" not in world.video(uuid)["original_video_url"]


def test_when_all_refuse_it_is_502_and_costs_nothing(world: World, providers: Providers) -> None:
    before = asked(providers)
    for provider in providers.all:
        provider.next(REFUSED)

    refused = generate(world, **{"Idempotency-Key": "once"})

    assert refused.status == 502
    assert refused.payload["error"]["details"]["errorCode"] == "PROVIDER_OUT_OF_FUNDS"
    assert "secret words" not in str(refused.payload)
    assert world.package() == (CREDITS, 0)
    assert since(before, providers) == [1, 1, 1, 1]
    again = generate(world, **{"Idempotency-Key": "once"})
    assert (again.status, again.payload) == (502, refused.payload)
    assert again.headers["idempotent-replayed"] == "true"
    assert since(before, providers) == [1, 1, 1, 1]
    world.books_are_right()


def nobody_knows(world: World, providers: Providers, faults: Faults) -> str:
    """The uuid of a video that Evolink was asked for, and nobody else, with an outcome that nobody knows."""
    before = asked(providers)
    providers.evolink.next(faults)

    created = generate(world)

    assert (created.status, created.data["provider"], created.data["taskId"]) == (202, "evolink", None)
    assert since(before, providers) == [1, 0, 0, 0]
    return created.data["videoUuid"]


@pytest.mark.parametrize("faults", [Faults(submit="cut"), Faults(submit="page")], ids=["cut", "a gateway's page"])
def test_an_order_that_was_taken_is_completed_by_its_callback(
    world: World, providers: Providers, faults: Faults
) -> None:
    assert world.ends(nobody_knows(world, providers, faults)) == "COMPLETED"


def test_an_order_that_was_perhaps_taken_keeps_its_hold(world: World, providers: Providers) -> None:
    page = Refusal(status=502, page="<h1>Bad gateway</h1>")
    uuid = nobody_knows(world, providers, Faults(refuse=page))

    assert (world.video(uuid)["status"], world.hold(uuid)) == ("PENDING", "HOLDING")
    world.books_are_right()

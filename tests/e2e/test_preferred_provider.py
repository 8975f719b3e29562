"""The local stack brings the fake of any provider that DEFAULT_AI_PROVIDER names, and its videos come from there."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local import fake_providers
from local.stack import local_stack
from tests.database import empty_tables
from tests.stack_world import World

GATEWAYS = {"MODELS_FILE": str(Path(__file__).parents[2] / "examples/models-gateways.toml")}


@pytest.mark.parametrize(
    ("name", "environment", "order"),
    [
        ("fal", {}, {"model": "seedance-2.0", "duration": 5}),
        ("replicate", {}, {"model": "veo-3.1", "duration": 8}),
        ("litellm", GATEWAYS, {"model": "studio", "duration": 8}),
    ],
)
def test_a_video_comes_from_the_preferred_provider(
    migrated_url: str, name: str, environment: dict[str, str], order: dict[str, Any]
) -> None:
    empty_tables(migrated_url)
    environment = {
        **environment,
        "DATABASE_URL": migrated_url,
        "DEFAULT_AI_PROVIDER": name,
        "RECONCILE_INTERVAL_SECONDS": "0.5",
    }
    with local_stack(environment=environment, quiet=True) as stack:
        assert stack.evolink is not None
        world = World.sign_up(stack, stack.evolink, "user")

        answer = world.call("POST", "/api/v1/video/generate", {"prompt": "a ferry at dawn"} | order)

        assert answer.status == 202, answer.payload
        assert answer.data["provider"] == name
        assert world.ends(answer.data["videoUuid"]) == "COMPLETED"


@pytest.mark.parametrize(
    ("environment", "started"),
    [
        ({}, ["evolink", "kie"]),
        ({"DEFAULT_AI_PROVIDER": "kie", "EVOLINK_BASE_URL": "https://api.evolink.ai"}, ["kie"]),
        ({"DEFAULT_AI_PROVIDER": "fal"}, ["evolink", "fal", "kie"]),
        ({"DEFAULT_AI_PROVIDER": "fal", "FAL_BASE_URL": "https://queue.fal.run"}, ["evolink", "kie"]),
        ({"DEFAULT_AI_PROVIDER": "newapi"}, ["evolink", "kie", "litellm", "newapi", "openrouter"]),
        ({"DEFAULT_AI_PROVIDER": "newapi", "VIDEO_GATEWAYS": "{}"}, ["evolink", "kie"]),
    ],
)
def test_no_fake_takes_the_place_of_your_own(environment: dict[str, str], started: list[str]) -> None:
    with ExitStack() as scope:
        assert sorted(fake_providers.start(scope, environment)[1]) == started

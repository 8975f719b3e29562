"""OpenAI's official SDKs, of PyPI and of npm, against the local stack: all that docs/clients.md doesn't show."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.providers.evolink import FakeEvolink
from local.stack import Stack
from tests import node_programs
from tests.e2e.first_frame import PICTURE
from tests.stack_world import World, evolink_stack, send

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
MODEL, PROMPT = "seedance-2.0", "The ferry leaves"
PICTURE_URL = "https://example.com/first-frame.png"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a key, and somebody whose three videos are never finished."""

    world: World
    key: str
    busy_key: str
    busy_id: str
    closing: ExitStack

    def client(self, key: str | None = None, *, max_retries: int = 0) -> OpenAI:
        """A client that is closed when the test is over."""
        made = OpenAI(base_url=f"{self.world.stack.url}/v1", api_key=key or self.key, max_retries=max_retries)
        return self.closing.enter_context(made)


@pytest.fixture(scope="module")
def running(migrated_url: str) -> Iterator[tuple[Stack, FakeEvolink]]:
    with evolink_stack(migrated_url, VIDEO_MAX_CONCURRENT="3", STATUS_REFRESH_SECONDS="1") as running:
        yield running


@pytest.fixture
def caller(world: World) -> Iterator[Caller]:
    busy = World.sign_up(world.stack, world.evolink, f"busy-{world.user_id}")
    usual = world.evolink.options
    world.evolink.options = replace(usual, seconds=3600)
    made = [busy.generate().data["videoUuid"] for _ in range(3)]
    world.evolink.options = usual
    key, busy_key = (one.call("POST", "/api/v1/key", {"name": "sdk"}).data["key"] for one in (world, busy))
    with ExitStack() as closing:
        yield Caller(world, key, busy_key, made[0], closing)


def create(client: OpenAI, *, key: str | None = None, prompt: str = PROMPT) -> str:
    headers = {"Idempotency-Key": key} if key else {}
    return client.videos.create(
        model=MODEL,
        prompt=prompt,
        seconds="5",  # pyright: ignore[reportArgumentType] - OpenAI's own models take three lengths
        size="854x480",  # pyright: ignore[reportArgumentType]
        extra_headers=headers,
    ).id


def test_the_package_of_pypi_makes_videos_and_shows_them(caller: Caller) -> None:
    client = caller.client()
    assert MODEL in [model.id for model in client.models.list()]

    first, second = create(client), create(client)
    for uuid in (first, second):
        video = client.videos.poll(uuid)
        assert (video.status, video.progress, video.error) == ("completed", 100, None)
        assert (video.seconds, video.size, video.prompt) == ("5", "854x480", PROMPT)
    film = client.videos.download_content(first)
    assert film.response.headers["content-type"] == "video/mp4"
    assert len(film.read()) == caller.world.video(first)["file_size"]
    thumbnail = client.videos.download_content(first, variant="thumbnail")
    assert thumbnail.response.headers["content-type"] == "image/jpeg"

    assert [video.id for video in client.videos.list(limit=1)] == [second, first]
    assert [video.id for video in client.videos.list(limit=1, order="asc")] == [first, second]
    assert client.videos.delete(first).deleted
    assert [video.id for video in client.videos.list()] == [second]
    caller.world.books_are_right()


def test_a_picture_goes_into_the_bucket_and_to_the_provider(caller: Caller) -> None:
    data_url = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    file = ("first-frame.png", PICTURE, "image/png")
    own = {"quality": "480p", "generateAudio": False}
    ways: list[dict[str, Any]] = [
        {"input_reference": file, "extra_body": own},
        {"extra_body": {**own, "input_reference": {"image_url": data_url}}},  # the package takes files only, as such
        {"extra_body": {**own, "input_reference": PICTURE_URL}},
    ]
    sent = []
    for way in ways:
        video = caller.client().videos.create_and_poll(model=MODEL, prompt=PROMPT, seconds="4", **way)
        assert video.status == "completed"
        row = caller.world.video(video.id)
        sent.append(row["start_image_url"])
        assert row["parameters"]["imageUrls"] == [sent[-1]]

    assert sent[0] == sent[1]
    assert sent[2] == PICTURE_URL
    assert caller.client()._client.get(sent[0]).content == PICTURE


def test_the_package_of_pypi_reads_every_refusal(caller: Caller) -> None:
    client = caller.client()
    with pytest.raises(openai.BadRequestError) as refused:
        client.videos.create(model=MODEL, prompt=PROMPT, size="1000x100")  # pyright: ignore[reportArgumentType]
    assert (refused.value.param, refused.value.code) == ("size", "INVALID_REQUEST")
    assert refused.value.type == "invalid_request_error"
    assert "1280x720" in refused.value.message
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve("vid_unknown")
    with pytest.raises(openai.NotFoundError) as unfinished:
        caller.client(caller.busy_key).videos.download_content(caller.busy_id)
    assert unfinished.value.code == "NO_FILE"
    with pytest.raises(openai.AuthenticationError) as stranger:
        create(caller.client("cf_guessed"))
    assert stranger.value.code == "UNAUTHORIZED"
    with pytest.raises(openai.RateLimitError) as busy:
        create(caller.client(caller.busy_key))
    assert (busy.value.code, busy.value.response.headers["retry-after"]) == ("TOO_MANY_JOBS", "30")
    reader = send(
        "POST",
        f"{caller.world.stack.url}/api/v1/key",
        {"name": "reader", "scopes": ["videos:read"]},
        {"Authorization": f"Bearer {caller.world.token}"},
    ).data["key"]
    with pytest.raises(openai.PermissionDeniedError) as forbidden:
        create(caller.client(reader))
    assert forbidden.value.code == "KEY_NOT_ALLOWED"


def test_the_package_of_pypi_repeats_only_what_is_harmless(caller: Caller) -> None:
    client = caller.client(max_retries=2)
    asked = []
    client._client.event_hooks = {"request": [lambda request: asked.append(request.url.path)]}

    assert create(client, key="once") == create(client, key="once")
    with pytest.raises(openai.ConflictError):
        create(client, key="once", prompt="Another")
    assert asked == ["/v1/videos"] * 3


def test_the_package_of_npm_does_the_same(caller: Caller, tmp_path_factory: pytest.TempPathFactory) -> None:
    source = (node_programs.PROJECT / "sdk.mjs").read_text(encoding="utf-8")
    environment = {
        "V1": f"{caller.world.stack.url}/v1",
        "KEY": caller.key,
        "BUSY_KEY": caller.busy_key,
        "BUSY_ID": caller.busy_id,
        "PICTURE": base64.b64encode(PICTURE).decode(),
        "PICTURE_URL": PICTURE_URL,
    }

    program = node_programs.write(tmp_path_factory.mktemp("npm"), "sdk.mjs", source)
    assert node_programs.run(program, environment) == "all is well\n"

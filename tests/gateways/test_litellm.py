"""LiteLLM's proxy and its fake take the same orders through the same adapter, and answer alike.

`make test-gateways` runs this; `make test` doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from clipferry.catalog.bodies import body
from clipferry.errors import ProviderRefusedError, SourceError
from clipferry.models import Mode
from clipferry.net.http_client import HttpClient
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.providers.openai_videos import OpenAiVideos
from clipferry.providers.transport import JsonApi
from clipferry.storage import Storage
from clipferry.verdicts import FailureCode, TaskState
from local.http.server import HttpServer
from local.providers.faults import Failure, Faults, Refusal
from local.providers.gateway import fake_gateway
from local.providers.gateway_wire import Kind
from local.providers.task_queue import FilmOrder
from tests.callback_receiver import until
from tests.gateways.proxy import KEY, litellm
from tests.gateways.upstream import BLOCKED, REFUSALS, Upstream
from tests.integration.mirror_fixtures import film, strict_r2
from tests.orders import order

FILM = film(200_000)
CALLBACK_URL = "https://api.example.com/api/v1/video/callback/studio?sig=ab"
ORDER = order(prompt="A ferry at dusk", model="studio", duration=8, input=body(Kind.LITELLM, Mode.TEXT))


@dataclass
class Server:
    """`orders` has the prompts that came to whoever makes the film."""

    base_url: str
    adapter: OpenAiVideos
    orders: Callable[[], list[str]]

    def submit(self, prompt: str) -> str:
        return self.adapter.submit(replace(ORDER, prompt=prompt), callback_url=CALLBACK_URL, timeout=30).task_id

    def has_ended(self, task_id: str) -> bool:
        return self.adapter.ask(task_id).state is not TaskState.RUNNING


@pytest.fixture(scope="module", params=["proxy", "fake"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with ExitStack() as scope:
        start = _proxy if request.param == "proxy" else _fake
        url, orders = start(scope)
        base_url = f"{url}/v1"
        client = HttpClient(base_url, allow_plain_http=True)
        scope.callback(client.close)
        yield Server(base_url, OpenAiVideos("studio", JsonApi(client, KEY), base_url=base_url), orders)


def _proxy(scope: ExitStack) -> tuple[str, Callable[[], list[str]]]:
    upstream = Upstream(FILM)
    http_server = HttpServer()
    scope.enter_context(http_server.serving(upstream.respond))
    return scope.enter_context(litellm(http_server.url)), lambda: upstream.orders


def _fake(scope: ExitStack) -> tuple[str, Callable[[], list[str]]]:
    fake = scope.enter_context(fake_gateway(Kind.LITELLM, api_key=KEY, seconds=0.5, film=FILM))
    fake.faults = _as_the_prompt_says
    return fake.base_url, lambda: [order["prompt"] for order in fake.orders]


def _as_the_prompt_says(order: FilmOrder) -> Faults:
    if order.prompt == "fails":
        return Faults(fail=Failure(code="moderation_blocked", message=BLOCKED))
    if order.prompt not in REFUSALS:
        return Faults()
    status, error = REFUSALS[order.prompt]
    return Faults(refuse=Refusal(status=status, code=error["code"] or "500", message=error["message"]))


def test_an_order_runs_and_then_has_its_film(server: Server) -> None:
    task_id = server.submit("A ferry at dusk")

    running = server.adapter.ask(task_id)
    assert running.state is TaskState.RUNNING
    assert running.progress is not None
    assert 0 <= running.progress < 100
    until(lambda: server.has_ended(task_id))

    report = server.adapter.ask(task_id)
    assert report.state is TaskState.SUCCEEDED
    assert report.video_url is not None
    assert report.video_url.startswith(f"{server.base_url}/videos/")
    assert server.orders().count("A ferry at dusk") == 1


@pytest.mark.parametrize("has_key", [True, False])
def test_the_film_is_mirrored_with_the_key_and_not_without_it(server: Server, has_key: bool) -> None:
    task_id = server.submit("A film to keep")
    until(lambda: server.has_ended(task_id))
    keys = {f"{server.base_url}/videos/": f"Bearer {KEY}"} if has_key else None

    with strict_r2() as r2:
        storage = Storage(
            endpoint=r2.url,
            region="auto",
            access_key=r2.access_key,
            secret_key=r2.secret_key,
            bucket=r2.name,
            public_domain=None,
            allow_loopback=True,
            source_keys=keys,
        )
        url = server.adapter.ask(task_id).video_url or ""
        if has_key:
            storage.transfer(source_url=url, key="videos/vid_1.mp4")
            assert r2.bucket.objects["videos/vid_1.mp4"].content == FILM
        else:
            with pytest.raises(SourceError):
                storage.transfer(source_url=url, key="videos/vid_1.mp4")
        storage.close()


def test_a_video_that_fails_says_why(server: Server) -> None:
    task_id = server.submit("fails")
    until(lambda: server.has_ended(task_id))

    report = server.adapter.ask(task_id)

    assert (report.state, report.failure) == (TaskState.FAILED, FailureCode.CONTENT_POLICY)


@pytest.mark.parametrize(
    ("prompt", "failure", "is_down"),
    [
        ("blocked", FailureCode.CONTENT_POLICY, False),
        ("busy", FailureCode.PROVIDER_BUSY, False),
        ("broken", FailureCode.PROVIDER_FAILED, True),
    ],
)
def test_a_refused_order_goes_on_to_nobody_a_second_time(
    server: Server, prompt: str, failure: FailureCode, is_down: bool
) -> None:
    with pytest.raises(ProviderRefusedError) as refused:
        server.submit(prompt)

    assert (refused.value.failure, refused.value.is_down) == (failure, is_down)
    assert server.orders().count(prompt) == 1


def test_an_order_has_an_estimate_of_its_cost(server: Server) -> None:
    accepted = server.adapter.submit(replace(ORDER, prompt="A cheap ferry"), callback_url=CALLBACK_URL, timeout=30)

    assert accepted.cost == ProviderCost(amount=Decimal("0.8"), currency=Currency.USD)

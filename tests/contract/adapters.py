"""Each provider's adapter over scripted answers, for the tests that are the same for all of them.

An adapter is known by the folder of its samples: three servers speak OpenAI's shape, and KIE has two endpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from clipferry.models import Order, Submission, TaskReport
from clipferry.providers.base import Provider
from clipferry.providers.evolink import Evolink
from clipferry.providers.fal import Fal
from clipferry.providers.kie import Kie
from clipferry.providers.openai_videos import OpenAiVideos
from clipferry.providers.replicate import Replicate
from clipferry.providers.transport import JsonApi
from tests.orders import order
from tests.provider_answers import API_KEY, ScriptedApi

CALLBACK_URL = "https://api.example.com/api/v1/video/callback/any?videoUuid=vid_1&ts=1&sig=ab"
GATEWAY_URL = "https://gateway.example.com/v1"
FAL_ENDPOINTS = ("bytedance/seedance-2.0/text-to-video", "fal-ai/veo3.1/fast", "fal-ai/veo3.1/fast/image-to-video")
REPLICATE_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@dataclass(frozen=True)
class Adapter:
    """`model` is one that the provider has. The samples are about `task`, and callbacks claim it."""

    make: Callable[[ScriptedApi], Provider]
    model: str
    task: str

    def submit(self, server: ScriptedApi) -> Submission:
        return submit(self.make(server), order(model=self.model))

    def ask(self, server: ScriptedApi) -> TaskReport:
        return self.make(server).ask(self.task)


def submit(provider: Provider, order: Order) -> Submission:
    return provider.submit(order, callback_url=CALLBACK_URL, timeout=10)


def fal_adapter(server: ScriptedApi) -> Fal:
    return Fal(JsonApi(server.client, API_KEY, scheme="Key", sleep=server.naps.append), endpoints=lambda: FAL_ENDPOINTS)


def gateway_adapter(server: ScriptedApi) -> OpenAiVideos:
    return OpenAiVideos("gateway", server.api, base_url=GATEWAY_URL)


ADAPTERS: Final = {
    "evolink": Adapter(
        lambda server: Evolink(server.api), "seedance-2.0-text-to-video", "task-unified-1756817821-4x3rx6ny"
    ),
    "kie": Adapter(lambda server: Kie(server.api), "bytedance/seedance-2", "task_bytedance_1765186743319"),
    "veo": Adapter(lambda server: Kie(server.api), "veo3_fast", "veo_task_abcdef123456"),
    "fal": Adapter(fal_adapter, FAL_ENDPOINTS[2], "fal-ai/veo3.1/requests/764cabcf-b745-4b3e-ae38-1200304cf45b"),
    "replicate": Adapter(
        lambda server: Replicate(server.api, webhook_secrets=[REPLICATE_SECRET]),
        "google/veo-3.1-fast",
        "ufawqhfynnddngldkgtslldrkq",
    ),
    "litellm": Adapter(gateway_adapter, "veo", "video_1"),
    "new-api": Adapter(gateway_adapter, "veo", "task_4x3rx6nyQ2mB8vLk"),
    "openrouter": Adapter(gateway_adapter, "veo", "job-abc123"),
}
each_adapter = pytest.mark.parametrize(
    "adapter",
    [ADAPTERS[name] for name in ("evolink", "kie", "veo", "fal", "replicate", "litellm")],
    ids=["evolink", "kie", "veo", "fal", "replicate", "gateway"],
)
"""One for each class and endpoint."""


def adapter_of(sample: str) -> Adapter:
    return ADAPTERS[sample.partition("/")[0]]

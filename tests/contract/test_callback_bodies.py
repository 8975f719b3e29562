"""What a callback's body claims, for every provider, and that no adapter fails of a body or shows its key."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from clipferry.errors import ClipferryError
from clipferry.providers.base import CallbackHint
from tests.contract.adapters import Adapter, adapter_of, each_adapter
from tests.provider_answers import API_KEY, GARBAGE, HTML, ScriptedApi, sample

EVOLINKS = ["task_completed", "task_completed_older", "task_failed", "task_failed_request_cancelled", "task_cancelled"]
VEOS = ["success", "success_text", "fallback_success", *(f"failed_{code}" for code in (400, 422, 451, 500, 501))]


@pytest.mark.parametrize(
    ("name", "echoes_our_url"),
    [
        *((f"evolink/{name}", False) for name in EVOLINKS),
        *((f"kie/{name}", True) for name in ("callback_success", "callback_success_older", "callback_fail")),
        *((f"veo/callback_{name}", name == "success") for name in VEOS),
        ("replicate/prediction_succeeded", True),
        ("openrouter/webhook_completed", False),
    ],
)
def test_a_callback_claims_a_task_and_echoes_our_url(server: ScriptedApi, name: str, echoes_our_url: bool) -> None:
    adapter = adapter_of(name)

    hint = adapter.make(server).read_hint(sample(name))

    assert hint.task_id == adapter.task
    assert (hint.echoed_url is not None and "videoUuid=vid_1" in hint.echoed_url) is echoes_our_url


@pytest.mark.parametrize(
    "name",
    [
        "evolink/task_completed",
        "kie/callback_success",
        "veo/callback_success",
        "fal/webhook_ok",
        "openrouter/webhook_completed",
    ],
)
def test_a_body_that_nothing_signs_is_not_believed(server: ScriptedApi, name: str) -> None:
    provider = adapter_of(name).make(server)

    provider.authenticate({}, b"anything", now=datetime(2026, 11, 30, tzinfo=UTC))
    assert provider.read_report(sample(name)) is None


UNREADABLE = [
    *GARBAGE,
    b'{"id": null}',
    b'{"id": ""}',
    b'{"id": 7}',
    b'{"id": ["task"]}',
    b'{"id": "nul \\u0000"}',
    b'{"id": "half an emoji \\ud83d"}',
    b'{"id": "' + b"x" * 100_000 + b'"}',
    b'{"id": ' * 50_000,
    b'{"task": {"id": "task"}}',
    b'{"webhook": 7, "id": null}',
    b"9" * 50_000,
]


@each_adapter
@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body)[:40])
def test_a_body_that_cannot_be_read_claims_nothing(server: ScriptedApi, adapter: Adapter, body: bytes) -> None:
    provider = adapter.make(server)

    assert provider.read_hint(body) == CallbackHint(task_id=None)
    assert provider.read_report(body) is None


@each_adapter
@pytest.mark.parametrize(
    "fault",
    [
        ScriptedApi.hangs_up,
        ScriptedApi.breaks_off,
        lambda server: server.answers(401, sample("evolink/error_401")),
        lambda server: server.answers(500, HTML),
        lambda server: server.answers(200, HTML),
    ],
    ids=["hangs up", "breaks off", "401", "500", "200"],
)
def test_no_exception_shows_the_key(
    server: ScriptedApi, adapter: Adapter, fault: Callable[[ScriptedApi], None]
) -> None:
    fault(server)

    for act in (adapter.submit, adapter.ask):
        with pytest.raises(ClipferryError) as failed:
            act(server)
        assert API_KEY not in "".join(traceback.format_exception(failed.value))

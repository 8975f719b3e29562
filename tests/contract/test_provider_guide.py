"""The worked example of docs/providers-adding.md is a provider: it does what the protocol asks of one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clipferry.errors import ProviderError, ProviderRefusedError, ProviderSilentError, TaskNotFoundError
from clipferry.providers.base import Provider
from clipferry.verdicts import TaskState
from tests.orders import order
from tests.provider_answers import GARBAGE, HTML, ScriptedApi

GUIDE = Path(__file__).parents[2] / "docs" / "providers-adding.md"
ORDER = order(prompt="A ferry", model="film-1", input={"ratio": "$aspect_ratio"})


def example() -> str:
    [code] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    return code


@pytest.fixture
def filmco(server: ScriptedApi) -> Provider:
    names: dict[str, Any] = {}
    exec(compile(example(), str(GUIDE), "exec", dont_inherit=True), names)
    return names["Filmco"](server.api)


def test_it_is_short() -> None:
    assert len(example().splitlines()) < 100


def test_it_submits(server: ScriptedApi, filmco: Provider) -> None:
    server.answers(200, b'{"film_id": "f1"}')

    assert filmco.submit(ORDER, callback_url="https://us/callback", timeout=10).task_id == "f1"
    assert server.bodies == [
        {"model": "film-1", "text": "A ferry", "seconds": 5, "notify": "https://us/callback", "ratio": "16:9"}
    ]


@pytest.mark.parametrize(
    ("status", "body"), [(402, b'{"error": {"message": "no funds"}}'), (400, HTML), (500, b'{"error": {"a": 1}}')]
)
def test_it_tells_a_refusal(server: ScriptedApi, filmco: Provider, status: int, body: bytes) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderRefusedError) as refused:
        filmco.submit(ORDER, callback_url="https://us/callback", timeout=10)
    assert refused.value.is_down == (status == 500)


@pytest.mark.parametrize(("status", "body"), [(504, HTML), (502, HTML), *((200, body) for body in GARBAGE)])
def test_it_tells_when_nobody_knows(server: ScriptedApi, filmco: Provider, status: int, body: bytes) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderSilentError):
        filmco.submit(ORDER, callback_url="https://us/callback", timeout=10)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("waiting", TaskState.RUNNING),
        ("ready", TaskState.SUCCEEDED),
        ("broken", TaskState.FAILED),
        ("archived", TaskState.UNKNOWN),
        (None, TaskState.UNKNOWN),
    ],
)
def test_it_tells_what_became_of_a_task(
    server: ScriptedApi, filmco: Provider, state: object, expected: TaskState
) -> None:
    server.answers(200, json.dumps({"state": state, "url": "https://files/1.mp4"}).encode())

    assert filmco.ask("f1").state is expected


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda server: server.answers(404, b"{}"), TaskNotFoundError),
        (lambda server: server.answers(200, b'{"state": "ready"}'), ProviderError),
        (lambda server: server.answers(200, HTML), ProviderError),
    ],
)
def test_it_tells_when_it_cannot(
    server: ScriptedApi, filmco: Provider, answer: Callable[[ScriptedApi], None], error: type[ProviderError]
) -> None:
    answer(server)

    with pytest.raises(error):
        filmco.ask("f1")


@pytest.mark.parametrize("body", GARBAGE)
def test_no_body_makes_it_fail(filmco: Provider, body: bytes) -> None:
    assert filmco.read_hint(body).task_id is None
    assert filmco.read_report(body) is None

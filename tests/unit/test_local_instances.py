"""Threads that are instances of a function share nothing that two instances wouldn't."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from clipferry import runtime
from clipferry.dependencies import Dependencies
from local.lambda_runtime import function_instances
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import LambdaContext
from local.sam_template.environment import in_process
from local.sam_template.resources import Function
from tests.http_api import environment
from tests.local_functions import local_function

THREADS = 8

HANDLER = """
import io
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

app = APIGatewayHttpResolver()
log = io.StringIO()
logger = Logger(service="shared", stream=log)
calls = []

@app.get("/wait/<name>")
def wait(name):
    app.lambda_context.everybody_is_here.wait(10)
    logger.info("answering")
    return {"name": name, "path": app.current_event.path, "keys": logger.get_current_keys()}

@logger.inject_lambda_context(correlation_id_path="requestContext.http.path", clear_state=True)
def lambda_handler(event, context):
    calls.append(event)
    answer = app.resolve(event, context)
    return {"answer": answer["body"], "calls": len(calls)}
"""


OWN_DEPENDENCIES = """
from clipferry import runtime

@runtime.invocation
def lambda_handler(event, context):
    dependencies = runtime.dependencies()
    context.everybody_is_here.wait(10)
    assert runtime.dependencies() is dependencies
    return dependencies
"""


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    yield from function_of(HANDLER, tmp_path, monkeypatch)


@pytest.fixture
def dependent_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    """Its handler returns the dependencies that it works with."""
    runtime.reset()
    with in_process(environment("postgresql://127.0.0.1:9/nobody")):
        yield from function_of(OWN_DEPENDENCIES, tmp_path, monkeypatch)
    runtime.reset()


def function_of(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    package = tmp_path / "waiting_function"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "app.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield local_function("Waiting", module="waiting_function.app")
    for name in ("waiting_function", "waiting_function.app"):
        sys.modules.pop(name, None)


def context(everybody_is_here: threading.Barrier) -> LambdaContext:
    made = LambdaContext(function_name="Waiting", timeout_seconds=30)
    object.__setattr__(made, "everybody_is_here", everybody_is_here)
    return made


def test_requests_at_the_same_time_keep_their_own_event_log_keys_and_module(function: Function) -> None:
    handler = function_instances.load(function)
    everybody_is_here = threading.Barrier(THREADS)

    def call(number: int) -> Any:
        event = http_event("GET", f"/wait/{number}", route_key="GET /wait/{name}")
        return handler(event, context(everybody_is_here))

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(call, range(THREADS)))

    for number, answer in enumerate(answers):
        assert f'"name":"{number}","path":"/wait/{number}"' in answer["answer"]
        assert f'"correlation_id":"/wait/{number}"' in answer["answer"]
        assert answer["calls"] == 1


def test_a_thread_keeps_its_copy_of_the_module_warm(function: Function) -> None:
    handler = function_instances.load(function)
    event = http_event("GET", "/wait/1", route_key="GET /wait/{name}")

    calls = [handler(event, context(threading.Barrier(1)))["calls"] for _ in range(3)]

    assert calls == [1, 2, 3]


def test_threads_at_the_same_time_have_dependencies_of_their_own_and_keep_them(dependent_function: Function) -> None:
    handler = function_instances.load(dependent_function)
    everybody_is_here = threading.Barrier(2)

    def call_twice(_: int) -> list[Dependencies]:
        return [handler({}, context(everybody_is_here)) for _ in range(2)]

    with ThreadPoolExecutor(2) as threads:
        (first, first_again), (second, second_again) = threads.map(call_twice, range(2))

    assert first is first_again
    assert second is second_again
    assert first is not second
    assert first.database is not second.database


def test_a_module_that_is_not_there_is_an_import_error(function: Function) -> None:
    with pytest.raises(ImportError, match="nowhere"):
        function_instances.load(local_function("Missing", module="waiting_function.nowhere"))

"""Each rule of the template holds, and a copy of the template that breaks it is found, with the culprit's name.

The copies are of template.yaml itself; then SAM's transform is applied, by SAM CLI's own translator in its environment.
"""

from __future__ import annotations

import ast
import copy
import inspect
import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from local.sam_template.intrinsics import parse
from tests.contract.rules import alarms, deploying, observing, permissions, queues
from tests.contract.rules.breaks import BREAKS
from tests.contract.rules.deployed import EVERYTHING, Deployed

ROOT = Path(__file__).parents[2]
TRANSFORM = (str(ROOT / ".tools/sam/bin/python"), str(ROOT / "tools/transform_template.py"))

Rule = Callable[[Deployed], list[str]]


SENDING = {
    "MirrorQueue": (".mirror_queue,", ".advance_context"),
    "WebhookQueue": (".webhook_queue,", ".advance_context", "providers=dependencies.providers"),
}
"""What a function's code has where it sends to the queue. Whoever asks providers may end a video: that is announced."""


def sent_by_code() -> dict[str, set[str]]:
    """The functions whose code sends to each queue."""
    return {queue: {_logical_id(app) for app in _apps_with(words)} for queue, words in SENDING.items()}


def _apps_with(words: tuple[str, ...]) -> list[Path]:
    apps = (ROOT / "functions").glob("*/app.py")
    return [app for app in apps if any(word in app.read_text(encoding="utf-8") for word in words)]


def _logical_id(app: Path) -> str:
    return "".join(word.title() for word in app.parent.name.split("_")) + "Function"


def counted_by_code() -> dict[str, frozenset[frozenset[str]]]:
    """The metrics that the layer and the functions count, each with the sets of dimensions that it is counted with."""
    found: dict[str, set[frozenset[str]]] = {}
    for file in [*(ROOT / "layers/shared/clipferry").rglob("*.py"), *(ROOT / "functions").glob("*/app.py")]:
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(func=ast.Name("count"), args=[ast.Constant(str(name)), *_], keywords=given):
                    dimensions = frozenset(k.arg for k in given if k.arg is not None) - {"unit", "value"}
                    found.setdefault(name, set()).add(dimensions)
    return {name: frozenset(dimensions) for name, dimensions in found.items()}


ARGUMENTS: dict[str, dict[str, Any]] = {
    "whose_code_sends_to_a_queue_may_do_so_and_nobody_else": {"senders": sent_by_code()},
    "own_metrics_are_those_that_the_code_counts": {"counted": counted_by_code()},
}


def rules() -> dict[str, Rule]:
    """Every public function of the modules of rules."""
    modules: tuple[ModuleType, ...] = (queues, permissions, deploying, observing, alarms)
    return {
        name: partial(function, **ARGUMENTS.get(name, {}))
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }


@pytest.fixture(scope="module")
def transformed() -> list[Deployed]:
    """The template, and behind it each broken copy."""
    document = parse((ROOT / "template.yaml").read_text())
    copies = [document]
    for _, _, change in BREAKS:
        broken = copy.deepcopy(document)
        change(broken)
        copies.append(broken)
    wanted = [{"template": one, "parameters": EVERYTHING} for one in copies]
    done = subprocess.run(TRANSFORM, input=json.dumps(wanted), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [Deployed(raw) for raw in json.loads(done.stdout)]


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_rule_holds(transformed: list[Deployed], rule: Rule) -> None:
    assert rule(transformed[0]) == []


@pytest.mark.parametrize("number", range(len(BREAKS)), ids=[f"{name}-{culprit}" for name, culprit, _ in BREAKS])
def test_broken_rule_is_found_and_names_the_culprit(transformed: list[Deployed], number: int) -> None:
    name, culprit, _ = BREAKS[number]
    broken = transformed[number + 1]
    assert "error" not in broken.raw

    faults = rules()[name](broken)

    assert any(culprit in fault for fault in faults), faults


def test_every_rule_can_be_broken() -> None:
    assert {name for name, _, _ in BREAKS} == set(rules())

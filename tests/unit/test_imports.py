"""What a cold start may load: each function in a clean interpreter, against a list of what it has no use for."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from local.sam_template.read import read_template
from tests.forbidden_imports import COMMAND, FORBIDDEN, loaded, trespassers

TESTS = Path(__file__).parents[1]


def test_every_function_has_its_list() -> None:
    assert set(FORBIDDEN) == {function.module.split(".")[-2] for function in read_template().functions}


def test_every_module_of_ours_on_a_list_exists() -> None:
    """A name that has gone forbids nothing."""
    ours = {"clipferry", "local", "cli", "tests", "benchmarks"}
    lists = (*FORBIDDEN.values(), COMMAND)
    named = {name for forbidden in lists for name in forbidden if name.partition(".")[0] in ours}
    assert [name for name in sorted(named) if find_spec(name) is None] == []


def test_what_tests_share_is_in_no_test_module_and_in_no_conftest() -> None:
    found = re.compile(r"^from (tests\.\S*\b(?:test_\w+|conftest)) import", re.MULTILINE)
    assert [(file.name, name) for file in TESTS.rglob("*.py") for name in found.findall(file.read_text())] == []


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_function_imports_nothing_that_it_has_no_use_for(name: str) -> None:
    assert trespassers(loaded(f"import functions.{name}.app"), FORBIDDEN[name]) == []


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("create_video", "import boto3"),
        ("create_video", "import clipferry.storage"),
        ("receive_callback", "from aws_lambda_powertools.event_handler.middlewares import openapi_validation"),
        ("mirror_video", "import av"),
        ("deliver_webhooks", "import clipferry.storage"),
        ("reconcile", "import clipferry.api.app"),
        ("query_videos", "import requests"),
        ("account", "import local.stack"),
        ("housekeep", "import email.mime.text"),
    ],
)
def test_a_planted_import_is_found(name: str, planted: str) -> None:
    assert trespassers(loaded(f"import functions.{name}.app\n{planted}"), FORBIDDEN[name])


def test_powertools_takes_no_more_of_botocore_than_its_name() -> None:
    modules = loaded("import clipferry.observability")
    assert {module for module in modules if module.partition(".")[0] == "botocore"} <= {"botocore"}

"""The template against the design: routes, the queue's promises, the settings that a deployed function finds."""

from __future__ import annotations

import json
import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import SecretStr

from clipferry import settings
from clipferry.settings import Settings
from local import template
from local.intrinsics import parse
from local.resources import Template
from local.routes import DEFAULT_PATH

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"

PARAMETERS = {
    "StorageEndpoint": "https://0123456789abcdef.r2.cloudflarestorage.com",
    "StorageBucket": "videos",
    "StorageDomain": "https://cdn.example.com",
}
"""The parameters that have no default: only the owner knows these."""

ROUTES = {
    "POST /api/v1/video/generate": "CreateVideoFunction",
    "POST /api/v1/video/{uuid}/retry": "CreateVideoFunction",
    "POST /api/v1/video/callback/{provider}": "ReceiveCallbackFunction",
    "GET /api/v1/video/list": "QueryVideosFunction",
    "GET /api/v1/video/{uuid}": "QueryVideosFunction",
    "DELETE /api/v1/video/{uuid}": "QueryVideosFunction",
    "GET /api/v1/video/{uuid}/status": "QueryVideosFunction",
    "GET /api/v1/credit/balance": "AccountFunction",
    "GET /api/v1/credit/history": "AccountFunction",
    "POST /api/v1/credit/grant": "AccountFunction",
    "POST /api/v1/upload/presign": "AccountFunction",
    "GET /api/v1/config/models": "AccountFunction",
    "GET /api/v1/user/me": "AccountFunction",
    "GET /api/v1/openapi.json": "AccountFunction",
    "GET /api/v1/health": "QueryVideosFunction",
    "$default": "QueryVideosFunction",
}
"""The HTTP contract. There are no other routes: what isn't promised isn't reachable."""

FOUNDING_VARIABLES = {
    "STORAGE_ENDPOINT",
    "STORAGE_REGION",
    "STORAGE_ACCESS_KEY",
    "STORAGE_SECRET_KEY",
    "STORAGE_BUCKET",
    "STORAGE_DOMAIN",
    "EVOLINK_API_KEY",
    "KIE_API_KEY",
    "DEFAULT_AI_PROVIDER",
    "AI_CALLBACK_URL",
    "CALLBACK_HMAC_SECRET",
}
"""Those of the Next.js application, whose .env must do for Clipferry, too."""

SETTING = re.compile(r"[A-Z_]+=")

SECRETS = {
    name.upper()
    for name, field in Settings.model_fields.items()
    if field.annotation is SecretStr or SecretStr in get_args(field.annotation)
}


@pytest.fixture(scope="module")
def deployed() -> Template:
    queue = {"Ref": "https://sqs.us-east-1.amazonaws.com/123456789012/clipferry-mirror"}
    return template.read(parameters=PARAMETERS, attributes={"MirrorQueue": queue})


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return parse((ROOT / "template.yaml").read_text())


@pytest.fixture(scope="module")
def resources(document: dict[str, Any]) -> dict[str, Any]:
    """Each resource's type, and its properties with Globals."""
    functions = document["Globals"]["Function"]
    return {
        name: {**(functions if resource["Type"].endswith("Function") else {}), **resource.get("Properties", {})}
        for name, resource in document["Resources"].items()
    }


def function_names(document: dict[str, Any]) -> list[str]:
    return [name for name, found in document["Resources"].items() if found["Type"] == "AWS::Serverless::Function"]


def test_routes_are_those_of_the_contract(deployed: Template) -> None:
    assert {route.key: route.function for route in deployed.routes} == ROUTES


def test_every_route_is_one_that_its_handler_answers(deployed: Template) -> None:
    for route in deployed.routes:
        if route.path == DEFAULT_PATH:
            continue
        handler = import_module(deployed.function(route.function).module)
        path = route.path.replace("{", "<").replace("}", ">")
        known = {(found.method, found.path) for found in handler.app._static_routes + handler.app._dynamic_routes}
        assert (route.method, path) in known, route.key


def test_every_handler_is_deployed(deployed: Template) -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert {function.module.split(".")[1] for function in deployed.functions} == folders


def test_every_function_has_its_handler_and_its_event(deployed: Template) -> None:
    for function in deployed.functions:
        assert callable(getattr(import_module(function.module), function.attribute))
        assert (EVENTS / f"{function.module.split('.')[1]}.json").is_file()


def test_http_functions_give_up_before_api_gateway_does(deployed: Template) -> None:
    assert {function.timeout_seconds for function in deployed.functions if function.routes} == {29}


def test_message_comes_back_only_after_six_times_what_the_function_may_take(deployed: Template) -> None:
    queues = {queue.name: queue for queue in deployed.queues}
    for function in deployed.functions:
        for source in function.queues:
            assert queues[source.queue].visibility_seconds >= 6 * function.timeout_seconds


def test_message_is_tried_five_times_and_then_kept_for_14_days(deployed: Template) -> None:
    queues = {queue.name: queue for queue in deployed.queues}
    for source in (source for function in deployed.functions for source in function.queues):
        queue = queues[source.queue]
        assert queue.max_receive_count is not None
        assert queue.max_receive_count >= 5
        assert queue.dead_letters is not None
        assert queues[queue.dead_letters].retention_seconds == 14 * 24 * 3600


def test_only_the_failed_messages_of_a_batch_come_back(deployed: Template) -> None:
    sources = [source for function in deployed.functions for source in function.queues]
    assert sources
    assert all(source.reports_batch_failures for source in sources)
    assert all(2 <= (source.maximum_concurrency or 0) <= 1000 for source in sources)


def test_reconcile_ends_before_its_next_run(deployed: Template) -> None:
    reconcile = deployed.function("ReconcileFunction")
    [schedule] = reconcile.schedules
    assert schedule.seconds == 60
    assert reconcile.timeout_seconds < schedule.seconds


def test_whose_code_sends_to_the_mirror_may_do_so_and_nobody_else(
    deployed: Template, resources: dict[str, Any]
) -> None:
    may_send = {"SQSSendMessagePolicy": {"QueueName": {"Fn::GetAtt": "MirrorQueue.QueueName"}}}
    for function in deployed.functions:
        source = (ROOT / function.module.replace(".", "/")).with_suffix(".py").read_text()
        sends = re.search(r"runtime\.(advance|mirror_queue)\(", source) is not None
        assert (may_send in resources[function.name].get("Policies", [])) == sends, function.name


def test_one_parameter_says_the_architecture_of_everything(document: dict[str, Any], resources: dict[str, Any]) -> None:
    parameter = [{"Ref": "Architecture"}]
    assert all(resources[name]["Architectures"] == parameter for name in function_names(document))
    for name in ("SharedLayer", "ThumbnailLayer"):
        assert resources[name]["CompatibleArchitectures"] == parameter
        layer = document["Resources"][name]["Metadata"]
        assert layer["BuildArchitecture"] == {"Ref": "Architecture"}
        folder = layer["ContextPath"]["Fn::Sub"]
        for architecture in document["Parameters"]["Architecture"]["AllowedValues"]:
            assert (ROOT / folder.replace("${Architecture}", architecture) / "Makefile").is_file()


def test_every_function_runs_on_python_3_13_with_the_layer(document: dict[str, Any], resources: dict[str, Any]) -> None:
    for name in function_names(document):
        assert resources[name]["Runtime"] == "python3.13"
        # SAM puts the layers of Globals before a function's own.
        own = document["Resources"][name]["Properties"].get("Layers", [])
        assert own == ([{"Ref": "ThumbnailLayer"}] if name == "MirrorVideoFunction" else [])
        assert resources[name]["Description"]
    assert document["Globals"]["Function"]["Layers"] == [{"Ref": "SharedLayer"}]
    for layer in ("SharedLayer", "ThumbnailLayer"):
        assert resources[layer]["CompatibleRuntimes"] == ["python3.13"]


def test_every_parameter_but_the_owners_own_has_a_default(document: dict[str, Any]) -> None:
    without = {name for name, parameter in document["Parameters"].items() if "Default" not in parameter}
    assert without == set(PARAMETERS)
    assert all(parameter["Description"] for parameter in document["Parameters"].values())


def test_template_sets_only_what_the_settings_know(deployed: Template) -> None:
    known = set(Settings.variables().values())
    for function in deployed.functions:
        assert {*function.environment, *function.unresolved} <= known


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_deployed_function_finds_every_setting_that_it_needs(deployed: Template, stage: str) -> None:
    for function in deployed.functions:
        from_the_secret = dict.fromkeys(function.unresolved, "a secret of more than 32 characters")
        settings.load({**function.environment, **from_the_secret, "STAGE": stage})


def test_secrets_come_from_the_secret_and_nothing_else_does(deployed: Template, document: dict[str, Any]) -> None:
    for function in deployed.functions:
        assert set(function.unresolved) == SECRETS & {*function.environment, *function.unresolved}
        for name, value in function.unresolved.items():
            assert value == f"{{{{resolve:secretsmanager:clipferry:SecretString:{name}}}}}"
    described = document["Parameters"]["SecretsName"]["Description"]
    wanted = {name for function in deployed.functions for name in function.unresolved}
    assert set(re.findall(r"[A-Z]+(?:_[A-Z]+)+", described)) == wanted


def test_env_json_overrides_every_variable_that_sam_local_can_override(deployed: Template) -> None:
    """`sam local` silently drops a variable that the template doesn't declare."""
    declared = {name for function in deployed.functions for name in {*function.environment, *function.unresolved}}
    stored = json.loads((EVENTS / "env.json").read_text())["Parameters"]
    assert set(stored) == declared
    assert settings.load(stored).stage == "local"


def test_env_example_explains_every_setting() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {line.partition("=")[0]: before for before, line in pairwise(lines) if SETTING.match(line)}
    explained = {name for name, before in named.items() if re.match(r"# \w", before)}
    assert explained == set(Settings.variables().values())
    assert explained >= FOUNDING_VARIABLES


def test_env_example_is_an_environment_that_works() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    settings.load(dict(line.split("=", 1) for line in lines if SETTING.match(line)))


def test_events_are_for_routes_that_exist(deployed: Template) -> None:
    routes = {route.key for route in deployed.routes}
    stored = [json.loads(path.read_text()) for path in EVENTS.glob("*.json")]
    named = {event["routeKey"] for event in stored if "routeKey" in event}
    assert len(named) == 4
    assert named <= routes

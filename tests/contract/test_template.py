"""The template against the design: routes, the queue's promises, the settings that a deployed function finds."""

from __future__ import annotations

import json
import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clipferry import settings
from clipferry.db.webhook_deliveries import LEASE_SECONDS
from clipferry.net.guarded_post import TOTAL_SECONDS
from clipferry.settings import Settings
from local.lambda_runtime.routes import DEFAULT_PATH, find
from local.sam_template.intrinsics import parse
from local.sam_template.read import read_template
from local.sam_template.resources import Template
from tests.contract.rules.deployed import EVERYTHING, REQUIRED
from tests.contract.rules.permissions import SECRETS

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"

ROUTES = {
    "POST /api/v1/video/generate": "CreateVideoFunction",
    "POST /api/v1/video/{uuid}/retry": "CreateVideoFunction",
    "POST /api/v1/video/{uuid}/cancel": "CreateVideoFunction",
    "POST /api/v1/video/callback/{provider}": "ReceiveCallbackFunction",
    "GET /api/v1/video/list": "QueryVideosFunction",
    "GET /api/v1/video/events": "QueryVideosFunction",
    "GET /api/v1/video/{uuid}": "QueryVideosFunction",
    "DELETE /api/v1/video/{uuid}": "QueryVideosFunction",
    "GET /api/v1/video/{uuid}/status": "QueryVideosFunction",
    "GET /api/v1/video/{uuid}/content": "QueryVideosFunction",
    "POST /v1/videos": "CreateVideoFunction",
    "GET /v1/videos": "QueryVideosFunction",
    "GET /v1/videos/{uuid}": "QueryVideosFunction",
    "DELETE /v1/videos/{uuid}": "QueryVideosFunction",
    "GET /v1/videos/{uuid}/content": "QueryVideosFunction",
    "GET /v1/models": "AccountFunction",
    "HEAD /v1/models": "AccountFunction",
    "POST /api/v1/key": "AccountFunction",
    "GET /api/v1/key": "AccountFunction",
    "HEAD /api/v1/key": "AccountFunction",
    "DELETE /api/v1/key/{id}": "AccountFunction",
    "GET /api/v1/credit/balance": "AccountFunction",
    "GET /api/v1/credit/history": "AccountFunction",
    "POST /api/v1/credit/grant": "AccountFunction",
    "POST /api/v1/upload/presign": "AccountFunction",
    "GET /api/v1/config/models": "AccountFunction",
    "GET /api/v1/user/me": "AccountFunction",
    "GET /api/v1/webhook/secret": "AccountFunction",
    "GET /api/v1/openapi.json": "AccountFunction",
    "HEAD /api/v1/credit/balance": "AccountFunction",
    "HEAD /api/v1/credit/history": "AccountFunction",
    "HEAD /api/v1/config/models": "AccountFunction",
    "HEAD /api/v1/user/me": "AccountFunction",
    "HEAD /api/v1/webhook/secret": "AccountFunction",
    "HEAD /api/v1/openapi.json": "AccountFunction",
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
"""Variables of the Next.js application, whose .env must do for Clipferry, too."""

SETTING = re.compile(r"[A-Z0-9_]+=")

NOT_SETTINGS = {"DEPLOY_ID", "POWERTOOLS_METRICS_NAMESPACE"}
"""Variables that others read than our settings: Lambda, which publishes what has changed, and Powertools."""

SECRET = dict.fromkeys(SECRETS, "a-secret-of-more-than-32-characters") | {
    "DATABASE_URL": "postgresql://app@db.example.com/app?sslmode=verify-full",
    "DATABASE_DIRECT_URL": "",
    "VIDEO_GATEWAYS": '{"litellm": {"base_url": "https://litellm.example.com/v1", "api_key": "sk"}}',
    **dict.fromkeys(
        ("REPLICATE_WEBHOOK_SECRET", "WEBHOOK_SECRET", "WEBHOOK_SECRET_PREVIOUS"),
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    ),
}
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/clipferry-mirror"
WEBHOOK_QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/clipferry-webhooks"


@pytest.fixture(scope="module")
def deployed() -> Template:
    queues = {"MirrorQueue": {"Ref": QUEUE_URL}, "WebhookQueue": {"Ref": WEBHOOK_QUEUE_URL}}
    return read_template(parameters=REQUIRED, attributes=queues)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return parse((ROOT / "template.yaml").read_text())


def test_routes_are_those_of_the_contract(deployed: Template) -> None:
    assert {route.key: route.function for route in deployed.routes} == ROUTES


def test_every_route_is_one_that_its_handler_answers(deployed: Template) -> None:
    for route in deployed.routes:
        if route.path == DEFAULT_PATH or route.method == "HEAD":  # the router makes a GET of it
            continue
        handler = import_module(deployed.function(route.function).module)
        known = {
            (found.method, shape(found.path)) for found in handler.app._static_routes + handler.app._dynamic_routes
        }
        assert (route.method, shape(route.path)) in known, route.key


def shape(path: str) -> str:
    """The path without its parameters' names, which only the handler reads: `{id}` is `<key_id>` there."""
    return re.sub(r"[{<]\w+[}>]", "{}", path)


def test_head_comes_to_the_function_that_answers_get(deployed: Template) -> None:
    """By a route of its own, or by `$default` where that leads to the same function."""
    for route in deployed.routes:
        if route.method == "GET":
            found = find(deployed.routes, "HEAD", route.path)
            assert found is not None
            assert found.function == route.function, route.key


def test_every_handler_is_deployed(deployed: Template) -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert {function.module.split(".")[1] for function in deployed.functions} == folders


def test_every_function_has_its_handler_and_its_event(deployed: Template) -> None:
    for function in deployed.functions:
        assert callable(getattr(import_module(function.module), function.attribute))
        assert (EVENTS / f"{function.module.split('.')[1]}.json").is_file()


def test_reconcile_runs_every_minute_and_housekeep_every_day_and_each_ends_before_its_next_run(
    deployed: Template,
) -> None:
    planned = {
        "ReconcileFunction": ("rate(1 minute)", 60),
        "DeliverWebhooksFunction": ("rate(1 minute)", 60),
        "HousekeepFunction": ("cron(30 4 * * ? *)", 24 * 3600),
    }
    for name, (expression, seconds) in planned.items():
        function = deployed.function(name)
        [schedule] = function.schedules
        assert schedule.expression == expression
        assert function.timeout_seconds < seconds


def test_the_mirror_takes_one_message_at_a_time_which_is_hidden_for_half_an_hour_and_given_up_after_five_tries(
    deployed: Template,
) -> None:
    [source] = deployed.function("MirrorVideoFunction").queues
    queues = {queue.name: queue for queue in deployed.queues}
    queue = queues[source.queue]
    assert (source.queue, source.batch_size, source.reports_batch_failures) == ("MirrorQueue", 1, True)
    assert (queue.visibility_seconds, queue.max_receive_count, queue.dead_letters) == (1800, 5, "MirrorDeadLetters")
    assert queues["MirrorDeadLetters"].retention_seconds == 14 * 24 * 3600


def test_webhooks_are_taken_one_at_a_time_hidden_for_three_minutes_and_given_up_after_five_crashes(
    deployed: Template,
) -> None:
    function = deployed.function("DeliverWebhooksFunction")
    [source] = function.queues
    queues = {queue.name: queue for queue in deployed.queues}
    queue = queues[source.queue]
    assert (source.queue, source.batch_size, source.reports_batch_failures) == ("WebhookQueue", 1, True)
    assert (queue.visibility_seconds, queue.max_receive_count, queue.dead_letters) == (180, 5, "WebhookDeadLetters")
    assert TOTAL_SECONDS < function.timeout_seconds < LEASE_SECONDS


def test_functions_have_the_memory_and_the_time_that_were_measured(deployed: Template) -> None:
    sizes = {function.name: (function.memory_mb, function.timeout_seconds) for function in deployed.functions}
    assert sizes["CreateVideoFunction"] == (512, 29)
    assert sizes["MirrorVideoFunction"] == (1024, 300)
    assert sizes["ReconcileFunction"] == (512, 55)


def test_each_layer_is_built_by_the_makefile_of_its_architecture(document: dict[str, Any]) -> None:
    for name in ("SharedLayer", "ThumbnailLayer"):
        layer = document["Resources"][name]["Metadata"]
        assert layer["BuildArchitecture"] == {"Ref": "Architecture"}
        folder = layer["ContextPath"]["Fn::Sub"]
        for architecture in document["Parameters"]["Architecture"]["AllowedValues"]:
            assert (ROOT / folder.replace("${Architecture}", architecture) / "Makefile").is_file()


def test_every_parameter_but_the_owners_own_has_a_default(document: dict[str, Any]) -> None:
    without = {name for name, parameter in document["Parameters"].items() if "Default" not in parameter}
    assert without == set(REQUIRED)


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_every_parameter_says_what_it_is_and_takes_its_own_default(document: dict[str, Any], stage: str) -> None:
    given = {**REQUIRED, **EVERYTHING, "Stage": stage}
    for name, parameter in document["Parameters"].items():
        assert len(parameter["Description"]) > 20, name
        for value in (parameter.get("Default"), given.get(name)):
            if value is None:
                continue
            assert value in parameter.get("AllowedValues", [value]), name
            assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(value)), name
            if parameter["Type"] == "Number":
                assert parameter.get("MinValue", 0) <= value <= parameter.get("MaxValue", value), name


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("SecretsArn", "clipferry/dev"),
        ("SecretsArn", "arn:aws:secretsmanager:us-east-1:123456789012:secret:clipferry/*"),
        ("SecretsArn", "arn:aws:secretsmanager:us-east-1:123456789012:secret:clipferry"),
        ("StorageEndpoint", "http://storage.example.com"),
        ("AllowedOrigins", "*"),
        ("AllowedOrigins", "https://a.example, https://b.example"),
        ("AllowedOrigins", "https://a.example/"),
        ("AllowedOrigins", "https://A.example"),
        ("AllowedOrigins", "http://a.example"),
        ("AllowedOrigins", "null"),
        ("DomainName", "https://api.example.com"),
        ("SubnetIds", "subnet-1, subnet-2"),
        ("DeployId", "yesterday"),
        ("WebhookUrl", "http://app.example.com/webhooks"),
        ("WebhookUrl", "https://app.example.com/webhooks?token=secret"),
        ("WebhookCreditsLow", "0"),
        ("ModelsLayerArn", "arn:aws:lambda:us-east-1:123456789012:layer:models"),
    ],
)
def test_value_that_cannot_work_is_refused_by_its_pattern(document: dict[str, Any], parameter: str, value: str) -> None:
    assert not re.fullmatch(document["Parameters"][parameter]["AllowedPattern"], value)


def test_template_sets_only_what_the_settings_know(deployed: Template) -> None:
    known = {*map(str.upper, Settings.model_fields), *NOT_SETTINGS}
    for function in deployed.functions:
        assert {*function.environment, *function.unresolved} <= known


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_deployed_function_finds_every_setting_that_it_needs(deployed: Template, stage: str) -> None:
    for function in deployed.functions:
        assert not function.unresolved
        found = settings.load({**function.environment, "STAGE": stage}, SECRET)
        assert found.secrets_arn == REQUIRED["SecretsArn"]
        assert (found.mirror_queue_url, found.webhook_queue_url) == (QUEUE_URL, WEBHOOK_QUEUE_URL)
        assert (found.generation_deadline_seconds, found.submit_deadline_seconds) == (3600, 3900)


def test_every_secret_is_declared_empty_for_sam_local_to_override(deployed: Template, document: dict[str, Any]) -> None:
    declared = {name for function in deployed.functions for name in function.environment}
    assert declared >= SECRETS
    for function in deployed.functions:
        assert not any(function.environment.get(name) for name in SECRETS)
    described = document["Parameters"]["SecretsArn"]["Description"]
    assert set(re.findall(r"[A-Z]+(?:_[A-Z]+)+", described)) == SECRETS


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
    assert explained == set(map(str.upper, Settings.model_fields))
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

"""Rules of what an owner sees: logs, traces, the dashboard."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.contract.rules.deployed import EVERYTHING, Deployed, functions, of_type

LOGGED = {"requestId", "requestTime", "identity.sourceIp", "routeKey", "status", "integrationStatus", "responseLatency"}
"""Fields of a request: numbers, names of ours, times. What has somebody else's words in it may have quotes in it."""
SHOWN_NOWHERE = ("$context.path", "queryString", "header", "authorizer", "identity.user", "requestOverride")
"""Variables that may hold secrets: a callback's signature is in its query, tokens are in headers."""


def _groups(deployed: Deployed) -> dict[str, Any]:
    return {name: r for name, r in deployed.full.items() if r["Type"] == "AWS::Logs::LogGroup"}


def every_function_logs_to_its_own_group(deployed: Deployed) -> list[str]:
    used = [f.get("LoggingConfig", {}).get("LogGroup") for f in functions(deployed.full).values()]
    return [
        f"{name} logs to {group}"
        for name, group in zip(functions(deployed.full), used, strict=True)
        if group not in _groups(deployed) or used.count(group) > 1
    ]


def function_writes_to_its_own_log_alone(deployed: Deployed) -> list[str]:
    faults = []
    for name, function in functions(deployed.full).items():
        role = deployed.full[function["Role"].removesuffix(".Arn")]["Properties"]
        found = [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"] if "logs:" in str(s["Action"])]
        if [s["Resource"] for s in found] != [f"{function['LoggingConfig']['LogGroup']}.Arn"]:
            faults.append(f"{name} may write to other logs than its own")
    return faults


def logs_end_by_their_retention_and_outlive_the_stack(deployed: Deployed) -> list[str]:
    """But not a first deployment that failed: each new try would leave nine more behind."""
    faults = [
        f"{name} isn't kept for 30 days"
        for name, g in _groups(deployed).items()
        if str(g["Properties"].get("RetentionInDays")) != "30"
    ]
    return faults + [
        f"{name} goes with the stack"
        for name, group in _groups(deployed).items()
        if (group.get("DeletionPolicy"), group.get("UpdateReplacePolicy")) != ("RetainExceptOnCreate", "Retain")
    ]


def access_log_shows_no_secret(deployed: Deployed) -> list[str]:
    faults = []
    for name, stage in of_type(deployed.full, "AWS::ApiGatewayV2::Stage"):
        settings = stage.get("AccessLogSettings")
        if not settings or settings["DestinationArn"].removesuffix(".Arn") not in _groups(deployed):
            faults.append(f"{name} has no access log with a retention")
        else:
            faults += [f"{name} logs {word}" for word in SHOWN_NOWHERE if word in settings["Format"]]
    return faults


def access_log_is_json_whatever_comes(deployed: Deployed) -> list[str]:
    """A line that isn't, no metric filter reads: API Gateway puts values between the quotes as they are."""
    faults = []
    for name, stage in of_type(deployed.full, "AWS::ApiGatewayV2::Stage"):
        shown = stage.get("AccessLogSettings", {}).get("Format", "{}")
        named = set(re.findall(r"\$context\.([\w.]+)", shown))
        faults += [f"{name} logs {variable}, which may be anything" for variable in sorted(named - LOGGED)]
        if not isinstance(json.loads(re.sub(r"\$context\.[\w.]+", "x", shown)), dict):
            faults.append(f"{name} logs no JSON object")
    return faults


def api_is_throttled(deployed: Deployed) -> list[str]:
    return [
        f"{name} is not throttled"
        for name, stage in of_type(deployed.full, "AWS::ApiGatewayV2::Stage")
        if not stage.get("DefaultRouteSettings", {}).get("ThrottlingRateLimit")
    ]


def browsers_are_let_in_by_their_origin(deployed: Deployed) -> list[str]:
    """Cookies are allowed, so not every origin may be; without a front end none is."""
    expected = {
        "allowOrigins": EVERYTHING["AllowedOrigins"].split(","),
        "allowMethods": ["GET", "POST", "DELETE"],
        "allowHeaders": ["authorization", "content-type", "idempotency-key"],
        "exposeHeaders": ["idempotent-replayed", "retry-after"],
        "allowCredentials": True,
        "maxAge": 3600,
    }
    faults = []
    for made, wanted in ((deployed.full, expected), (deployed.bare, None)):
        for name, api in of_type(made, "AWS::ApiGatewayV2::Api"):
            cors = api["Body"].get("x-amazon-apigateway-cors")
            if cors != wanted:
                faults.append(f"{name} lets in {cors}")
    return faults


def tracing_is_off_by_default(deployed: Deployed) -> list[str]:
    off = {name: f.get("TracingConfig", {}).get("Mode") for name, f in functions(deployed.bare).items()}
    on = {name: f.get("TracingConfig", {}).get("Mode") for name, f in functions(deployed.full).items()}
    may = "xray:" in json.dumps(deployed.bare)
    faults = [f"{name} is traced" for name, mode in off.items() if mode != "PassThrough"]
    faults += [f"{name} can't be traced" for name, mode in on.items() if mode != "Active"]
    return faults + (["FunctionPolicy allows traces that nobody asked for"] if may else [])


def dashboard_shows_every_alarm_and_can_be_read(deployed: Deployed) -> list[str]:
    faults = []
    for name, dashboard in of_type(deployed.full, "AWS::CloudWatch::Dashboard"):
        widgets = json.loads(dashboard["DashboardBody"])["widgets"]
        shown = {arn for w in widgets if w["type"] == "alarm" for arn in w["properties"]["alarms"]}
        alarms = {f"{alarm}.Arn" for alarm, _ in of_type(deployed.full, "AWS::CloudWatch::Alarm")}
        faults += [f"{name} doesn't show {alarm}" for alarm in sorted(alarms ^ shown)]
        faults += [f"{name} has a graph without a title" for w in widgets if not w["properties"].get("title")]
        corners = [(w["x"], w["y"]) for w in widgets]
        if len(set(corners)) < len(corners) or any(w["x"] + w["width"] > 24 for w in widgets):
            faults.append(f"{name} has graphs on top of each other")
    return faults or ([] if list(of_type(deployed.full, "AWS::CloudWatch::Dashboard")) else ["there is no dashboard"])

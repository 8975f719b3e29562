"""Rules of what an owner sees: logs, metrics, alarms, the dashboard."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.contract.rules.deployed import EVERYTHING, Deployed, functions, of_type, resolved

MISSING_IS_BAD = {"ReconcileSilentAlarm", "HousekeepSilentAlarm"}
EXPECTED = {
    "MirrorDeadLettersAlarm",
    "MirrorQueueAgeAlarm",
    "ApiServerErrorsAlarm",
    "BooksBreachedAlarm",
    "OldestOpenVideoAlarm",
    "ProviderErrorsAlarm",
    "CallbackRejectionsAlarm",
    "FunctionThrottlesAlarm",
    *MISSING_IS_BAD,
}
"""Besides one of the errors of each function that something calls."""
SHOWN_NOWHERE = ("$context.path", "queryString", "header", "authorizer", "identity", "requestOverride")
"""In a callback's query is its signature, in headers are tokens."""


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
    faults = [
        f"{name} is kept for ever"
        for name, g in _groups(deployed).items()
        if not g["Properties"].get("RetentionInDays")
    ]
    return faults + [
        f"{name} goes with the stack"
        for name, group in _groups(deployed).items()
        if (group.get("DeletionPolicy"), group.get("UpdateReplacePolicy")) != ("Retain", "Retain")
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


def api_is_throttled(deployed: Deployed) -> list[str]:
    return [
        f"{name} is not throttled"
        for name, stage in of_type(deployed.full, "AWS::ApiGatewayV2::Stage")
        if not stage.get("DefaultRouteSettings", {}).get("ThrottlingRateLimit")
    ]


def browsers_are_let_in_by_their_origin(deployed: Deployed) -> list[str]:
    """With cookies, so never everybody; without a front end nobody."""
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


def every_alarm_is_there(deployed: Deployed) -> list[str]:
    called = {name for name in functions(deployed.bare) if name != "MigrateFunction"}
    expected = EXPECTED | {name.replace("Function", "ErrorsAlarm") for name in called}
    found = {name for name, _ in of_type(deployed.bare, "AWS::CloudWatch::Alarm")}
    return [f"{name} is missing, or not expected" for name in sorted(expected ^ found)]


def every_alarm_tells_somebody_what_to_read(deployed: Deployed) -> list[str]:
    faults = []
    for name, alarm in of_type(deployed.bare, "AWS::CloudWatch::Alarm"):
        if alarm.get("AlarmActions") != ["AlarmTopic"] or alarm.get("OKActions") != ["AlarmTopic"]:
            faults.append(f"{name} tells nobody")
        if not alarm.get("AlarmDescription", "").endswith(f"See docs/runbook.md, {name}."):
            faults.append(f"{name} doesn't say where to read on")
    return faults


def silence_is_bad_where_something_should_be_heard(deployed: Deployed) -> list[str]:
    return [
        f"{name} takes no data for {alarm.get('TreatMissingData')}"
        for name, alarm in of_type(deployed.bare, "AWS::CloudWatch::Alarm")
        if alarm.get("TreatMissingData") != ("breaching" if name in MISSING_IS_BAD else "notBreaching")
    ]


def errors_are_those_of_the_alias(deployed: Deployed) -> list[str]:
    faults = []
    for name in functions(deployed.bare):
        alarm = deployed.bare.get(name.replace("Function", "ErrorsAlarm"), {}).get("Properties")
        watched = alarm and {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
        if watched and watched != {"FunctionName": name, "Resource": f"{name}:live"}:
            faults.append(f"{name} is watched as {watched}")
    return faults


def video_is_too_old_only_beyond_every_deadline(deployed: Deployed) -> list[str]:
    faults = []
    for minutes in deployed.raw["Parameters"]["GenerationDeadlineMinutes"]["AllowedValues"]:
        made = resolved(deployed.raw, EVERYTHING | {"GenerationDeadlineMinutes": minutes})
        variables = functions(made)["ReconcileFunction"]["Environment"]["Variables"]
        generation, submit, upload = (
            int(variables[f"{name}_DEADLINE_SECONDS"]) for name in ("GENERATION", "SUBMIT", "UPLOAD")
        )
        if generation != 60 * int(minutes) or submit < generation + 300:
            faults.append(f"Deadlines of {minutes} minutes are {generation} and {submit} s")
        threshold = int(made["OldestOpenVideoAlarm"]["Properties"]["Threshold"])
        if not 0 < threshold - max(submit, upload) <= 1800:
            faults.append(f"OldestOpenVideoAlarm goes off at {threshold} s, with {minutes} minutes for a generation")
    return faults


def metrics_are_of_this_stage(deployed: Deployed) -> list[str]:
    """Two stages may share an account."""
    own = f"Clipferry/{EVERYTHING['Stage']}"
    named = set(re.findall(r"Clipferry(?:/\w+)?(?=[\"',\\])", json.dumps(deployed.full)))
    return [f"{name} is not a namespace of this stage" for name in sorted(named - {own})]


def own_metrics_are_those_that_the_code_counts(deployed: Deployed, counted: set[str]) -> list[str]:
    """`counted` are the metrics of the code; the access log's are the template's own."""
    text = json.dumps([r for r in deployed.full.values() if r["Type"].startswith("AWS::CloudWatch::")])
    filtered = {
        t["MetricName"]
        for _, f in of_type(deployed.full, "AWS::Logs::MetricFilter")
        for t in f["MetricTransformations"]
    }
    patterns = (
        r'"Namespace": "Clipferry/prod", "MetricName": "(\w+)"',
        r'\\"Clipferry/prod\\", \\"(\w+)\\"',
        r'MetricName=\\\\\\"(\w+)',
        r"SUM\((\w+)\)",
    )
    read = {name for pattern in patterns for name in re.findall(pattern, text)}
    return [f"{name} is watched, and counted nowhere" for name in sorted(read - counted - filtered)]


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

"""Rules of alarms: who is told, what each reads, and that CloudWatch takes it and the code counts it.

Sources: "Limits" of alarms and "Using metric math" in Amazon CloudWatch's user guide, and PutMetricAlarm.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clipferry import storage  # noqa: F401 - loads every module that has a kind of these errors
from clipferry.errors import SourceError, StorageError
from local.sam_template.intrinsics import PSEUDO_PARAMETERS
from tests.contract.rules.deployed import EVERYTHING, Deployed, functions, of_type, resolved

MISSING_IS_BAD = {"ReconcileSilentAlarm", "HousekeepSilentAlarm"}
NO_PAGE = {"CallbackRejectionsAlarm"}
"""Anybody with curl can set these off, and hold them on."""
EXPECTED = {
    "MirrorDeadLettersAlarm",
    "WebhookDeadLettersAlarm",
    "WebhooksUndeliveredAlarm",
    "MirrorQueueAgeAlarm",
    "BucketErrorsAlarm",
    "SourceErrorsAlarm",
    "ApiServerErrorsAlarm",
    "HttpFunctionErrorsAlarm",
    "MirrorVideoErrorsAlarm",
    "DeliverWebhooksErrorsAlarm",
    "ReconcileErrorsAlarm",
    "HousekeepErrorsAlarm",
    "CreditsBreachedAlarm",
    "OldestOpenVideoAlarm",
    "VideosFailedAlarm",
    "ProviderErrorsAlarm",
    *NO_PAGE,
    "FunctionThrottlesAlarm",
    "RepeatedFaultsAlarm",
    *MISSING_IS_BAD,
}

QUERY = re.compile(r'SELECT \w+\((\w+)\) FROM (?:"[^"]+"|SCHEMA\("[^"]+"((?:, \w+)*)\))')
SEARCH = re.compile(r"SEARCH\('\{[\w/-]+((?:,\w+)*)\} MetricName=\"(\w+)\"'")
FUNCTIONS_OF_ALARMS = {"IF"}
"""FILL says 0 for a minute whose value isn't in yet; SEARCH is refused; MAX, SUM and AVG see more than the range."""
MOST_METRICS = 10
NAMESPACE = f"Clipferry/{PSEUDO_PARAMETERS['AWS::StackName']}"
LONGEST_SECONDS, LONGEST_OF_HOURS, LONGEST_OF_QUERIES = 86_400, 604_800, 10_800
"""Period times evaluations: of periods below an hour, of longer ones, of Metrics Insights queries."""

Dimensions = frozenset[str]


@dataclass(frozen=True)
class Reading:
    """A series of ours that `who` looks at. None as `dimensions` is a query over all that there are."""

    who: str
    metric: str
    dimensions: Mapping[str, str] | None


def _alarms(deployed: Deployed) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from of_type(deployed.full, "AWS::CloudWatch::Alarm")


def _series(alarm: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each metric that the alarm names one by one."""
    stats = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    for metric in stats or ([] if "Metrics" in alarm else [alarm]):
        named = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
        yield metric["Namespace"], metric["MetricName"], named


def _expressions(alarm: dict[str, Any]) -> list[str]:
    return [query["Expression"] for query in alarm.get("Metrics", []) if "Expression" in query]


def _read_by_alarms(deployed: Deployed) -> Iterator[Reading]:
    for name, alarm in _alarms(deployed):
        for namespace, metric, dimensions in _series(alarm):
            if namespace.startswith("Clipferry"):
                yield Reading(name, metric, dimensions)
        for query in map(QUERY.match, _expressions(alarm)):
            if query:
                named = None if query[2] is None else dict.fromkeys(query[2].split(", ")[1:], "")
                yield Reading(name, query[1], named)


def _read_by_the_dashboard(deployed: Deployed) -> Iterator[Reading]:
    for name, dashboard in of_type(deployed.full, "AWS::CloudWatch::Dashboard"):
        for widget in json.loads(dashboard["DashboardBody"])["widgets"]:
            for line in widget["properties"].get("metrics", []):
                if isinstance(line[0], dict):
                    search = SEARCH.match(line[0]["expression"])
                    assert search, line
                    yield Reading(name, search[2], dict.fromkeys(search[1].split(",")[1:], ""))
                elif line[0].startswith("Clipferry"):
                    named = [word for word in line[2:] if isinstance(word, str)]
                    yield Reading(name, line[1], dict(zip(named[::2], named[1::2], strict=True)))


def every_alarm_is_there(deployed: Deployed) -> list[str]:
    found = {name for name, _ in of_type(deployed.bare, "AWS::CloudWatch::Alarm")}
    return [f"{name} is missing, or not expected" for name in sorted(EXPECTED ^ found)]


def every_alarm_tells_somebody_what_to_read(deployed: Deployed) -> list[str]:
    faults = []
    for name, alarm in of_type(deployed.bare, "AWS::CloudWatch::Alarm"):
        told = [] if name in NO_PAGE else ["AlarmTopic"]
        if alarm.get("AlarmActions", []) != told or alarm.get("OKActions", []) != told:
            faults.append(f"{name} tells {'somebody' if name in NO_PAGE else 'nobody'}")
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
    """Counts both versions while traffic shifts: the function's own metric has calls that went to no alias, too."""
    faults = []
    for name in functions(deployed.full):
        alarm = deployed.full.get(name.replace("Function", "ErrorsAlarm"), {}).get("Properties")
        watched = [named for _, metric, named in _series(alarm) if metric == "Errors"] if alarm else []
        if alarm and watched != [{"FunctionName": name, "Resource": f"{name}:live"}]:
            faults.append(f"{name} is watched as {watched}")
    return faults


def canary_of_the_api_sees_its_functions_own_500s(deployed: Deployed) -> list[str]:
    """A handler that answers 500 is no error of Lambda's, and one function's are a small share of all answers."""
    groups, faults = dict(of_type(deployed.full, "AWS::CodeDeploy::DeploymentGroup")), []
    for _, permission in of_type(deployed.full, "AWS::Lambda::Permission"):
        name = permission["FunctionName"].removesuffix("Aliaslive")
        if permission["Principal"] != "apigateway.amazonaws.com":
            continue
        asked = groups.get(f"{name}DeploymentGroup", {}).get("AlarmConfiguration", {}).get("Alarms", [])
        seen = [reading for alarm in asked for reading in _series(deployed.full[alarm["Name"]]["Properties"])]
        if (NAMESPACE, "ApiCrashes", {}) not in seen:
            faults.append(f"{name} isn't rolled back by its own answers of 500")
    filters = dict(of_type(deployed.full, "AWS::Logs::MetricFilter"))
    if filters.get("ApiCrashesMetric", {}).get("FilterPattern") != '{ $.status = "500" }':
        faults.append("ApiCrashes is not what is answered with 500")
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


def metrics_are_of_this_stack(deployed: Deployed) -> list[str]:
    """Two stacks may share an account, and even a stage."""
    named = set(re.findall(r"Clipferry(?:/[\w-]+)?(?=[\"',\\])", json.dumps(deployed.full)))
    return [f"{name} is not a namespace of this stack" for name in sorted(named - {NAMESPACE})]


def own_metrics_are_those_that_the_code_counts(
    deployed: Deployed, counted: Mapping[str, frozenset[Dimensions]]
) -> list[str]:
    """A series is read with exactly the dimensions that it is counted with, or there is no such series.

    `counted` are the dimensions in the code, by metric; a series of a metric filter has none. Where both write one, its
    unit is the same: an alarm on a metric with several units is "not defined" (PutMetricAlarm, `Unit`).
    """
    transformations = [
        t for _, f in of_type(deployed.full, "AWS::Logs::MetricFilter") for t in f["MetricTransformations"]
    ]
    known = {**{t["MetricName"]: frozenset({frozenset()}) for t in transformations}, **counted}
    faults = [
        f"{t['MetricName']} is counted by a filter without a unit, and by the code with Count"
        for t in transformations
        if t["MetricName"] in counted and t.get("Unit") != "Count"
    ]
    for reading in {*map(_hashable, _read_by_alarms(deployed)), *map(_hashable, _read_by_the_dashboard(deployed))}:
        who, metric, dimensions = reading
        if metric not in known or (dimensions is not None and dimensions not in known[metric]):
            faults.append(f"{who} reads {metric} by {dimensions and sorted(dimensions)}, which is counted nowhere")
    return faults


def _hashable(reading: Reading) -> tuple[str, str, Dimensions | None]:
    return reading.who, reading.metric, None if reading.dimensions is None else frozenset(reading.dimensions)


def every_reason_is_in_an_alarm(deployed: Deployed) -> list[str]:
    """What interrupts a mirror is a series of its own, or one of the sources' errors. What fails a video lowers the
    share of those that are completed, whatever the reason (tests/unit/test_outcome_metrics.py)."""
    kinds = _kinds(SourceError) | _kinds(StorageError)
    read = list(_read_by_alarms(deployed))
    named = {r.dimensions["reason"] for r in read if r.metric == "MirrorsInterrupted" and r.dimensions}
    if any(r.metric == "SourceErrors" for r in read):
        named |= {kind.code for kind in kinds if kind.blames_source}
    faults = [f"{reason}: no alarm, or no such reason" for reason in sorted(named ^ {kind.code for kind in kinds})]
    if (watched := {r.metric for r in read if r.who == "VideosFailedAlarm"}) != {"VideosCompleted"}:
        faults.append(f"VideosFailedAlarm reads {sorted(watched)}, not VideosCompleted")
    return faults


def _kinds(error: type[SourceError | StorageError]) -> set[type[SourceError | StorageError]]:
    return {error}.union(*(_kinds(kind) for kind in error.__subclasses__()))


def cloudwatch_takes_every_alarm(deployed: Deployed) -> list[str]:
    """It says so only when the stack is made."""
    faults = []
    for name, alarm in _alarms(deployed):
        queries, expressions = alarm.get("Metrics", []), _expressions(alarm)
        periods = {q.get("Period") or q.get("MetricStat", {}).get("Period") for q in queries} - {None}
        periods = periods or {alarm["Period"]}
        has_query = any(expression.startswith("SELECT") for expression in expressions)
        longest = LONGEST_SECONDS if min(periods) < 3600 else LONGEST_OF_HOURS
        if max(periods) * int(alarm["EvaluationPeriods"]) > (LONGEST_OF_QUERIES if has_query else longest):
            faults.append(f"{name} looks back further than CloudWatch does")
        if len(periods) > 1 or any(period % 60 for period in periods):
            faults.append(f"{name} has periods of {periods} s")
        if len(list(_series(alarm))) > MOST_METRICS or (has_query and len(queries) > 1):
            faults.append(f"{name} reads more than one alarm may")
        if queries and [q.get("ReturnData", True) for q in queries].count(True) != 1:
            faults.append(f"{name} has more than one value, or none")
        if int(alarm.get("DatapointsToAlarm", 1)) > int(alarm["EvaluationPeriods"]):
            faults.append(f"{name} wants more values than it looks at")
        faults += [f"{name} has {word}" for word in _strangers(expressions, {q["Id"] for q in queries})]
    return faults


def _strangers(expressions: list[str], ids: set[str]) -> list[str]:
    """Words in the expressions that are neither a series of this alarm nor a function that it may use."""
    words = {word for text in expressions if not QUERY.match(text) for word in re.findall(r"[A-Za-z]\w*", text)}
    return sorted(words - ids - FUNCTIONS_OF_ALARMS)

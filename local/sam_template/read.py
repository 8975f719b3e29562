"""Reads template.yaml for the local stack.

The local stack runs every handler in one process, which has one environment. So two functions that give one
variable two different values can't be run locally, and reading such a template is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from local.lambda_runtime.routes import DEFAULT_PATH, Route
from local.sam_template.intrinsics import Intrinsics, UnresolvedError, parse
from local.sam_template.resources import Cors, Function, Queue, QueueSource, Schedule, Template

TEMPLATE: Final = Path(__file__).parents[2] / "template.yaml"

_UNIT_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86400}
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_DYNAMIC_REFERENCE: Final = "{{resolve:"
_SQS_DEFAULT_VISIBILITY: Final = 30


class TemplateError(Exception):
    """The template asks for something that the local stack can't do; the message names it."""


def read_template(
    path: Path = TEMPLATE,
    *,
    parameters: Mapping[str, str] | None = None,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
) -> Template:
    """The template at `path`; raises TemplateError.

    `parameters` replace the defaults. `attributes` are what resources that exist already say of themselves:
    `{"MirrorQueue": {"Ref": "http://…"}}` answers `!Ref MirrorQueue` in an environment.
    """
    document = parse(path.read_text(encoding="utf-8"))
    try:
        return _Reader(document, parameters or {}, attributes or {}).template()
    except UnresolvedError as error:
        raise TemplateError(f"{path.name}: the local stack can't resolve {error}") from error


class _Reader:
    def __init__(
        self,
        document: dict[str, Any],
        parameters: Mapping[str, str],
        attributes: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._document = document
        self._attributes = attributes
        # Events only name a resource; an environment holds what the real one says of itself.
        self._shape = Intrinsics(document=document, parameters=parameters, attribute=lambda name, _: name)
        self._values = Intrinsics(document=document, parameters=parameters, attribute=self._attribute)

    def template(self) -> Template:
        functions = tuple(self._function(*found) for found in self._resources("AWS::Serverless::Function"))
        running = [function for function in functions if function.has_events]
        return Template(
            functions=functions,
            queues=tuple(self._queue(*found) for found in self._resources("AWS::SQS::Queue")),
            cors=self._cors(),
            environment=_merged(running),
            unresolved={name: why for function in running for name, why in function.unresolved.items()},
        )

    def _attribute(self, resource: str, name: str) -> str:
        known = self._attributes.get(resource, {})
        if name not in known:
            raise UnresolvedError(f"!Ref {resource}" if name == "Ref" else f"!GetAtt {resource}.{name}")
        return known[name]

    def _resources(self, kind: str) -> Iterable[tuple[str, dict[str, Any]]]:
        for name, resource in self._document["Resources"].items():
            if resource["Type"] != kind:
                continue
            if "Condition" in resource and not self._shape.holds(resource["Condition"]):
                continue
            yield name, resource.get("Properties", {})

    def _function(self, name: str, own: dict[str, Any]) -> Function:
        general = self._document.get("Globals", {}).get("Function", {})
        properties = {**general, **own}
        module, attribute = self._handler(name, properties)
        environment, unresolved = self._environment(general, own)
        routes, queues, schedules = self._events(name, own.get("Events", {}))
        return Function(
            name=name,
            module=module,
            attribute=attribute,
            timeout_seconds=int(self._shape.resolve(properties.get("Timeout", 3))),
            memory_mb=int(self._shape.resolve(properties.get("MemorySize", 128))),
            environment=environment,
            unresolved=unresolved,
            routes=routes,
            queues=queues,
            schedules=schedules,
        )

    def _handler(self, name: str, properties: dict[str, Any]) -> tuple[str, str]:
        """functions/reconcile/ and app.lambda_handler give functions.reconcile.app and lambda_handler."""
        folder = self._shape.resolve(properties.get("CodeUri"))
        if not isinstance(folder, str):
            raise TemplateError(f"{name}: CodeUri must be a folder")
        module, _, attribute = str(self._shape.resolve(properties["Handler"])).rpartition(".")
        return ".".join([*Path(folder).parts, *module.split("/")]), attribute

    def _environment(self, general: dict[str, Any], own: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        resolved: dict[str, str] = {}
        unresolved: dict[str, str] = {}
        for name, node in {**_variables(general), **_variables(own)}.items():
            try:
                value = self._values.resolve({"Value": node}).get("Value")  # AWS::NoValue leaves nothing
            except UnresolvedError as error:
                unresolved[name] = str(error)
                continue
            if _DYNAMIC_REFERENCE in str(value):
                unresolved[name] = str(value)
            elif value is not None:
                resolved[name] = str(value).lower() if isinstance(value, bool) else str(value)
        return resolved, unresolved

    def _events(
        self, function: str, events: dict[str, Any]
    ) -> tuple[tuple[Route, ...], tuple[QueueSource, ...], tuple[Schedule, ...]]:
        routes: list[Route] = []
        queues: list[QueueSource] = []
        schedules: list[Schedule] = []
        for name, event in events.items():
            properties = self._shape.resolve(event.get("Properties", {}))
            if str(properties.get("Enabled", True)).lower() == "false":
                continue
            match event["Type"]:
                case "HttpApi":
                    routes.append(_route(function, properties))
                case "SQS":
                    queues.append(_queue_source(properties))
                case "Schedule" | "ScheduleV2":
                    schedules.append(_schedule(properties))
                case other:
                    raise TemplateError(f"{function}.{name}: the local stack has no events of type {other}")
        return tuple(routes), tuple(queues), tuple(schedules)

    def _queue(self, name: str, node: dict[str, Any]) -> Queue:
        properties = self._shape.resolve(node)
        redrive = properties.get("RedrivePolicy", {})
        target = redrive.get("deadLetterTargetArn")
        return Queue(
            name=name,
            visibility_seconds=int(properties.get("VisibilityTimeout", _SQS_DEFAULT_VISIBILITY)),
            retention_seconds=_optional_int(properties.get("MessageRetentionPeriod")),
            dead_letters=_logical_id(target) if target else None,
            max_receive_count=_optional_int(redrive.get("maxReceiveCount")),
        )

    def _cors(self) -> Cors | None:
        configured = self._document.get("Globals", {}).get("HttpApi", {}).get("CorsConfiguration")
        for _, properties in self._resources("AWS::Serverless::HttpApi"):
            configured = properties.get("CorsConfiguration", configured)
        rules = self._shape.resolve({"Cors": configured}).get("Cors")
        if rules is None:
            return None
        return Cors(
            origins=tuple(rules.get("AllowOrigins", ())),
            methods=tuple(rules.get("AllowMethods", ())),
            headers=tuple(rules.get("AllowHeaders", ())),
            exposed=tuple(rules.get("ExposeHeaders", ())),
            credentials=str(rules.get("AllowCredentials", False)).lower() == "true",
            max_age_seconds=_optional_int(rules.get("MaxAge")),
        )


def _variables(properties: dict[str, Any]) -> dict[str, Any]:
    return properties.get("Environment", {}).get("Variables", {})


def _route(function: str, properties: dict[str, Any]) -> Route:
    path = properties.get("Path", DEFAULT_PATH)
    method = str(properties.get("Method", "ANY")).upper()
    if "+}" in path:
        raise TemplateError(f"{function}: the local stack has no greedy path such as {path}")
    is_any = path == DEFAULT_PATH or method == "X-AMAZON-APIGATEWAY-ANY-METHOD"
    return Route(method="ANY" if is_any else method, path=path, function=function)


def _queue_source(properties: dict[str, Any]) -> QueueSource:
    return QueueSource(
        queue=_logical_id(properties["Queue"]),
        batch_size=int(properties.get("BatchSize", 10)),
        reports_batch_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
        maximum_concurrency=_optional_int(properties.get("ScalingConfig", {}).get("MaximumConcurrency")),
    )


def _schedule(properties: dict[str, Any]) -> Schedule:
    expression = str(properties.get("Schedule", properties.get("ScheduleExpression")))
    rate = _RATE.fullmatch(expression)
    return Schedule(
        expression=expression, seconds=int(rate[1]) * _UNIT_SECONDS[rate[2]] if rate else _UNIT_SECONDS["day"]
    )


def _merged(functions: Iterable[Function]) -> dict[str, str]:
    merged: dict[str, str] = {}
    owner: dict[str, str] = {}
    for function in functions:
        for name, value in function.environment.items():
            first = owner.setdefault(name, function.name)
            if merged.setdefault(name, value) != value:
                raise TemplateError(
                    f"{name} differs between {first} and {function.name}: "
                    "the local stack runs all functions in one process, with one environment"
                )
    return merged


def _logical_id(reference: str) -> str:
    """Returns the logical id, which an ARN ends in."""
    return reference.rpartition(":")[2]


def _optional_int(value: Any) -> int | None:
    return None if value is None else int(value)

"""All of Clipferry in one process: the handlers behind a gateway, and around them what isn't your own.

DATABASE_URL, STORAGE_ENDPOINT, AWS_ENDPOINT_URL_SQS, EVOLINK_BASE_URL and KIE_BASE_URL, each when set, replace an
embedded part by the real thing. Routes, environment, queues and schedules are template.yaml's.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from clipferry import runtime, settings
from clipferry.db import migrations
from clipferry.settings import Settings

from local import development_user, instances, parts, template
from local.files import file_server
from local.gateway import Gateway
from local.lambda_context import Invoke, invoker
from local.logs import quiet_logs
from local.parts import Part
from local.queues import QueuePoller, create_queues
from local.resources import Function, Template
from local.schedules import ScheduleRunner, period_seconds

if TYPE_CHECKING:
    from local.evolink import FakeEvolink

_FILES: Final = "/files/"
_CALLBACKS: Final = "/api/v1/video/callback"
_MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"
_QUEUE_PREFIX: Final = "clipferry-local-"
_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_VISIBILITY_SECONDS: Final = "60"
"""Until a message that failed comes again; deployed, half an hour. QUEUE_VISIBILITY_SECONDS replaces it."""


class StackError(Exception):
    """The stack can't run like this; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack that runs."""

    url: str
    database_url: str
    token: str | None
    """The development user's; None on a database that isn't on this machine, where there is no such user."""
    parts: tuple[Part, ...]
    evolink: FakeEvolink | None
    """The fake; None when EVOLINK_BASE_URL is set."""
    environment: Mapping[str, str]
    """What the handlers' settings are read from."""
    log: Callable[[], str]
    """What the handlers have logged so far, when the stack is quiet."""


@contextmanager
def local_stack(*, port: int = 0, environment: Mapping[str, str], quiet: bool = False) -> Iterator[Stack]:
    """Runs until the block ends, on `port` (0 is a free one), with your own settings from `environment`.

    Raises PortTakenError, TemplateError, StackError, or ConfigurationError that names every fault of the settings.
    Meanwhile the process's environment is the stack's, so a process can have one stack at a time.
    """
    with ExitStack() as scope:
        log = scope.enter_context(quiet_logs()) if quiet else str
        shape = template.read()
        gateway = Gateway(table=shape.routes, port=port, rules=shape.cors)  # a taken port is known at once
        scope.callback(gateway.close)
        scope.enter_context(_process_environment(_without_proxy()))
        aws = parts.aws(scope, environment)
        database, database_url = parts.database(scope, environment)
        storage, queue = parts.storage_and_queue(aws, environment)
        evolink, fake = parts.evolink(scope, environment)
        around = (database, storage, queue, evolink, parts.kie(environment))
        token = _prepare(database_url)
        sqs = scope.enter_context(closing(_sqs({**environment, **queue.values})))
        visibility = int(environment.get("QUEUE_VISIBILITY_SECONDS", _VISIBILITY_SECONDS))
        queues = create_queues(sqs, shape.queues, prefix=_QUEUE_PREFIX, visibility_seconds=visibility)
        values = _values(shape, queues, gateway.url, around, environment)
        scope.enter_context(_process_environment(values))
        runtime.reset()
        scope.callback(runtime.reset)
        s3 = scope.enter_context(closing(_s3(values)))
        if storage.is_embedded:
            s3.create_bucket(Bucket=values["STORAGE_BUCKET"])
        gateway.mount(_FILES, file_server(storage=s3, bucket=values["STORAGE_BUCKET"], prefix=_FILES))
        _run(scope, shape, gateway, sqs, queues, values)
        yield Stack(
            url=gateway.url,
            database_url=database_url,
            token=token,
            parts=around,
            evolink=fake,
            environment=values,
            log=log,
        )


def _prepare(database_url: str) -> str | None:
    """Migrates, and adds the development user; a database elsewhere may be production's, and is left alone."""
    if not parts.is_on_this_machine(database_url):
        return None
    migrations.apply(database_url, _MIGRATIONS)
    development_user.add_development_user(database_url)
    return development_user.TOKEN


def _values(
    shape: Template,
    queues: Mapping[str, Mapping[str, str]],
    url: str,
    around: tuple[Part, ...],
    environment: Mapping[str, str],
) -> dict[str, str]:
    """The handlers' environment; what comes later wins: the template, what is local, your own, what is embedded."""
    deployed = template.read(attributes=queues)
    known = {*deployed.environment, *deployed.unresolved, *Settings.variables().values(), *_CREDENTIALS}
    values = {
        **deployed.environment,
        "AI_CALLBACK_URL": f"{url}{_CALLBACKS}",
        "CALLBACK_HMAC_SECRET": secrets.token_hex(32),
        "STORAGE_DOMAIN": f"{url}{_FILES.rstrip('/')}",
        **{name: value for name, value in environment.items() if name in known and value},
        **{name: deployed.environment[name] for name in shape.unresolved if name in deployed.environment},
        "STAGE": "local",
        "ALLOW_LOOPBACK": "true",
    }
    for part in around:
        values |= part.values
    _check(deployed, values)
    # An empty value forgets what the shell may have set.
    return dict.fromkeys(known, "") | values


def _check(deployed: Template, values: Mapping[str, str]) -> None:
    """Raises StackError for a variable without a value, ConfigurationError for one with a wrong value."""
    optional = {field.upper() for field, info in Settings.model_fields.items() if not info.is_required()}
    for name, why in deployed.unresolved.items():
        if name not in values and name not in optional:
            raise StackError(f"{name} has no local value: template.yaml says {why}. Set it in the environment.")
    settings.load(values)


def _run(
    scope: ExitStack,
    shape: Template,
    gateway: Gateway,
    sqs: Any,
    queues: Mapping[str, Mapping[str, str]],
    values: Mapping[str, str],
) -> None:
    """Starts what sets off the functions; it ends in the other order, each waiting for the calls at work."""
    running = [function for function in shape.functions if function.has_events]
    invoke = {function.name: _invoker(function) for function in running}
    gateway.start(invoke)
    scope.callback(gateway.close)  # once more: before what the requests at work still need
    for function in running:
        for source in function.queues:
            poller = QueuePoller(client=sqs, queue=queues[source.queue], source=source, invoke=invoke[function.name])
            poller.start()
            scope.callback(poller.close)
        for schedule in function.schedules:
            seconds = values.get(_interval_variable(function)) or period_seconds(schedule)
            runner = ScheduleRunner(name=function.name, seconds=float(seconds), invoke=invoke[function.name])
            runner.start()
            scope.callback(runner.close)


def _invoker(function: Function) -> Invoke:
    try:
        return invoker(function, instances.load(function))
    except ImportError as error:
        raise StackError(f"{function.name} can't be imported: {error}") from error


def _interval_variable(function: Function) -> str:
    """functions/reconcile/ runs every RECONCILE_INTERVAL_SECONDS, when that is set."""
    return f"{function.module.split('.')[-2].upper()}_INTERVAL_SECONDS"


def _without_proxy() -> dict[str, str]:
    """boto3 would ask a company's proxy for 127.0.0.1."""
    return {
        name: ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
        for name in ("NO_PROXY", "no_proxy")
    }


def _sqs(values: Mapping[str, str]) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=values["AWS_ENDPOINT_URL_SQS"],
        region_name=values.get("AWS_REGION"),
        aws_access_key_id=values.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=values.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=values.get("AWS_SESSION_TOKEN") or None,
    )


def _s3(values: Mapping[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=values["STORAGE_ENDPOINT"],
        region_name=values["STORAGE_REGION"],
        aws_access_key_id=values["STORAGE_ACCESS_KEY"],
        aws_secret_access_key=values["STORAGE_SECRET_KEY"],
        config=Config(s3={"addressing_style": "path"}, response_checksum_validation="when_required"),
    )


@contextmanager
def _process_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Sets the variables, an empty one not at all, and puts back what was there."""
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)

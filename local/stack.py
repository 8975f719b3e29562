"""Runs all of Clipferry in one process: the handlers behind a gateway, and embedded services.

DATABASE_URL, STORAGE_ENDPOINT, AWS_ENDPOINT_URL_SQS, EVOLINK_BASE_URL and KIE_BASE_URL, each when set, replace an
embedded service by the real one. Routes, environment, queues and schedules are template.yaml's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from clipferry import runtime
from clipferry.db import schema
from clipferry.errors import ClipferryError
from clipferry.usecases.queue_webhooks import set_owners_endpoint
from local import console, contract, development_user, fake_providers, services
from local.http.server import PortTakenError
from local.lambda_runtime import function_instances
from local.lambda_runtime.gateway import Gateway
from local.lambda_runtime.lambda_context import Invoke, invoker
from local.lambda_runtime.queues import QueuePoller, create_queues
from local.lambda_runtime.schedules import ScheduleRunner
from local.log_view import LogView
from local.logs import lines_to, quiet_logs
from local.public_bucket import public_bucket
from local.sam_template.environment import MissingVariableError, handler_environment, in_process, without_proxy
from local.sam_template.intrinsics import REGION
from local.sam_template.read import TemplateError, read_template
from local.sam_template.resources import Function, Template
from local.services import Service
from local.state import State, StateTakenError

if TYPE_CHECKING:
    from local.providers.base import FakeProvider

_FILES: Final = "/files/"
_MIGRATIONS: Final = Path(__file__).parent.parent / "migrations"
_QUEUE_PREFIX: Final = "clipferry-local-"
_VISIBILITY_SECONDS: Final = "60"
"""Until a message that failed comes again; deployed, half an hour. QUEUE_VISIBILITY_SECONDS replaces it."""

FAILURES: Final = (
    PortTakenError,
    StateTakenError,
    TemplateError,
    MissingVariableError,
    ClipferryError,
    ImportError,
    RuntimeError,
)
"""The errors that keep a stack from starting, with messages for a person; RuntimeError is a service that fails."""


def reason(error: BaseException) -> str:
    """Returns the message of an error of FAILURES, with the detail where it has one."""
    return f"{error.message} {error}" if isinstance(error, ClipferryError) else str(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack that runs."""

    url: str
    database_url: str
    token: str | None
    """The development user's; None on a database that isn't on this machine, where there is no such user."""
    services: tuple[Service, ...]
    evolink: FakeProvider | None
    """The fake; None when EVOLINK_BASE_URL is set."""
    environment: Mapping[str, str]
    """The variables that the handlers' settings are read from."""
    log: Callable[[], str]
    """Returns the handlers' log so far, when the stack is quiet."""


@contextmanager
def local_stack(
    *,
    port: int = 0,
    environment: Mapping[str, str],
    quiet: bool = False,
    state: State | None = None,
    view: LogView | None = None,
) -> Iterator[Stack]:
    """Runs until the block ends, on `port` (0 is a free one), with your own settings from `environment`.

    What it makes is kept in `state`, or is gone afterwards. The handlers' log goes to `view`, if there is one.

    Raises one of FAILURES; of these, ConfigurationError names every fault of the settings. Meanwhile the process's
    environment is the stack's, so a process can have one stack at a time.
    """
    with ExitStack() as scope:
        log = scope.enter_context(quiet_logs()) if quiet else str
        if view is not None:
            scope.enter_context(lines_to(view.take))
        template = read_template(parameters={"AllowedOrigins": environment.get("ALLOWED_ORIGINS", "")})
        gateway = Gateway(table=template.routes, port=port, rules=template.cors)  # a taken port is known at once
        scope.callback(gateway.close)
        scope.enter_context(in_process(without_proxy()))
        aws = services.aws(scope, environment)
        database, database_url = services.database(scope, environment, state)
        providers, fakes = fake_providers.start(scope, environment, state)
        storage, queue = services.storage(scope, environment, state), services.queue(aws, environment)
        used = (database, storage, queue, *providers)
        token = _prepare(database_url)
        sqs = scope.enter_context(closing(_sqs({**environment, **queue.values})))
        visibility = int(environment.get("QUEUE_VISIBILITY_SECONDS") or _VISIBILITY_SECONDS)
        try:
            queues = create_queues(sqs, template.queues, prefix=_QUEUE_PREFIX, visibility_seconds=visibility)
        except (BotoCoreError, ClientError) as error:
            raise RuntimeError(f"the queues can't be made: {error}") from error
        values = handler_environment(
            queues=queues,
            url=gateway.url,
            files_url=gateway.url + _FILES.rstrip("/"),
            services=used,
            own=environment,
            callback_secret=state.callback_secret if state else "",
        )
        scope.enter_context(in_process(values))
        runtime.reset()
        scope.callback(runtime.reset)
        if token is not None:
            _take_over_webhook_settings()
        s3 = scope.enter_context(closing(_s3(values)))
        gateway.mount(_FILES, public_bucket(storage=s3, bucket=values["STORAGE_BUCKET"], prefix=_FILES))
        contract.mount(gateway)
        console.mount(
            gateway,
            values=values,
            database_url=database_url,
            token=token,
            fakes=fakes,
            misconfigured=lambda: view.misconfigured if view else None,
        )
        _run(scope, template, gateway, sqs, queues, values, view)
        yield Stack(
            url=gateway.url,
            database_url=database_url,
            token=token,
            services=used,
            evolink=fakes.get("evolink"),
            environment=values,
            log=log,
        )


def _prepare(database_url: str) -> str | None:
    """Migrates, and adds the development user; a database elsewhere may be production's, and is left alone."""
    if not services.is_on_this_machine(database_url):
        return None
    schema.bring_up_to_date(database_url, _MIGRATIONS)
    development_user.add_development_user(database_url)
    return development_user.TOKEN


def _take_over_webhook_settings() -> None:
    """Does what a deployment's migration does, so that the first video is announced already."""
    needs = runtime.dependencies()
    with closing(needs.maintenance_database()) as database:
        set_owners_endpoint(
            database=database, url=needs.settings.webhook_url, credits_low=needs.settings.webhook_credits_low
        )


def _run(
    scope: ExitStack,
    template: Template,
    gateway: Gateway,
    sqs: Any,
    queues: Mapping[str, Mapping[str, str]],
    values: Mapping[str, str],
    view: LogView | None,
) -> None:
    """Starts gateway, pollers and schedules. They end in reverse order, and each waits for its running calls."""
    running = [function for function in template.functions if function.has_events]
    invoke: dict[str, Invoke] = {
        function.name: invoker(function, function_instances.load(function)) for function in running
    }
    gateway.start({name: view.watched(call) for name, call in invoke.items()} if view else invoke)
    scope.callback(gateway.close)  # once more, ahead of all that the requests at work still need
    for function in running:
        for source in function.queues:
            poller = QueuePoller(client=sqs, queue=queues[source.queue], source=source, invoke=invoke[function.name])
            poller.start()
            scope.callback(poller.close)
        for schedule in function.schedules:
            seconds = values.get(_interval_variable(function)) or schedule.seconds
            runner = ScheduleRunner(name=function.name, seconds=float(seconds), invoke=invoke[function.name])
            runner.start()
            scope.callback(runner.close)


def _interval_variable(function: Function) -> str:
    """functions/reconcile/ runs every RECONCILE_INTERVAL_SECONDS, when that is set."""
    return f"{function.module.split('.')[-2].upper()}_INTERVAL_SECONDS"


def _sqs(values: Mapping[str, str]) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=values["AWS_ENDPOINT_URL_SQS"],
        region_name=values.get("AWS_REGION") or REGION,
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

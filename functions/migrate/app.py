"""Brings the database to this version's schema; runs on every deploy, before the new code takes traffic.

CloudFormation calls it as a custom resource. A person invokes it with `{}`, or with `{"dryRun": true}` to see what it
would do.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.aws import custom_resource
from clipferry.db import schema
from clipferry.dependencies import Dependencies
from clipferry.observability import logger
from clipferry.usecases.queue_webhooks import set_owners_endpoint

_SENTENCE: Final = 'nothing was done: this function takes {} to migrate, or {"dryRun": true} to say what it would do'


def migrate(event: dict[str, Any]) -> dict[str, Any]:
    dependencies = runtime.dependencies()
    changes = schema.bring_up_to_date(
        dependencies.settings.migration_url,
        Path(__file__).with_name("migrations"),  # a link, which `sam build` follows
        dry_run=bool(event.get("dryRun")),
        connect_timeout=dependencies.settings.database_connect_timeout_seconds,
    )
    if not event.get("dryRun"):
        _take_over_webhook_settings(dependencies)
    done = asdict(changes)
    logger.info("migrated", extra=done)
    return {"applied": changes.applied} | {name: done[name] for name in ("restored", "broken") if done[name]}


def _take_over_webhook_settings(dependencies: Dependencies) -> None:
    """The new code's first videos are announced to the endpoint that the new settings name."""
    with closing(dependencies.maintenance_database()) as database:
        set_owners_endpoint(
            database=database,
            url=dependencies.settings.webhook_url,
            credits_low=dependencies.settings.webhook_credits_low,
        )


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    if not custom_resource.asks(event):
        return migrate(event) if event.keys() <= {"dryRun"} else {"message": _SENTENCE}
    return custom_resource.serve(
        event,
        resource="clipferry-migrations",
        work=lambda: migrate({}),
        seconds_left=runtime.seconds_left(context),
    )

"""Takes the webhook queue's messages, each a delivery to make; every minute it queues what is due."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

# First: where pydantic is loaded already, Powertools' batch takes along its models of every event (ten modules).
from clipferry.aws import sqs_batch

# isort: split
from clipferry import runtime
from clipferry.observability import logger, set_log_context
from clipferry.usecases.deliver_webhook import deliver_webhook
from clipferry.usecases.queue_webhooks import queue_webhooks
from clipferry.webhooks.queue import read_message


def deliver(record: SQSRecord) -> None:
    set_log_context(None)
    dependencies = runtime.dependencies()
    deliver_webhook(
        read_message(record.body),
        database=dependencies.database,
        post=dependencies.post_webhook,
        secrets=dependencies.settings.webhook_secrets,
        queue=dependencies.webhook_queue,
        now=runtime.now,
    )


def queue(context: LambdaContext) -> dict[str, Any]:
    dependencies = runtime.dependencies()
    queued = queue_webhooks(
        database=dependencies.database,
        queue=dependencies.webhook_queue,
        url=dependencies.settings.webhook_url,
        credits_low=dependencies.settings.webhook_credits_low,
        seconds_left=runtime.seconds_left(context),
    )
    return {"queued": queued}


@logger.inject_lambda_context(clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Any:
    if "Records" in event:
        return sqs_batch.process(event, context, handle=deliver)
    return queue(context)

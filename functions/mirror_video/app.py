"""Takes the mirror queue's messages: each names a video whose file is to be copied into the bucket."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

# First: where pydantic is loaded already, Powertools' batch takes along its models of every event (ten modules).
from clipferry.aws import sqs_batch

# isort: split
from clipferry import runtime
from clipferry.mirror_queue import read_message
from clipferry.observability import logger, set_log_context
from clipferry.usecases.mirror_video import mirror_video


def mirror(record: SQSRecord, lambda_context: LambdaContext) -> None:
    set_log_context(None)
    dependencies = runtime.dependencies()
    mirror_video(
        read_message(record.body),
        database=dependencies.database,
        storage=dependencies.storage,
        providers=dependencies.providers,
        polling=dependencies.polling,
        seconds_left=runtime.seconds_left(lambda_context),
    )


@logger.inject_lambda_context(clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return sqs_batch.process(event, context, handle=mirror)

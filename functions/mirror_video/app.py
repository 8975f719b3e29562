"""The mirror queue: each message names a video whose file is to be ferried into the bucket."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import deliveries, runtime
from clipferry.mirror_queue import read_message
from clipferry.observability import follow, logger
from clipferry.usecases.mirror_video import mirror_video


def mirror(record: SQSRecord, lambda_context: LambdaContext) -> None:
    follow(None)
    mirror_video(
        read_message(record.body),
        database=runtime.database(),
        storage=runtime.storage(),
        providers=runtime.providers(),
        timing=runtime.timing(),
        seconds_left=runtime.seconds_left(lambda_context),
    )


@logger.inject_lambda_context(clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return deliveries.process(event, context, handle=mirror)

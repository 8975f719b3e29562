"""The mirror queue: each message names a video whose file is to be ferried into the bucket."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.mirror_queue import read_message
from clipferry.observability import follow, logger
from clipferry.usecases.mirror_video import mirror_video

# A message that fails goes back to the queue, and without a logger nobody would hear of it. Powertools' own error for a
# batch without a success quotes all of its exceptions, and Lambda writes that into the log as it is, secrets and all.
processor = BatchProcessor(
    event_type=EventType.SQS,
    raise_on_entire_batch_failure=False,
    logger=logger,  # pyright: ignore[reportArgumentType] - it has the methods
)


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
    """Raises when every message failed: they all go back just the same, but Lambda counts an error, as alarms do."""
    answer = process_partial_response(event=event, record_handler=mirror, processor=processor, context=context)
    failed = answer["batchItemFailures"]
    if failed and len(failed) == len(event["Records"]):
        raise BatchProcessingError("every message failed; the lines before this one say why")
    return answer

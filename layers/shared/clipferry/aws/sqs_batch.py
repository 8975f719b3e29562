"""Handles an SQS batch message by message: one that fails goes back to the queue, the others are deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry.observability import logger

# Without a logger a failure would not be seen. Powertools' own error for a batch without a success quotes all
# of its exceptions, and Lambda writes that into the log as it is, secrets and all.
_PROCESSOR: Final = BatchProcessor(
    event_type=EventType.SQS,
    raise_on_entire_batch_failure=False,
    logger=logger,  # pyright: ignore[reportArgumentType] - it has the methods
)


def process(event: dict[str, Any], context: LambdaContext, *, handle: Callable[..., None]) -> Any:
    """Calls `handle(record)` for each message; returns SQS's response, which names those that failed.

    A `handle` with a parameter `lambda_context` gets that, too. An event that is no batch, as the Lambda console's
    test events, is answered with a sentence.
    Raises when all failed: they go back to the queue just the same, but Lambda counts an error, which alarms watch.
    """
    if not _is_batch(event):
        return {"message": "this function takes messages as SQS sends them; events/ has an example"}
    response = process_partial_response(event=event, record_handler=handle, processor=_PROCESSOR, context=context)
    failed = response["batchItemFailures"]
    if failed and len(failed) == len(event["Records"]):
        raise BatchProcessingError("every message failed; the lines before this one say why")
    return response


def _is_batch(event: Any) -> bool:
    records = event.get("Records") if isinstance(event, dict) else None
    return isinstance(records, list) and all(
        isinstance(record, dict) and record.get("eventSource") == "aws:sqs" for record in records
    )

"""One SQS queue to send to: a single call, which we sign ourselves.

boto3's SQS client would cost 218 ms of CPU at every cold start, for this one call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from clipferry.aws.json_client import JsonClient
from clipferry.aws.sigv4 import Credentials
from clipferry.errors import InvalidRequestError, NetworkError, QueueError

TOTAL_SECONDS: Final = 5.0


class SqsQueue:
    """Sends to `queue_url`, at `endpoint_url` or else at the queue's own origin.

    `credentials` is called for every request, because a role's expire. Only an explicit `endpoint_url` may be http.
    """

    def __init__(
        self, queue_url: str, *, region: str, endpoint_url: str | None, credentials: Callable[[], Credentials]
    ) -> None:
        queue = urlsplit(queue_url)
        self._queue_url = queue_url
        self._sqs = JsonClient(
            endpoint_url or f"{queue.scheme}://{queue.netloc}",
            service="sqs",
            target="AmazonSQS",
            version="1.0",
            region=region,
            allow_plain_http=endpoint_url is not None,
            credentials=credentials,
        )

    def send_message(self, message: Mapping[str, Any], *, delay_seconds: int = 0) -> None:
        """Sends `message` as JSON, to arrive in `delay_seconds` (0 to 900, SQS's limit); raises QueueError.

        SQS may have taken the message in spite of an error; SQS may also deliver a message twice, so that must be
        harmless.
        """
        body = {"QueueUrl": self._queue_url, "MessageBody": json.dumps(message), "DelaySeconds": delay_seconds}
        try:
            answer = self._sqs.call("SendMessage", body, timeout=TOTAL_SECONDS)
        except NetworkError as error:
            raise QueueError(f"SendMessage: {error}") from error
        if answer.status != 200:
            raise QueueError(f"SendMessage: {answer.status} {answer.body[:500].decode(errors='replace')}")

    def close(self) -> None:
        self._sqs.close()


def read_field(body: str, name: str) -> Any:
    """Returns a field of a message that is a JSON object, None without it; raises InvalidRequestError without JSON."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("the message is not JSON") from error
    return message.get(name) if isinstance(message, dict) else None

"""The queue of videos to mirror, and the form of its messages."""

from __future__ import annotations

import json

from clipferry.aws.sqs import SqsQueue
from clipferry.errors import InvalidRequestError


class MirrorQueue(SqsQueue):
    """The queue that mirror_video takes its messages from."""

    def send(self, video_uuid: str, *, delay_seconds: int = 0) -> None:
        """Asks for `video_uuid` to be mirrored, in `delay_seconds` (0 to 900, SQS's limit); raises QueueError.

        SQS may have taken the message in spite of an error; SQS may also deliver a message twice, so that is harmless.
        """
        self.send_message({"videoUuid": video_uuid}, delay_seconds=delay_seconds)


def read_message(body: str) -> str:
    """Returns the uuid of the video to mirror; raises InvalidRequestError for a message that isn't ours."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("the message is not JSON") from error
    video_uuid = message.get("videoUuid") if isinstance(message, dict) else None
    if not isinstance(video_uuid, str) or not video_uuid or not video_uuid.isprintable():
        raise InvalidRequestError("the message has no videoUuid")
    return video_uuid

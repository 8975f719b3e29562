"""The queue of videos to mirror, and the form of its messages."""

from __future__ import annotations

from clipferry.aws.sqs import SqsQueue, read_field
from clipferry.errors import InvalidRequestError, QueueError
from clipferry.observability import logger


class MirrorQueue(SqsQueue):
    """The queue that mirror_video takes its messages from."""

    def send(self, video_uuid: str) -> None:
        """Asks for `video_uuid` to be mirrored; raises QueueError."""
        self.send_message({"videoUuid": video_uuid})


def send_to_mirror(video_uuid: str, queue: MirrorQueue) -> bool:
    """Sends the mirror message. If that isn't possible now, reconcile does it: the row is UPLOADING and due."""
    try:
        queue.send(video_uuid)
    except QueueError as error:
        logger.error("mirror message not sent", video_uuid=video_uuid, detail=str(error))
        return False
    logger.info("mirror message sent", video_uuid=video_uuid)
    return True


def read_message(body: str) -> str:
    """Returns the uuid of the video to mirror; raises InvalidRequestError for a message that isn't ours."""
    video_uuid = read_field(body, "videoUuid")
    if not isinstance(video_uuid, str) or not video_uuid or not video_uuid.isprintable():
        raise InvalidRequestError("the message has no videoUuid")
    return video_uuid

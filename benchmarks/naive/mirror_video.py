"""The mirror queue: downloads to a file and uploads that; makes no thumbnail."""

import json
import tempfile

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel
from shared import database, http, logger, metrics, s3, tracer

VIDEO = "select user_id, original_video_url, credits_used from public.videos where uuid = %(uuid)s"
COMPLETE = """
update public.videos set status = 'COMPLETED', video_url = %(url)s, completed_at = timezone('utc', now()),
    updated_at = timezone('utc', now())
where uuid = %(uuid)s
"""
SETTLE = """
update public.credit_holds set status = 'SETTLED', settled_at = timezone('utc', now()) where video_uuid = %(uuid)s
"""

processor = BatchProcessor(event_type=EventType.SQS)


class Message(BaseModel):
    videoUuid: str


@tracer.capture_method
def mirror(record: SQSRecord) -> None:
    uuid = Message.model_validate(json.loads(record.body)).videoUuid
    video = database().execute(VIDEO, {"uuid": uuid}).fetchone()
    with tempfile.TemporaryFile() as file:
        with http.stream("GET", video["original_video_url"]) as film:
            film.raise_for_status()
            for chunk in film.iter_bytes():
                file.write(chunk)
        file.seek(0)
        s3.upload_fileobj(file, "clipferry", f"videos/{uuid}.mp4", ExtraArgs={"ContentType": "video/mp4"})
    with database().transaction():
        database().execute(COMPLETE, {"uuid": uuid, "url": f"https://cdn.example.com/videos/{uuid}.mp4"})
        database().execute(SETTLE, {"uuid": uuid})
    metrics.add_metric(name="VideosCompleted", unit=MetricUnit.Count, value=1)
    logger.info("video mirrored", video_uuid=uuid)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event, context):
    return process_partial_response(event=event, record_handler=mirror, processor=processor, context=context)

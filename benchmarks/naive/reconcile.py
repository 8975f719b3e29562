"""Asks the provider, every minute, about each video that has waited too long."""

import json
import os

from aws_lambda_powertools.metrics import MetricUnit
from shared import database, http, logger, metrics, provider_headers, provider_url, sqs, tracer

DUE = """
select uuid, external_task_id from public.videos
where status in ('PENDING', 'GENERATING') and external_task_id is not null
    and updated_at < timezone('utc', now()) - interval '5 minutes'
order by updated_at limit 20
"""
UPLOADING = """
update public.videos set status = 'UPLOADING', original_video_url = %(url)s, updated_at = timezone('utc', now())
where uuid = %(uuid)s
"""


@tracer.capture_method
def check(video: dict) -> None:
    task = http.get(provider_url(f"/v1/tasks/{video['external_task_id']}"), headers=provider_headers())
    task.raise_for_status()
    if task.json()["status"] != "completed":
        return
    database().execute(UPLOADING, {"uuid": video["uuid"], "url": task.json()["results"][0]})
    message = json.dumps({"videoUuid": video["uuid"]})
    sqs.send_message(QueueUrl=os.environ["MIRROR_QUEUE_URL"], MessageBody=message)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(_event, _context):
    due = database().execute(DUE).fetchall()
    for video in due:
        check(video)
    metrics.add_metric(name="VideosLookedAt", unit=MetricUnit.Count, value=len(due))
    return {"lookedAt": len(due)}

"""POST /api/v1/video/callback/{provider}: asks the provider, too, because a callback can't be trusted."""

import hashlib
import hmac
import json
import os
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel
from shared import database, http, logger, metrics, provider_headers, provider_url, secrets, sqs, tracer

INBOX = """
insert into clipferry.callback_inbox (provider, video_uuid, signed_at, body_sha256, body_size, body)
values ('evolink', %(uuid)s, now(), %(sha256)s, %(size)s, %(body)s) on conflict do nothing
"""
VIDEO = "select uuid, status::text as status, external_task_id from public.videos where uuid = %(uuid)s"
UPLOADING = """
update public.videos set status = 'UPLOADING', original_video_url = %(url)s, updated_at = timezone('utc', now())
where uuid = %(uuid)s and status in ('PENDING', 'GENERATING')
"""

app = APIGatewayHttpResolver(enable_validation=True)


class Received(BaseModel):
    received: bool


class Answer(BaseModel):
    success: bool
    data: Received


@app.post("/api/v1/video/callback/<provider>")
@tracer.capture_method
def callback(
    provider: str, videoUuid: Annotated[str, Query()], ts: Annotated[str, Query()], sig: Annotated[str, Query()]
) -> Answer:
    key = secrets()["CALLBACK_HMAC_SECRET"].encode()
    hmac.compare_digest(hmac.new(key, f"{videoUuid}.{ts}".encode(), hashlib.sha256).hexdigest(), sig)
    body = (app.current_event.decoded_body or "").encode()
    values = {"uuid": videoUuid, "sha256": hashlib.sha256(body).digest(), "size": len(body), "body": body.decode()}
    with database().transaction():
        database().execute(INBOX, values)
        video = database().execute(VIDEO, values).fetchone()
    task = http.get(provider_url(f"/v1/tasks/{video['external_task_id']}"), headers=provider_headers())
    task.raise_for_status()
    with database().transaction():
        database().execute(UPLOADING, {"uuid": videoUuid, "url": task.json()["results"][0]})
    message = json.dumps({"videoUuid": videoUuid})
    sqs.send_message(QueueUrl=os.environ["MIRROR_QUEUE_URL"], MessageBody=message)
    metrics.add_metric(name="CallbacksReceived", unit=MetricUnit.Count, value=1)
    logger.info("callback received", video_uuid=videoUuid, provider=provider)
    return Answer(success=True, data=Received(received=True))


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event, context):
    return app.resolve(event, context)

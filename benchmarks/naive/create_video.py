"""POST /api/v1/video/generate."""

import hashlib
import hmac
import secrets as random
import time
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field
from shared import database, http, logger, metrics, provider_headers, provider_url, secrets, tracer, user_id

IN_FLIGHT = """
select count(*) from public.videos where user_id = %(user_id)s and status in ('PENDING', 'GENERATING', 'UPLOADING')
"""
PACKAGE = """
select id from public.credit_packages
where user_id = %(user_id)s and status = 'ACTIVE' and remaining_credits >= %(credits)s
order by expired_at nulls last limit 1 for update
"""
FREEZE = """
update public.credit_packages
set remaining_credits = remaining_credits - %(credits)s, frozen_credits = frozen_credits + %(credits)s,
    updated_at = timezone('utc', now())
where id = %(package_id)s
"""
INSERT_VIDEO = """
insert into public.videos (uuid, user_id, prompt, model, status, provider, credits_used, created_at, updated_at)
values (%(uuid)s, %(user_id)s, %(prompt)s, %(model)s, 'PENDING', 'evolink', %(credits)s,
        timezone('utc', now()), timezone('utc', now()))
"""
INSERT_HOLD = """
insert into public.credit_holds (user_id, video_uuid, credits, status, package_allocation, created_at)
values (%(user_id)s, %(uuid)s, %(credits)s, 'HOLDING', %(allocation)s, timezone('utc', now()))
"""
RECORD = """
update public.videos set status = 'GENERATING', external_task_id = %(task_id)s, updated_at = timezone('utc', now())
where uuid = %(uuid)s
"""
CREDITS = 20

app = APIGatewayHttpResolver(enable_validation=True)


class GenerateVideo(BaseModel):
    prompt: str = Field(min_length=1, max_length=5000)
    model: str = Field(min_length=1, max_length=100)
    duration: int | None = Field(default=None, ge=1, le=3600)
    aspectRatio: str | None = Field(default=None, max_length=20)
    quality: str | None = Field(default=None, max_length=20)
    imageUrl: str | None = Field(default=None, max_length=2048)


class CreatedVideo(BaseModel):
    videoUuid: str
    taskId: str
    provider: str
    status: str
    estimatedTime: int | None
    creditsUsed: int


class Answer(BaseModel):
    success: bool
    data: CreatedVideo


@app.post("/api/v1/video/generate")
@tracer.capture_method
def generate(request: GenerateVideo) -> Response[Answer]:
    uuid = f"vid_{random.token_urlsafe(15)}"
    values: dict[str, Any] = {"uuid": uuid, "credits": CREDITS, **request.model_dump()}
    with database().transaction():
        values["user_id"] = user_id(app.current_event.headers)
        database().execute(IN_FLIGHT, values).fetchone()
        package = database().execute(PACKAGE, values).fetchone()
        values["package_id"] = package["id"]
        values["allocation"] = Jsonb([{"packageId": package["id"], "credits": CREDITS}])
        for statement in (FREEZE, INSERT_VIDEO, INSERT_HOLD):
            database().execute(statement, values)
    order = {"model": request.model, "prompt": request.prompt, "duration": 5, "callback_url": callback_url(uuid)}
    task = http.post(provider_url("/v1/videos/generations"), json=order, headers=provider_headers())
    task.raise_for_status()
    database().execute(RECORD, {"uuid": uuid, "task_id": task.json()["id"]})
    metrics.add_metric(name="VideosCreated", unit=MetricUnit.Count, value=1)
    logger.info("video created", video_uuid=uuid)
    created = CreatedVideo(
        videoUuid=uuid,
        taskId=task.json()["id"],
        provider="evolink",
        status="GENERATING",
        estimatedTime=None,
        creditsUsed=CREDITS,
    )
    return Response(202, content_type="application/json", body=Answer(success=True, data=created))


def callback_url(uuid: str) -> str:
    moment = int(time.time())
    signature = hmac.new(secrets()["CALLBACK_HMAC_SECRET"].encode(), f"{uuid}.{moment}".encode(), hashlib.sha256)
    return f"https://api.example.com/callback/evolink?videoUuid={uuid}&ts={moment}&sig={signature.hexdigest()}"


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event, context):
    return app.resolve(event, context)

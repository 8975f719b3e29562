"""Four routes with nothing between the event and the database: psycopg, http.client and json.

A user sees the same, but Clipferry's own features are missing: validation, idempotency keys, rate limits, failover,
the events of each video, and one message instead of one statement after the other.
"""

import hashlib
import hmac
import http.client
import json
import os
import secrets
import time
from functools import cache
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from clipferry.aws.sigv4 import environment_credentials
from clipferry.mirror_queue import MirrorQueue

SESSION = """
select "userId" as user_id from public.session where token = %(token)s and "expiresAt" > timezone('utc', now())
"""
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
STATUS = """
select status::text as status, video_url, error_message from public.videos
where uuid = %(uuid)s and user_id = %(user_id)s and not is_deleted
"""
LIST = """
select id, uuid, prompt, model, parameters, status::text as status, provider, error_message, video_url, thumbnail_url,
       duration, resolution, aspect_ratio, file_size, credits_used, created_at, completed_at, generation_time
from public.videos where user_id = %(user_id)s and not is_deleted
order by created_at desc, id desc limit %(limit)s
"""
INBOX = """
insert into clipferry.callback_inbox (provider, video_uuid, signed_at, body_sha256, body_size, body)
values ('evolink', %(uuid)s, now(), %(sha256)s, %(size)s, %(body)s)
"""
VIDEO = "select status::text as status, external_task_id from public.videos where uuid = %(uuid)s"
UPLOADING = """
update public.videos set status = 'UPLOADING', original_video_url = %(url)s, updated_at = timezone('utc', now())
where uuid = %(uuid)s and status in ('PENDING', 'GENERATING')
"""
CREDITS = 20


@cache
def database():
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row)


@cache
def provider():
    return http.client.HTTPSConnection(urlsplit(os.environ["EVOLINK_BASE_URL"]).netloc, timeout=20)


@cache
def queue():
    """Clipferry's own client: signing a request for AWS isn't compared here."""
    keys = environment_credentials(os.environ)
    url, endpoint = os.environ["MIRROR_QUEUE_URL"], os.environ["AWS_ENDPOINT_URL_SQS"]
    return MirrorQueue(url, region="us-east-1", endpoint_url=endpoint, credentials=lambda: keys)


def ask_provider(method, path, body=None):
    headers = {"Authorization": f"Bearer {os.environ['EVOLINK_API_KEY']}", "Content-Type": "application/json"}
    provider().request(method, path, body=None if body is None else json.dumps(body), headers=headers)
    answer = provider().getresponse()
    assert answer.status == 200
    return json.loads(answer.read())


def signed_in(event):
    token = event["headers"]["authorization"].removeprefix("Bearer ")
    return database().execute(SESSION, {"token": token}).fetchone()["user_id"]


def signature(uuid, moment):
    text = f"{uuid}:{moment}".encode()
    return hmac.new(os.environ["CALLBACK_HMAC_SECRET"].encode(), text, hashlib.sha256).hexdigest()


def generate(event):
    run, order = database().execute, json.loads(event["body"])
    values = {"uuid": f"vid_{secrets.token_urlsafe(15)}", "credits": CREDITS, **order}
    with database().transaction():
        values["user_id"] = signed_in(event)
        run(IN_FLIGHT, values).fetchone()
        values["package_id"] = run(PACKAGE, values).fetchone()["id"]
        values["allocation"] = Jsonb([{"packageId": values["package_id"], "credits": CREDITS}])
        for statement in (FREEZE, INSERT_VIDEO, INSERT_HOLD):
            run(statement, values)
    moment = int(time.time() * 1000)
    query = f"videoUuid={values['uuid']}&ts={moment}&sig={signature(values['uuid'], moment)}"
    callback = f"https://api.example.com/?{query}"
    asked = {"model": order["model"], "prompt": order["prompt"], "duration": 5, "callback_url": callback}
    task = ask_provider("POST", "/v1/videos/generations", asked)
    values["task_id"] = task["id"]
    run(RECORD, values)
    return 202, {"videoUuid": values["uuid"], "taskId": task["id"], "status": "GENERATING", "creditsUsed": CREDITS}


def status(event):
    values = {"user_id": signed_in(event), "uuid": event["pathParameters"]["uuid"]}
    return 200, database().execute(STATUS, values).fetchone()


def list_page(event):
    rows = database().execute(LIST, {"user_id": signed_in(event), "limit": 20}).fetchall()
    return 200, {"videos": rows, "nextCursor": None}


def callback(event):
    run, query, body = database().execute, event["queryStringParameters"], event["body"]
    assert hmac.compare_digest(signature(query["videoUuid"], query["ts"]), query["sig"])
    digest = hashlib.sha256(body.encode()).digest()
    values = {"uuid": query["videoUuid"], "sha256": digest, "size": len(body), "body": body}
    with database().transaction():
        run(INBOX, values)
        video = run(VIDEO, values).fetchone()
    values["url"] = ask_provider("GET", f"/v1/tasks/{video['external_task_id']}")["results"][0]
    run(UPLOADING, values)
    queue().send(values["uuid"])
    return 200, {"received": True}


ROUTES = {
    "POST /api/v1/video/generate": generate,
    "GET /api/v1/video/{uuid}/status": status,
    "GET /api/v1/video/list": list_page,
    "POST /api/v1/video/callback/{provider}": callback,
}


def lambda_handler(event, _context):
    code, data = ROUTES[event["routeKey"]](event)
    body = json.dumps({"success": True, "data": data}, default=str)
    print(json.dumps({"route": event["routeKey"], "status": code}))
    return {"statusCode": code, "headers": {"Content-Type": "application/json"}, "body": body}

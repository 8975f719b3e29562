"""The clients and helpers that every naive handler imports."""

import json
import os
from functools import cache

import boto3
import httpx
import psycopg
from aws_lambda_powertools import Logger, Metrics, Tracer
from botocore.config import Config
from psycopg.rows import dict_row

logger = Logger(service="clipferry")
tracer = Tracer(service="clipferry")
metrics = Metrics(namespace="Clipferry", service="clipferry")

s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["STORAGE_ENDPOINT"],
    region_name="auto",
    aws_access_key_id="local",  # R2's: read from the secret it would cost a call at import
    aws_secret_access_key="local",
    config=Config(request_checksum_calculation="when_required"),
)
sqs = boto3.client("sqs")
secrets_manager = boto3.client("secretsmanager")
http = httpx.Client(timeout=20)

SESSION = """
select "userId" as user_id from public.session where token = %(token)s and "expiresAt" > timezone('utc', now())
"""


@cache
def secrets() -> dict[str, str]:
    return json.loads(secrets_manager.get_secret_value(SecretId=os.environ["SECRETS_ARN"])["SecretString"])


@cache
def database() -> psycopg.Connection[dict]:
    return psycopg.connect(secrets()["DATABASE_URL"], autocommit=True, row_factory=dict_row)


def user_id(headers: dict[str, str]) -> str:
    session = database().execute(SESSION, {"token": headers["authorization"].removeprefix("Bearer ")}).fetchone()
    if session is None:
        raise PermissionError("no such session")
    return session["user_id"]


def provider_headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {secrets()['EVOLINK_API_KEY']}"}


def provider_url(path: str) -> str:
    return os.environ["EVOLINK_BASE_URL"] + path

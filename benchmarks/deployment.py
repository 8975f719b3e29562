"""A deployment on this machine: all services are behind TLS, passwords use SCRAM, and secrets are in a vault."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.events import CALLBACK_SECRET, MANY, EventFactory
from benchmarks.tls_front import tls_front
from clipferry.db import schema
from clipferry.db.connection import Database
from local.certificates import make_certificate
from local.http.messages import Request, Response
from local.http.server import HttpServer
from local.moto_server import embedded_aws
from local.postgres import embedded_postgres
from local.providers.evolink import fake_evolink
from local.providers.faults import Faults
from local.r2.server import FakeR2

ROOT: Final = Path(__file__).parents[1]
REGION: Final = "us-east-1"
KEY: Final = "local"
PASSWORD: Final = "as-long-as-one-that-a-service-makes"
_REQUIRE_PASSWORDS: Final = (
    "create role app superuser login password '{password}'",
    "copy (select 'host all all all scram-sha-256') to '{hba_file}'",
    "select pg_reload_conf()",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """The services' URLs, all with TLS but the last."""

    postgres: str
    evolink: str
    r2: str
    vault: str
    queue: str
    plain_vault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What the benchmarks need of the deployment."""

    secrets: dict[str, str]
    environment: dict[str, str]
    """A function's environment variables; the only secret in it is the name of the vault's."""
    events: EventFactory


@contextmanager
def deployment(folder: Path, *, authorities: Path) -> Iterator[Deployment]:
    """Runs the services until the block ends.

    `authorities` is a file with the certificates that a function trusts beside this deployment's own: to load them
    takes time, in Lambda, too.
    """
    with ExitStack() as scope:
        certificate = make_certificate(folder / "localhost.pem", "localhost")
        aws = scope.enter_context(embedded_aws())
        postgres = scope.enter_context(embedded_postgres())
        evolink = scope.enter_context(fake_evolink(api_key=KEY, seconds=0, film=b"not asked for"))
        evolink.faults = Faults(callbacks=0)
        queue = HttpServer()
        scope.enter_context(queue.serving(_accept_message))
        r2 = scope.enter_context(FakeR2(name="clipferry", access_key=KEY, secret_key=KEY, keep=False))
        behind = {"postgres": postgres, "evolink": evolink.base_url, "r2": r2.url}
        behind |= {"vault": aws.endpoint, "queue": queue.url}
        front = scope.enter_context(tls_front(certificate, {name: _port(url) for name, url in behind.items()}))
        _require_passwords(postgres)
        urls = Urls(
            postgres=f"postgresql://app:{PASSWORD}@localhost:{front.ports['postgres']}/clipferry?sslmode=require",
            **{name: front.url(name) for name in ("evolink", "r2", "vault", "queue")},
            plain_vault=aws.endpoint,
        )
        schema.bring_up_to_date(urls.postgres, ROOT / "migrations")
        trusted = folder / "authorities.pem"
        trusted.write_bytes(authorities.read_bytes() + certificate.read_bytes())
        database = scope.enter_context(closing(Database(urls.postgres)))
        yield Deployment(
            secrets=_secrets(urls),
            environment={**_environment(urls), **_trust(trusted)},
            events=EventFactory(database=database, evolink=evolink, evolink_url=urls.evolink),
        )


def _require_passwords(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("show hba_file").fetchone()
        assert row is not None
        for statement in _REQUIRE_PASSWORDS:
            connection.execute(statement.format(password=PASSWORD, hba_file=row[0]).encode())


def _environment(urls: Urls) -> dict[str, str]:
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
    with closing(boto3.client("secretsmanager", endpoint_url=urls.plain_vault, region_name=REGION, **keys)) as vault:
        secrets = vault.create_secret(Name="clipferry/bench", SecretString=json.dumps(_secrets(urls)))
    return {
        "STAGE": "local",
        "SECRETS_ARN": secrets["ARN"],
        "STORAGE_ENDPOINT": urls.r2,
        "STORAGE_BUCKET": "clipferry",
        "STORAGE_DOMAIN": "https://cdn.example.com",
        "EVOLINK_BASE_URL": urls.evolink,
        "AI_CALLBACK_URL": "https://api.example.com/api/v1/video/callback",
        "MIRROR_QUEUE_URL": f"{urls.queue}/123456789012/clipferry-mirror",
        "WEBHOOK_QUEUE_URL": f"{urls.queue}/123456789012/clipferry-webhooks",
        "RATE_LIMIT_PER_MINUTE": str(MANY),
        "VIDEO_MAX_CONCURRENT": str(MANY),
        "ALLOW_LOOPBACK": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_ENDPOINT_URL_SQS": urls.queue,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": urls.vault,
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "POWERTOOLS_SERVICE_NAME": "clipferry",
        "POWERTOOLS_METRICS_NAMESPACE": "Clipferry",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def _accept_message(request: Request) -> Response:
    """Answers SendMessage and keeps the connection open, as SQS does and moto doesn't."""
    message = json.loads(request.body or b"{}")["MessageBody"]
    digest = hashlib.md5(message.encode(), usedforsecurity=False).hexdigest()
    answer = {"MessageId": str(uuid4()), "MD5OfMessageBody": digest}
    return Response(
        status=200, body=json.dumps(answer).encode(), headers={"Content-Type": "application/x-amz-json-1.0"}
    )


def _secrets(urls: Urls) -> dict[str, str]:
    return {
        "DATABASE_URL": urls.postgres,
        "STORAGE_ACCESS_KEY": KEY,
        "STORAGE_SECRET_KEY": KEY,
        "EVOLINK_API_KEY": KEY,
        "CALLBACK_HMAC_SECRET": CALLBACK_SECRET,
        "BETTER_AUTH_SECRET": "",
    }


def _trust(authorities: Path) -> dict[str, str]:
    """The variables for the standard library and httpx, and for botocore."""
    return {"SSL_CERT_FILE": str(authorities), "AWS_CA_BUNDLE": str(authorities)}


def _port(url: str) -> int:
    """The port of a URL such as `http://127.0.0.1:80` or `postgresql://…`."""
    port = urlsplit(url).port or int(str(conninfo_to_dict(url)["port"]))
    assert port
    return port

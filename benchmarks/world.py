"""What functions meet when they are deployed, on this machine: everything behind TLS, passwords by SCRAM, a secret.

Every event is made for one handler: what it leads to is done once and never again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.tls_front import tls_front
from benchmarks.unasked_provider import create_unasked
from clipferry import callback_signature, catalog
from clipferry.catalog import ResolvedOptions
from clipferry.db import finish_video, jobs, migrations, submissions, videos
from clipferry.db.connection import Database
from clipferry.models import Credential, MediaInfo, MirroredFile
from clipferry.polling import Polling
from clipferry.usecases.create_video import VideoRequest
from local.certificates import make_certificate
from local.file_server import ServedFile
from local.film.render import render_film
from local.http.messages import Request, Response
from local.http.server import HttpServer
from local.lambda_runtime.events import http_event, schedule_event, sqs_event
from local.moto_server import embedded_aws
from local.postgres import embedded_postgres
from local.providers.evolink import FakeEvolink, fake_evolink
from local.providers.faults import Faults
from local.providers.task_queue import FilmOrder, Task
from local.r2.server import FakeR2

Event = dict[str, Any]

ROOT: Final = Path(__file__).parents[1]
REGION: Final = "us-east-1"
PAGE: Final = 20
KEY: Final = "local"
PASSWORD: Final = "as-long-as-one-that-a-service-makes"
CALLBACK_SECRET: Final = "a-secret-for-this-machine-and-no-other"
ORDER: Final = {"prompt": "A paper boat sails down a rainy street", "model": "seedance-1.5-pro", "duration": 5}
MANY: Final = 1_000_000
TIMING: Final = Polling(
    submit_deadline_seconds=7200,
    generation_deadline_seconds=3600,
    upload_deadline_seconds=3600,
    reconcile_interval_seconds=3600,
    status_refresh_seconds=15,
)

_ASK_FOR_PASSWORDS: Final = (
    "create role app superuser login password '{password}'",
    "copy (select 'host all all all scram-sha-256') to '{hba_file}'",
    "select pg_reload_conf()",
)
_ADD_USER: Final = """
with person as (
    insert into public."user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
    values (%(id)s, 'Measured', %(id)s || '@example.com', true, timezone('utc', now()), timezone('utc', now()))
    returning id
),
package as (
    insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, created_at, updated_at)
    select id, %(credits)s, %(credits)s, 'ORDER_PAY', timezone('utc', now()), timezone('utc', now()) from person
    returning user_id, id
),
entry as (
    insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id,
                                            created_at)
    select 'TXN-' || user_id, user_id, 'ORDER_PAY', %(credits)s, %(credits)s, id, timezone('utc', now()) from package
)
insert into public.session ("userId", token, "expiresAt", "createdAt", "updatedAt")
select id, id || '-session-token-as-long-as-one', timezone('utc', now()) + interval '1 day',
       timezone('utc', now()), timezone('utc', now())
from person
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """URLs, all of TLS but the last."""

    postgres: str
    evolink: str
    r2: str
    vault: str
    queue: str
    plain_vault: str


class World:
    """Makes the events, and what they need in the database and at the provider."""

    def __init__(self, *, database: Database, evolink: FakeEvolink, places: Places, authorities: Path) -> None:
        self.secrets = _secrets(places)
        self.environment = {**_environment(places), **_trust(authorities)}
        """Of a function: no secret but the name of the one that holds them all."""
        self._database = database
        self._evolink = evolink
        self._evolink_url = places.evolink
        self._users, self._tasks = itertools.count(1), itertools.count(1)
        film = render_film(prompt="measured", seconds=5, width=1280, height=720, frames_per_second=24)
        self._film = ServedFile.of(film, content_type="video/mp4")
        self.film_megabytes = len(film) / 1e6
        self._reader = self._add_user()
        self._read = [self._completed() for _ in range(PAGE)]

    def generate(self, count: int) -> Sequence[Event]:
        """Orders of a user who has made none yet."""
        token = self._add_user()
        return [self._request("POST", "/api/v1/video/generate", token, body=ORDER) for _ in range(count)]

    def status(self, count: int) -> Sequence[Event]:
        route = "GET /api/v1/video/{uuid}/status"
        uuids = itertools.islice(itertools.cycle(self._read), count)
        return [self._request("GET", f"/api/v1/video/{uuid}/status", self._reader, route=route) for uuid in uuids]

    def list_page(self, count: int) -> Sequence[Event]:
        """A page of 20."""
        return [self._request("GET", "/api/v1/video/list", self._reader) for _ in range(count)]

    def balance(self, count: int) -> Sequence[Event]:
        return [self._request("GET", "/api/v1/credit/balance", self._reader) for _ in range(count)]

    def callback(self, count: int) -> Sequence[Event]:
        """Each the first for its video, which the provider has finished."""
        token = self._add_user()
        return [self._callback(self._generating(token)) for _ in range(count)]

    def mirror(self, count: int) -> Sequence[Event]:
        token = self._add_user()
        return [sqs_event(json.dumps({"videoUuid": self._uploading(token)})) for _ in range(count)]

    def schedule(self, count: int) -> Sequence[Event]:
        return [schedule_event() for _ in range(count)]

    def _request(self, method: str, path: str, token: str, *, body: Any = None, route: str | None = None) -> Event:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body)
        return http_event(method, path, route_key=route or f"{method} {path}", headers=headers, body=content)

    def _callback(self, uuid: str) -> Event:
        url = callback_signature.callback_url(
            "https://api.example.com/api/v1/video/callback",
            provider="evolink",
            video_uuid=uuid,
            secret=CALLBACK_SECRET,
            now=datetime.now(UTC),
        )
        parts, body = urlsplit(url), self._evolink.callback_for(self._evolink.tasks[_task_id(uuid)]).body
        route = "POST /api/v1/video/callback/{provider}"
        headers = {"content-type": "application/json"}
        return http_event("POST", parts.path, route_key=route, query=parts.query, headers=headers, body=body)

    def _add_user(self) -> str:
        """The token of somebody who has all the credits one could want."""
        user = f"measured-{next(self._users)}"
        with self._database.transaction() as tx:
            tx.send(_ADD_USER, {"id": user, "credits": MANY})
        return f"{user}-session-token-as-long-as-one"

    def _pending(self, token: str) -> str:
        model = catalog.load().get(ORDER["model"])
        request = VideoRequest(
            prompt=ORDER["prompt"],
            options=ResolvedOptions(model=model, duration=5, aspect_ratio="16:9", quality="720p", credits=10),
            image_url=None,
            parameters={},
        )
        order = create_unasked(
            request,
            provider="evolink",
            credential=Credential(session_token=token),
            database=self._database,
            max_concurrent=MANY,
            polling=TIMING,
        )
        return order.video_uuid

    def _generating(self, token: str) -> str:
        uuid = self._pending(token)
        self._add_task(_task_id(uuid))
        with self._database.transaction() as tx:
            submissions.record(
                tx,
                video_uuid=uuid,
                provider="evolink",
                task_id=_task_id(uuid),
                estimated_seconds=60,
                deadline_seconds=TIMING.generation_deadline_seconds,
                first_check_seconds=TIMING.generation_deadline_seconds,
            )
        return uuid

    def _uploading(self, token: str) -> str:
        uuid = self._generating(token)
        with self._database.transaction() as tx:
            videos.start_upload(
                tx,
                uuid=uuid,
                task_id=_task_id(uuid),
                source_url=f"{self._evolink_url}/files/{_task_id(uuid)}.mp4",
                deadline_seconds=TIMING.upload_deadline_seconds,
                next_check_seconds=TIMING.upload_deadline_seconds,
            )
        return uuid

    def _completed(self) -> str:
        uuid = self._uploading(self._reader)
        url, media = f"https://cdn.example.com/videos/{uuid}.mp4", MediaInfo(duration=5, width=1280, height=720)
        file = MirroredFile(key=f"videos/{uuid}.mp4", url=url, size=8_000_000, sha256="0" * 64, media=media)
        with self._database.transaction() as tx:
            leased = jobs.lease(tx, uuid=uuid, seconds=300).first()
            assert leased is not None
            finish_video.complete(
                tx,
                video_uuid=uuid,
                fence=leased.fence,
                file=file,
                thumbnail_url=url.replace("mp4", "jpg"),
                resolution="720p",
                aspect_ratio="16:9",
            )
        return uuid

    def _add_task(self, task_id: str) -> None:
        order = FilmOrder(prompt=ORDER["prompt"], seconds=5, width=1280, height=720)
        self._evolink.tasks[task_id] = Task(
            id=task_id, model=ORDER["model"], order=order, callback_url=None, created=0, takes=0, file=self._film
        )


def _task_id(uuid: str) -> str:
    return f"task-unified-{uuid}"


@contextmanager
def world(folder: Path, *, authorities: Path) -> Iterator[World]:
    """Runs until the block ends. `authorities` are the certificates that a function trusts beside this world's own:
    they cost time to load, in Lambda too."""
    with ExitStack() as scope:
        certificate = make_certificate(folder / "localhost.pem", "localhost")
        aws = scope.enter_context(embedded_aws())
        postgres = scope.enter_context(embedded_postgres())
        evolink = scope.enter_context(fake_evolink(api_key=KEY, seconds=0, film=b"not asked for"))
        evolink.faults = Faults(callbacks=0)
        queue = HttpServer()
        scope.enter_context(queue.serving(_took_message))
        r2 = scope.enter_context(FakeR2(name="clipferry", access_key=KEY, secret_key=KEY, keep=False))
        behind = {"postgres": postgres, "evolink": evolink.base_url, "r2": r2.url}
        behind |= {"vault": aws.endpoint, "queue": queue.url}
        front = scope.enter_context(tls_front(certificate, {name: _port(url) for name, url in behind.items()}))
        _ask_for_passwords(postgres)
        places = Places(
            postgres=f"postgresql://app:{PASSWORD}@localhost:{front.ports['postgres']}/clipferry?sslmode=require",
            **{name: front.url(name) for name in ("evolink", "r2", "vault", "queue")},
            plain_vault=aws.endpoint,
        )
        migrations.apply(places.postgres, ROOT / "migrations")
        trusted = folder / "authorities.pem"
        trusted.write_bytes(authorities.read_bytes() + certificate.read_bytes())
        database = scope.enter_context(closing(Database(places.postgres)))
        yield World(database=database, evolink=evolink, places=places, authorities=trusted)


def _ask_for_passwords(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("show hba_file").fetchone()
        assert row is not None
        for statement in _ASK_FOR_PASSWORDS:
            connection.execute(statement.format(password=PASSWORD, hba_file=row[0]).encode())


def _environment(places: Places) -> dict[str, str]:
    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
    with closing(boto3.client("secretsmanager", endpoint_url=places.plain_vault, region_name=REGION, **keys)) as vault:
        secrets = vault.create_secret(Name="clipferry/bench", SecretString=json.dumps(_secrets(places)))
    return {
        "STAGE": "local",
        "SECRETS_ARN": secrets["ARN"],
        "STORAGE_ENDPOINT": places.r2,
        "STORAGE_BUCKET": "clipferry",
        "STORAGE_DOMAIN": "https://cdn.example.com",
        "EVOLINK_BASE_URL": places.evolink,
        "AI_CALLBACK_URL": "https://api.example.com/api/v1/video/callback",
        "MIRROR_QUEUE_URL": f"{places.queue}/123456789012/clipferry-mirror",
        "RATE_LIMIT_PER_MINUTE": str(MANY),
        "VIDEO_MAX_CONCURRENT": str(MANY),
        "ALLOW_LOOPBACK": "true",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_ENDPOINT_URL_SQS": places.queue,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": places.vault,
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "POWERTOOLS_SERVICE_NAME": "clipferry",
        "POWERTOOLS_METRICS_NAMESPACE": "Clipferry",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def _took_message(request: Request) -> Response:
    """SendMessage, as SQS answers it: moto's closes the connection after each answer, which SQS doesn't."""
    message = json.loads(request.body or b"{}")["MessageBody"]
    digest = hashlib.md5(message.encode(), usedforsecurity=False).hexdigest()
    answer = {"MessageId": str(uuid4()), "MD5OfMessageBody": digest}
    return Response(
        status=200, body=json.dumps(answer).encode(), headers={"Content-Type": "application/x-amz-json-1.0"}
    )


def _secrets(places: Places) -> dict[str, str]:
    return {
        "DATABASE_URL": places.postgres,
        "STORAGE_ACCESS_KEY": KEY,
        "STORAGE_SECRET_KEY": KEY,
        "EVOLINK_API_KEY": KEY,
        "CALLBACK_HMAC_SECRET": CALLBACK_SECRET,
        "BETTER_AUTH_SECRET": "",
    }


def _trust(authorities: Path) -> dict[str, str]:
    """For the standard library and httpx, and for botocore."""
    return {"SSL_CERT_FILE": str(authorities), "AWS_CA_BUNDLE": str(authorities)}


def _port(url: str) -> int:
    """Of `http://127.0.0.1:80` or `postgresql://…`."""
    port = urlsplit(url).port or int(str(conninfo_to_dict(url)["port"]))
    assert port
    return port

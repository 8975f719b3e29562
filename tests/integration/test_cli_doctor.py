"""`clipferry doctor`: each check passes where all is right, and names what is wrong where something is."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from cli.app import MIGRATIONS
from cli.doctor import bucket, clock, layer, secrets
from cli.doctor.findings import NotLookedAtError, TroubleError
from clipferry import settings as settings_module
from clipferry.db import migrations
from clipferry.db.connection import Database
from clipferry.errors import StorageError
from clipferry.observability import logger
from local.file_server import ServedFile, serve
from local.providers.http_server import Reply, Request, WebServer
from local.r2.server import FakeR2, Fault
from tests import command_line
from tests.command_line import Clipferry
from tests.integration import operator_fakes
from tests.integration.mirror_fixtures import storage_for
from tests.integration.operator_fakes import SECRET, Sqs, Web

ORIGIN = "https://app.example.com"


@dataclass(frozen=True, kw_only=True)
class Practice:
    """A patient that is well, and the doctor."""

    r2: FakeR2
    callback: Web
    queues: Sqs
    clipferry: Clipferry
    build: Path
    change: Callable[[str, str], None]

    def examine(self, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit status, and the findings by their check."""
        ended = self.clipferry("doctor", "--build", str(self.build), "--json", *arguments)
        return ended.status, {finding["check"]: finding for finding in ended.json}

    def trouble(self, check: str, *arguments: str) -> str:
        """What the doctor says of `check`, which must be all that is wrong."""
        status, findings = self.examine(*arguments)
        failed = [name for name, finding in findings.items() if finding["outcome"] == "failed"]
        assert (status, failed) == (1, [check]), findings
        assert findings[check]["advice"]
        return findings[check]["detail"]


@pytest.fixture(scope="module")
def server() -> Iterator[Sqs]:
    with operator_fakes.sqs() as queues:
        yield queues


@pytest.fixture
def r2() -> Iterator[FakeR2]:
    with FakeR2() as server:
        yield server


@pytest.fixture
def public(r2: FakeR2) -> Iterator[str]:
    """Where the bucket is public."""

    def answer(request: Request) -> Reply:
        found = r2.bucket.objects.get(request.path.removeprefix("/"))
        if found is None or found.content is None:
            return Reply(status=404)
        file = ServedFile.of(found.content, content_type=found.content_type)
        return serve(file, method=request.method, headers=request.headers)

    place = WebServer(body_limit=0)
    with place.serving(answer):
        yield place.url


@pytest.fixture
def practice(
    database_url: str,
    server: Sqs,
    r2: FakeR2,
    public: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Practice]:
    server.renew()
    build = built(tmp_path)
    level = logger.log_level
    with operator_fakes.web() as callback:
        for name, value in operator_fakes.settings(
            database_url=database_url, r2=r2, queues=server, callback=callback, public=public
        ).items():
            monkeypatch.setenv(name, value)
        yield Practice(
            r2=r2,
            callback=callback,
            queues=server,
            clipferry=command_line.runner(database_url, monkeypatch, capsys),
            build=build,
            change=monkeypatch.setenv,
        )
    logger.setLevel(level)


def built(folder: Path, *, machine: int = 62, python: str = "313", name: str = "SharedLayer") -> Path:
    """A folder as `sam build` leaves it, with one native library."""
    template = "Parameters:\n  Architecture:\n    Type: String\n    Default: x86_64\n    AllowedValues:\n    - x86_64\n"
    (folder / "template.yaml").write_text(f"{template}Globals:\n  Function:\n    Runtime: python3.13\n")
    package = folder / name / "python/psycopg_binary"
    package.mkdir(parents=True)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine)
    (package / f"_psycopg.cpython-{python}-linux-gnu.so").write_bytes(header)
    return folder


def test_all_is_well(practice: Practice) -> None:
    status, findings = practice.examine()

    assert status == 0
    assert {name: finding["outcome"] for name, finding in findings.items()} == {
        "settings": "ok",
        "secrets": "ok",
        "migrations": "ok",
        "clock": "ok",
        "bucket": "ok",
        "public address": "ok",
        "checksums": "ok",
        "browser upload": "ok",
        "bucket CORS": "skipped",
        "callback": "ok",
        "queue": "ok",
        "layer": "ok",
    }
    assert practice.r2.bucket.objects == {}
    assert all(request.method in ("HEAD", "POST") for request in practice.callback.requests)
    assert [word.split(" ")[0] for word in findings["clock"]["detail"].split(", ")] == [
        "API",
        "database",
        "evolink",
        "storage",
    ]


def test_it_is_readable_and_shows_no_secret(practice: Practice) -> None:
    practice.change("CALLBACK_HMAC_SECRET", "hunter2")
    ended = practice.clipferry("doctor", "--build", str(practice.build))

    assert ended.status == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith("ok      settings")
    assert lines[1].startswith("failed  secrets")
    assert "→" in lines[2]
    assert "hunter2" not in ended.out + ended.err
    assert practice.r2.secret_key not in ended.out + ended.err


def test_settings_that_cannot_be_read_are_all_that_it_says(practice: Practice) -> None:
    practice.change("STORAGE_BUCKET", "")
    practice.change("RATE_LIMIT_PER_MINUTE", "many")
    detail = practice.trouble("settings")

    assert "STORAGE_BUCKET" in detail
    assert "RATE_LIMIT_PER_MINUTE" in detail


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CALLBACK_HMAC_SECRET", "short", "has 5 characters"),
        ("CALLBACK_HMAC_SECRET", "your_callback_secret_for_hmac", "is the example's"),
        ("CALLBACK_HMAC_SECRET", f"{SECRET}\n", "a line break"),
        ("CALLBACK_HMAC_SECRET_PREVIOUS", SECRET, "is CALLBACK_HMAC_SECRET itself"),
        ("BETTER_AUTH_SECRET", "0" * 31, "has 31 characters"),
        ("REPLICATE_WEBHOOK_SECRET", "c2VjcmV0", "whsec_"),
    ],
)
def test_a_secret_that_cannot_be_right(practice: Practice, name: str, value: str, said: str) -> None:
    practice.change(name, value)
    detail = practice.trouble("secrets")

    assert name in detail
    assert said in detail


def test_r2s_keys_have_their_lengths(practice: Practice, r2: FakeR2) -> None:
    values = operator_fakes.settings(
        database_url="postgresql://localhost/c", r2=r2, queues=practice.queues, callback=practice.callback, public="x"
    )
    at_r2 = settings_module.load(values | {"STORAGE_ENDPOINT": "https://abc.r2.cloudflarestorage.com"})

    with pytest.raises(TroubleError, match="STORAGE_ACCESS_KEY has 13 characters, and R2's have 32"):
        secrets.look(at_r2)


@pytest.fixture
def another_database(server_url: str) -> Iterator[str]:
    with psycopg.connect(make_conninfo(server_url, dbname="postgres"), autocommit=True) as connection:
        connection.execute("drop database if exists clipferry_doctor")
        connection.execute("create database clipferry_doctor")
        yield make_conninfo(server_url, dbname="clipferry_doctor")
        connection.execute("drop database clipferry_doctor with (force)")


def test_a_migration_that_is_missing(practice: Practice, another_database: str, tmp_path: Path) -> None:
    older = tmp_path / "migrations"
    older.mkdir()
    names = sorted(file.name for file in MIGRATIONS.glob("*.sql"))
    for name in names[:-1]:
        (older / name).write_text((MIGRATIONS / name).read_text())
    migrations.apply(another_database, older)
    practice.change("DATABASE_URL", another_database)

    assert practice.trouble("migrations") == f"not applied: {names[-1]}"


def test_a_migration_that_was_edited(practice: Practice, another_database: str) -> None:
    migrations.apply(another_database, MIGRATIONS)
    with psycopg.connect(another_database, autocommit=True) as connection:
        connection.execute("update clipferry.migrations set checksum = 'x' where name like '0003%'")
    practice.change("DATABASE_URL", another_database)

    assert "edited after they were applied: 0003" in practice.trouble("migrations")


def test_a_database_that_is_away(practice: Practice) -> None:
    practice.change("DATABASE_URL", "postgresql://ann:hunter2@127.0.0.1:1/clipferry")

    assert "hunter2" not in practice.trouble("migrations")


@contextmanager
def ahead(by: timedelta) -> Iterator[str]:
    """An API whose clock is wrong."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.send_response(401)
            self.send_header("Content-Length", str(len(operator_fakes.REFUSED)))
            self.end_headers()
            if self.command == "POST":
                self.wfile.write(operator_fakes.REFUSED)

        do_POST = do_HEAD  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(datetime.now(UTC) + by, usegmt=True)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_clock_that_differs_from_one_of_them(practice: Practice) -> None:
    with ahead(timedelta(hours=1)) as url:
        practice.change("AI_CALLBACK_URL", f"{url}/api/v1/video/callback")
        detail = practice.trouble("clock")

    assert detail.startswith("not the same time at API: API +3")


def test_a_clock_that_differs_from_all_of_them_is_our_own() -> None:
    away = Database("postgresql://127.0.0.1:1/clipferry")
    with (
        ahead(-timedelta(minutes=10)) as url,
        pytest.raises(TroubleError, match="this machine's clock is wrong: API -6"),
    ):
        clock.look(away, {"API": url, "gone": "http://127.0.0.1:1"}, plain_http=True)
    with pytest.raises(NotLookedAtError):
        clock.look(away, {"gone": "http://127.0.0.1:1"}, plain_http=True)


@pytest.mark.parametrize(("operation", "kind"), [("PutObject", "503"), ("HeadObject", "500"), ("PutObject", "reset")])
def test_a_bucket_that_refuses(r2: FakeR2, operation: str, kind: Any) -> None:
    """And one that takes the object is rid of it."""
    r2.fail(Fault(operation=operation, kind=kind, times=100))
    storage = storage_for(r2, pause_seconds=0.01)
    with pytest.raises(StorageError, match=operation.removesuffix("Object").upper()):
        bucket.round_trip(storage)
    storage.close()
    assert r2.bucket.objects == {}


def test_keys_that_the_bucket_does_not_know(practice: Practice) -> None:
    practice.change("STORAGE_SECRET_KEY", "another")
    status, findings = practice.examine()

    assert status == 1
    assert "403" in findings["bucket"]["detail"] or "SignatureDoesNotMatch" in findings["bucket"]["detail"]
    assert findings["bucket"]["advice"].startswith("Give the R2 API token")


def test_a_public_address_that_is_another_buckets(practice: Practice) -> None:
    practice.change("STORAGE_DOMAIN", practice.callback.url)

    assert "answers 401, not the object" in practice.trouble("public address")


def test_boto3_with_its_own_defaults(r2: FakeR2) -> None:
    storage = storage_for(r2)
    storage.__dict__["_client"] = boto3.client(
        "s3",
        endpoint_url=r2.url,
        region_name="auto",
        aws_access_key_id=r2.access_key,
        aws_secret_access_key=r2.secret_key,
    )
    with pytest.raises(TroubleError, match="request_checksum_calculation=when_supported"):
        bucket.checksums(storage)
    storage.close()


def test_an_upload_that_is_not_taken(practice: Practice) -> None:
    practice.r2.fail(Fault(operation="PutObject", kind="503", skip=2, times=1))

    assert practice.trouble("browser upload") == "a presigned PUT is answered 503"


@pytest.mark.parametrize(
    ("status", "headers", "allowed"),
    [
        (204, {"Allow-Origin": ORIGIN, "Allow-Methods": "GET, PUT", "Allow-Headers": "Content-Type"}, True),
        (200, {"Allow-Origin": "*", "Allow-Methods": "*", "Allow-Headers": "*"}, True),
        (204, {"Allow-Origin": "https://other.example", "Allow-Methods": "PUT", "Allow-Headers": "*"}, False),
        (204, {"Allow-Origin": ORIGIN, "Allow-Methods": "GET", "Allow-Headers": "*"}, False),
        (204, {"Allow-Origin": ORIGIN, "Allow-Methods": "PUT"}, False),
        (403, {"Allow-Origin": ORIGIN, "Allow-Methods": "PUT", "Allow-Headers": "*"}, False),
    ],
)
def test_what_a_browser_is_told_before_it_uploads(status: int, headers: dict[str, str], allowed: bool) -> None:
    named = {f"Access-Control-{name}": value for name, value in headers.items()}
    with operator_fakes.web() as place:
        place.reply = Reply(status=status, headers=named)
        if allowed:
            assert bucket.cors(place.url, "films", [ORIGIN], plain_http=True) == f"PUT from {ORIGIN}"
        else:
            with pytest.raises(TroubleError, match=f"no PUT from {ORIGIN}"):
                bucket.cors(place.url, "films", [ORIGIN], plain_http=True)
    [asked] = place.requests
    assert (asked.method, asked.headers["Access-Control-Request-Method"]) == ("OPTIONS", "PUT")


def test_a_bucket_without_a_cors_policy(practice: Practice) -> None:
    practice.change("ALLOWED_ORIGINS", f"{ORIGIN},https://other.example.com")

    assert practice.trouble("bucket CORS") == f"no PUT from {ORIGIN}, https://other.example.com"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(status=308, headers={"Location": "https://www.example.com/api"}),
            "redirects to https://www.example.com",
        ),
        (Reply(status=404), "answers 404"),
        (Reply(status=401, body=b"<html>Please sign in</html>"), "answers 401 to a wrong signature, not our 401"),
        (Reply(status=200, body=json.dumps({"success": True}).encode()), "answers 200"),
    ],
)
def test_a_callback_that_leads_elsewhere(practice: Practice, reply: Reply, said: str) -> None:
    practice.callback.reply = reply

    assert said in practice.trouble("callback")


def test_a_callback_that_nobody_answers(practice: Practice) -> None:
    practice.change("AI_CALLBACK_URL", "http://127.0.0.1:1/api/v1/video/callback")

    assert "127.0.0.1" in practice.trouble("callback")


def test_a_callback_by_the_apis_own_domain(practice: Practice) -> None:
    practice.change("AI_CALLBACK_URL", "")

    assert practice.examine()[1]["callback"]["outcome"] == "skipped"
    status, findings = practice.examine("--api", practice.callback.url)
    assert (status, findings["callback"]["outcome"]) == (0, "ok")
    assert "/api/v1/video/callback/evolink" in findings["callback"]["detail"]


def test_dead_letters_are_trouble(practice: Practice) -> None:
    practice.queues.bury('{"videoUuid": "vid_1"}')

    assert practice.trouble("queue") == "1 dead letters"


def test_a_queue_that_is_not_there(practice: Practice) -> None:
    practice.change("MIRROR_QUEUE_URL", f"{practice.queues.queue_url}-gone")

    assert "GetQueueAttributes" in practice.trouble("queue")


def test_a_layer_for_another_processor(practice: Practice, tmp_path: Path) -> None:
    built(tmp_path, machine=183, name="ThumbnailLayer")

    assert practice.trouble("layer") == "_psycopg.cpython-313-linux-gnu.so is for arm64, not x86_64"
    assert "is for x86_64, not arm64" in practice.trouble("layer", "--architecture", "arm64")


def test_a_layer_for_another_python(tmp_path: Path) -> None:
    with pytest.raises(TroubleError, match=r"is for Python 3\.11, not 3\.13"):
        layer.look(built(tmp_path, python="311"), None)


def test_a_library_of_another_system(tmp_path: Path) -> None:
    build = built(tmp_path)
    (build / "SharedLayer/python/x.so").write_bytes(b"\xcf\xfa\xed\xfe")
    with pytest.raises(TroubleError, match=r"x\.so is for another system"):
        layer.look(build, None)


def test_nothing_built_is_not_looked_at(practice: Practice, tmp_path: Path) -> None:
    status, findings = practice.examine("--build", str(tmp_path / "nothing"))

    assert (status, findings["layer"]["outcome"]) == (0, "skipped")

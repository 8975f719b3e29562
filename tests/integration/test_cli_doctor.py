"""`clipferry doctor`: each check passes on a valid installation, and names the fault in an invalid one."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from cli.app import MIGRATIONS
from cli.doctor import bucket, clock, layer, secrets
from cli.doctor.findings import CheckFailedError, CheckSkippedError
from clipferry import settings as settings_module
from clipferry.db.connection import Database
from clipferry.errors import StorageError
from clipferry.s3 import retry
from local.file_server import ServedFile, serve
from local.http.messages import Request, Response
from local.http.server import HttpServer
from local.r2.faults import Fault
from local.r2.server import FakeR2
from tests.command_line import Clipferry
from tests.database import apply_migrations, run
from tests.integration import operator_fakes
from tests.integration.mirror_fixtures import storage_for
from tests.integration.operator_fakes import SECRET, Sqs
from tests.web import Web, web

ORIGIN = "https://app.example.com"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """An installation that passes every check, until a test changes it."""

    r2: FakeR2
    callback: Web
    queues: Sqs
    clipferry: Clipferry
    build: Path
    change: Callable[[str, str], None]

    def run_doctor(self, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """Returns the exit status, and the findings by the names of their checks."""
        ended = self.clipferry("doctor", "--build", str(self.build), "--json", *arguments)
        return ended.status, {finding["check"]: finding for finding in ended.json}

    def failure(self, check: str, *arguments: str) -> str:
        """Returns the detail of the failed `check`, which must be the only failed one."""
        status, findings = self.run_doctor(*arguments)
        failed = [name for name, finding in findings.items() if finding["outcome"] == "failed"]
        assert (status, failed) == (1, [check]), findings
        assert findings[check]["advice"]
        return findings[check]["detail"]


@pytest.fixture
def public(r2: FakeR2) -> Iterator[str]:
    """The bucket's public URL."""

    def answer(request: Request) -> Response:
        found = r2.bucket.objects.get(request.path.removeprefix("/"))
        if found is None or found.content is None:
            return Response(status=404)
        file = ServedFile.of(found.content, content_type=found.headers["content-type"])
        return serve(file, method=request.method, headers=request.headers)

    server = HttpServer()
    with server.serving(answer):
        yield server.url


@pytest.fixture
def installation(
    database_url: str,
    clipferry: Clipferry,
    queues: Sqs,
    r2: FakeR2,
    public: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:
    build = built(tmp_path)
    with web(401, operator_fakes.REFUSED) as callback:
        for name, value in operator_fakes.settings(
            database_url=database_url, r2=r2, queues=queues, callback=callback, public=public
        ).items():
            monkeypatch.setenv(name, value)
        yield Installation(
            r2=r2,
            callback=callback,
            queues=queues,
            clipferry=clipferry,
            build=build,
            change=monkeypatch.setenv,
        )


def built(folder: Path, *, machine: int = 62, python: str = "313", name: str = "SharedLayer") -> Path:
    """Makes a folder as `sam build` does, with one native library."""
    template = "Parameters:\n  Architecture:\n    Type: String\n    Default: x86_64\n    AllowedValues:\n    - x86_64\n"
    (folder / "template.yaml").write_text(f"{template}Globals:\n  Function:\n    Runtime: python3.13\n")
    package = folder / name / "python/psycopg_binary"
    package.mkdir(parents=True)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine)
    (package / f"_psycopg.cpython-{python}-linux-gnu.so").write_bytes(header)
    return folder


def test_every_check_passes_on_a_valid_installation(installation: Installation) -> None:
    status, findings = installation.run_doctor()

    assert status == 0
    assert {name: finding["outcome"] for name, finding in findings.items()} == {
        "settings": "ok",
        "secrets": "ok",
        "providers": "ok",
        "migrations": "ok",
        "database TLS": "ok",
        "clock": "ok",
        "bucket": "ok",
        "public address": "ok",
        "browser upload": "ok",
        "bucket CORS": "skipped",
        "callback": "ok",
        "queue": "ok",
        "layer": "ok",
    }
    assert installation.r2.bucket.objects == {}
    assert all(request.method in ("HEAD", "POST") for request in installation.callback.requests)
    assert [offset.split(" ")[0] for offset in findings["clock"]["detail"].split(", ")] == [
        "API",
        "database",
        "evolink",
        "storage",
    ]


def test_the_report_has_a_line_for_each_check_and_shows_no_secret(installation: Installation) -> None:
    installation.change("CALLBACK_HMAC_SECRET", "hunter2")
    ended = installation.clipferry("doctor", "--build", str(installation.build))

    assert ended.status == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith("ok      settings")
    assert lines[1].startswith("failed  secrets")
    assert "→" in lines[2]
    assert "hunter2" not in ended.out + ended.err
    assert installation.r2.secret_key not in ended.out + ended.err


def test_invalid_settings_are_the_only_finding(installation: Installation) -> None:
    installation.change("STORAGE_BUCKET", "")
    installation.change("RATE_LIMIT_PER_MINUTE", "many")
    installation.change("STORAGE_DOMAIN", "javascript:alert(1)//")
    installation.change("ALLOWED_ORIGINS", "null")
    detail = installation.failure("settings")

    assert "STORAGE_BUCKET" in detail
    assert "STORAGE_DOMAIN" in detail
    assert "ALLOWED_ORIGINS" in detail
    assert "RATE_LIMIT_PER_MINUTE" in detail


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("CALLBACK_HMAC_SECRET", "short", "has 5 characters"),
        ("CALLBACK_HMAC_SECRET", "your_callback_secret_for_hmac", "is the example's value"),
        ("CALLBACK_HMAC_SECRET", f"{SECRET}\n", "a line break"),
        ("CALLBACK_HMAC_SECRET_PREVIOUS", SECRET, "is the same as CALLBACK_HMAC_SECRET"),
        ("BETTER_AUTH_SECRET", "0" * 31, "has 31 characters"),
        ("REPLICATE_WEBHOOK_SECRET", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "whsec_"),
    ],
)
def test_a_secret_that_cannot_be_right_is_named(installation: Installation, name: str, value: str, detail: str) -> None:
    installation.change(name, value)
    installation.change("REPLICATE_API_KEY", "r8-test-replicate")  # without a key its secret would be too much
    installation.change("REPLICATE_BASE_URL", installation.callback.url)
    found = installation.failure("secrets")

    assert name in found
    assert detail in found


@pytest.mark.parametrize(
    ("name", "value", "check", "detail"),
    [
        ("EVOLINK_API_KEY", "", "providers", "no provider has a key, so nobody makes a video: set EVOLINK_API_KEY or"),
        ("DEFAULT_AI_PROVIDER", "kie", "providers", "DEFAULT_AI_PROVIDER is kie, which has no key"),
        ("KIE_WEBHOOK_HMAC_KEY", "hmac", "providers", "KIE_WEBHOOK_HMAC_KEY is set without KIE_API_KEY"),
        ("AI_CALLBACK_URL", "http://127.0.0.1:1/api/v1/video/callback", "callback", "127.0.0.1"),
        (
            "ALLOWED_ORIGINS",
            f"{ORIGIN},https://other.example.com",
            "bucket CORS",
            f"the bucket refuses PUT from {ORIGIN}, https://other.example.com",
        ),
    ],
)
def test_a_setting_that_does_not_fit_the_installation_fails_its_check(
    installation: Installation, name: str, value: str, check: str, detail: str
) -> None:
    installation.change(name, value)

    assert detail in installation.failure(check)


def test_an_r2_key_of_the_wrong_length_is_named(installation: Installation, r2: FakeR2) -> None:
    values = operator_fakes.settings(
        database_url="postgresql://localhost/c",
        r2=r2,
        queues=installation.queues,
        callback=installation.callback,
        public="https://cdn.example.com",
    )
    at_r2 = settings_module.load(values | {"STORAGE_ENDPOINT": "https://abc.r2.cloudflarestorage.com"})

    with pytest.raises(CheckFailedError, match="STORAGE_ACCESS_KEY has 13 characters, while R2's have 32"):
        secrets.check(at_r2)


def test_a_missing_migration_is_named(installation: Installation, empty_url: str, tmp_path: Path) -> None:
    older = tmp_path / "migrations"
    older.mkdir()
    names = sorted(file.name for file in MIGRATIONS.glob("*.sql"))
    for name in names[:-1]:
        (older / name).write_text((MIGRATIONS / name).read_text())
    apply_migrations(empty_url, older)
    installation.change("DATABASE_URL", empty_url)

    assert installation.failure("migrations") == f"not applied: {names[-1]}"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ("drop index clipferry_videos_task_key", "missing: unique index clipferry_videos_task_key on videos"),
        (
            "update clipferry.migrations set checksum = 'x' where name like '0003%'",
            "edited after they were applied: 0003",
        ),
    ],
    ids=["another tool dropped an index", "a migration was edited"],
)
def test_a_database_that_is_not_what_the_migrations_made_is_told(
    installation: Installation, empty_url: str, change: str, detail: str
) -> None:
    apply_migrations(empty_url, MIGRATIONS)
    run(empty_url, change)
    installation.change("DATABASE_URL", empty_url)

    assert installation.failure("migrations").startswith(detail)


def test_an_unreachable_database_fails_the_check_and_its_password_is_not_shown(installation: Installation) -> None:
    installation.change("DATABASE_URL", "postgresql://ann:hunter2@127.0.0.1:1/clipferry")

    assert "hunter2" not in installation.failure("migrations")


def api_with_wrong_clock(by: timedelta) -> AbstractContextManager[Web]:
    """An API whose clock is ahead by `by`."""
    return web(401, operator_fakes.REFUSED, Date=format_datetime(datetime.now(UTC) + by, usegmt=True))


def test_a_database_whose_certificate_nobody_checks_is_named(installation: Installation) -> None:
    installation.change("DATABASE_DIRECT_URL", "postgresql://u:hunter2@db.invalid/app?sslmode=require")

    finding = installation.run_doctor()[1]["database TLS"]

    assert finding["outcome"] == "failed"
    assert finding["detail"] == "nobody checks the database's certificate: DATABASE_DIRECT_URL"


def test_a_single_wrong_clock_is_named(installation: Installation) -> None:
    with api_with_wrong_clock(timedelta(hours=1)) as api:
        installation.change("AI_CALLBACK_URL", f"{api.url}/api/v1/video/callback")
        detail = installation.failure("clock")

    assert detail.startswith("the clock is wrong at API: API +3")


def test_this_machines_clock_is_wrong_when_all_others_differ_from_it() -> None:
    unreachable = Database("postgresql://127.0.0.1:1/clipferry")
    with (
        api_with_wrong_clock(-timedelta(minutes=10)) as api,
        pytest.raises(CheckFailedError, match="this machine's clock is wrong: API -6"),
    ):
        clock.check(unreachable, {"API": api.url, "gone": "http://127.0.0.1:1"}, plain_http=True)
    with pytest.raises(CheckSkippedError):
        clock.check(unreachable, {"gone": "http://127.0.0.1:1"}, plain_http=True)


@pytest.mark.parametrize(
    ("operation", "kind"), [("PutObject", "503"), ("HeadObject", "500"), ("PutObject", "reset"), ("ListObjects", "429")]
)
def test_a_bucket_that_refuses_a_request_fails_the_check_and_keeps_no_object(
    r2: FakeR2, operation: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.01)
    r2.fail(Fault(operation=operation, kind=kind, times=100))
    storage = storage_for(r2)
    with pytest.raises(StorageError, match={"PutObject": "PUT", "HeadObject": "HEAD", "ListObjects": "GET"}[operation]):
        bucket.round_trip(storage)
    storage.close()
    assert r2.bucket.objects == {}


def test_keys_that_the_bucket_does_not_accept_fail_the_check(installation: Installation) -> None:
    installation.change("STORAGE_SECRET_KEY", "another")
    status, findings = installation.run_doctor()

    assert status == 1
    assert "403" in findings["bucket"]["detail"] or "SignatureDoesNotMatch" in findings["bucket"]["detail"]
    assert findings["bucket"]["advice"].startswith("Give the R2 API token")


def test_a_public_url_that_does_not_serve_the_bucket_fails_the_check(installation: Installation) -> None:
    installation.change("STORAGE_DOMAIN", installation.callback.url)

    assert "answers 401, not the object" in installation.failure("public address")


def test_a_refused_browser_upload_fails_the_check(installation: Installation) -> None:
    installation.r2.fail(Fault(operation="PutObject", kind="503", skip=2, times=1))

    assert installation.failure("browser upload") == "a presigned PUT is answered with 503"


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
def test_cors_passes_only_where_a_browser_would_upload(status: int, headers: dict[str, str], allowed: bool) -> None:
    named = {f"Access-Control-{name}": value for name, value in headers.items()}
    with web(status, b"", **named) as fake_bucket:
        if allowed:
            assert (
                bucket.cors(fake_bucket.url, "films", [ORIGIN], plain_http=True)
                == f"the bucket allows PUT from {ORIGIN}"
            )
        else:
            with pytest.raises(CheckFailedError, match=f"the bucket refuses PUT from {ORIGIN}"):
                bucket.cors(fake_bucket.url, "films", [ORIGIN], plain_http=True)
    [preflight] = fake_bucket.requests
    assert (preflight.method, preflight.headers["Access-Control-Request-Method"]) == ("OPTIONS", "PUT")


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        (
            Response(status=308, headers={"Location": "https://www.example.com/api"}),
            "redirects to https://www.example.com",
        ),
        (Response(status=404), "answers 404"),
        (
            Response(status=401, body=b"<html>Please sign in</html>"),
            "answers 401 to an invalid signature, not Clipferry's 401",
        ),
        (Response(status=200, body=json.dumps({"success": True}).encode()), "answers 200"),
    ],
)
def test_a_callback_url_that_is_not_clipferrys_fails_the_check(
    installation: Installation, reply: Response, detail: str
) -> None:
    installation.callback.reply = reply

    assert detail in installation.failure("callback")


def test_without_ai_callback_url_the_callback_is_checked_at_the_given_api(installation: Installation) -> None:
    installation.change("AI_CALLBACK_URL", "")

    assert installation.run_doctor()[1]["callback"]["outcome"] == "skipped"
    status, findings = installation.run_doctor("--api", installation.callback.url)
    assert (status, findings["callback"]["outcome"]) == (0, "ok")
    assert "/api/v1/video/callback/evolink" in findings["callback"]["detail"]


def test_dead_letters_fail_the_check(installation: Installation) -> None:
    installation.queues.add_dead_letters('{"videoUuid": "vid_1"}')

    assert installation.failure("queue") == "dead letters: 1"


def test_a_queue_that_does_not_exist_fails_the_check(installation: Installation) -> None:
    installation.change("MIRROR_QUEUE_URL", f"{installation.queues.queue_url}-gone")

    assert "GetQueueAttributes" in installation.failure("queue")


def test_a_library_for_another_processor_is_named(installation: Installation, tmp_path: Path) -> None:
    built(tmp_path, machine=183, name="ThumbnailLayer")

    assert installation.failure("layer") == "_psycopg.cpython-313-linux-gnu.so is for arm64, not x86_64"
    assert "is for x86_64, not arm64" in installation.failure("layer", "--architecture", "arm64")


def test_a_library_for_another_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckFailedError, match=r"is for Python 3\.11, not 3\.13"):
        layer.check(built(tmp_path, python="311"), None)


def test_a_library_for_another_operating_system_is_named(tmp_path: Path) -> None:
    build = built(tmp_path)
    (build / "SharedLayer/python/x.so").write_bytes(b"\xcf\xfa\xed\xfe")
    with pytest.raises(CheckFailedError, match=r"x\.so is for another operating system"):
        layer.check(build, None)


def test_without_a_build_the_layer_check_is_skipped(installation: Installation, tmp_path: Path) -> None:
    status, findings = installation.run_doctor("--build", str(tmp_path / "nothing"))

    assert (status, findings["layer"]["outcome"]) == (0, "skipped")

"""The operator's command line: what it prints, as text and as JSON, and its exit status."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import psycopg
import pytest

from cli.app import MIGRATIONS
from clipferry.db.connection import Database
from clipferry.models import Credential, VideoStatus
from clipferry.usecases.read_credits import get_balance
from tests import books, journeys
from tests.command_line import Clipferry

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ann(database: Database) -> str:
    books.add_user(database)
    return "ann"


def test_verify_finds_no_breach_where_every_invariant_holds(clipferry: Clipferry, database: Database, ann: str) -> None:
    books.add_package(database, 100)
    for status in VideoStatus:
        journeys.video_at(database, status)
    ended = clipferry("verify")

    assert (ended.status, ended.err) == (0, "")
    assert "every invariant holds" in ended.out
    assert clipferry("verify", "--json").json == []


def test_verify_lists_a_breach_and_exits_with_1(clipferry: Clipferry, database: Database, ann: str) -> None:
    package = books.add_package(database, 100)
    books.execute(database, "update public.credit_packages set remaining_credits = 90")
    ended = clipferry("verify")

    assert ended.status == 1
    assert "ledger_explains_packages" in ended.out
    assert "ann" in ended.out
    books.execute(database, "update public.credit_packages set frozen_credits = 10")
    ended = clipferry("verify", "--json")
    assert ended.status == 1
    assert ended.json == [
        {
            "invariant": "frozen_is_held",
            "user_id": "ann",
            "package_id": package,
            "hold_id": None,
            "video_uuid": None,
            "detail": "frozen 10 <> holds 0",
        }
    ]


def test_explain_lists_what_happened_to_a_video(clipferry: Clipferry, database: Database, ann: str) -> None:
    books.add_package(database, 100)
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    shown = clipferry("explain", uuid)

    assert shown.status == 0
    for word in (
        "held",
        "created",
        "submitted",
        "generated",
        "mirror_started",
        "VIDEO_CONSUME",
        "settled",
        "completed",
    ):
        assert word in shown.out
    story = clipferry("explain", uuid, "--json").json
    assert {moment["what"] for moment in story} >= {"created", "completed", "VIDEO_CONSUME"}
    assert all(moment["at"].endswith("Z") for moment in story)


def test_explain_exits_with_1_for_an_unknown_video(clipferry: Clipferry) -> None:
    ended = clipferry("explain", "vid_unknown")

    assert ended.status == 1
    assert "vid_unknown" in ended.out


def test_a_key_is_shown_once_and_works_until_it_is_revoked(clipferry: Clipferry, database: Database, ann: str) -> None:
    [made] = clipferry("keys", "create", "ann", "--name", "server", "--json").json
    [listed] = clipferry("keys", "list", "--json").json
    credential = Credential(key_sha256=books.value(database, "select key_sha256 from clipferry.api_keys"))

    assert made["key"].startswith(listed["prefix"])
    assert (listed["id"], listed["user_id"], listed["name"]) == (made["id"], "ann", "server")
    assert (listed["is_admin"], listed["revoked_at"]) == (False, None)
    assert made["key"] not in clipferry("keys", "list").out
    assert get_balance(credential=credential, database=database).available == 0
    [revoked] = clipferry("keys", "revoke", str(made["id"]), "--json").json
    assert revoked["revoked_at"] is not None
    assert clipferry("keys", "revoke", str(made["id"])).status == 1


def test_an_admins_key_is_for_an_admin(clipferry: Clipferry, ann: str) -> None:
    made = clipferry("keys", "create", "ann", "--admin")

    assert (made.status, made.out) == (1, "")
    assert "no admin ann" in made.err


def test_an_admins_key_is_printed_alone_on_the_last_line(clipferry: Clipferry, database: Database, ann: str) -> None:
    books.execute(database, """update public."user" set "isAdmin" = true""")
    made = clipferry("keys", "create", "ann", "--admin")

    assert made.status == 0
    assert made.out.splitlines()[-1].startswith("cf_")
    [listed] = clipferry("keys", "list", "ann", "--json").json
    assert listed["is_admin"]
    assert clipferry("keys", "list", "bob", "--json").json == []


def test_a_dry_run_lists_the_migrations_and_applies_none(
    clipferry: Clipferry, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DATABASE_DIRECT_URL takes precedence over DATABASE_URL, which may lead to a pooler."""
    monkeypatch.setenv("DATABASE_DIRECT_URL", empty_url)
    files = sorted(file.name for file in MIGRATIONS.glob("*.sql"))

    for _ in range(2):
        assert clipferry("migrate", "--dry-run").out.splitlines() == [f"would apply {name}" for name in files]
    assert clipferry("migrate").out.splitlines() == [f"applied {name}" for name in files]
    assert "up to date" in clipferry("migrate").out


def test_what_another_tool_dropped_is_named_by_verify_and_made_again_by_migrate(
    clipferry: Clipferry, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_DIRECT_URL", empty_url)
    clipferry("migrate")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("drop index clipferry_videos_list_idx")
        connection.execute("alter table credit_packages drop constraint clipferry_remaining_not_negative")
    names = ["CHECK clipferry_remaining_not_negative on credit_packages", "index clipferry_videos_list_idx on videos"]

    breaches = clipferry("verify", "--json")
    assert breaches.status == 1
    assert [breach["detail"] for breach in breaches.json] == [
        f"{name} is missing: run `clipferry migrate`" for name in names
    ]
    assert clipferry("migrate", "--dry-run").out.splitlines() == [f"would make again: {name}" for name in names]
    assert clipferry("migrate", "--json").json == [{"guard": name, "restored": True} for name in names]
    assert clipferry("migrate").out == "The database is up to date.\n"
    assert clipferry("verify").status == 0


def test_rows_that_break_a_rule_are_named_by_migrate(
    clipferry: Clipferry, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_DIRECT_URL", empty_url)
    clipferry("migrate")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("""
        alter table credit_packages drop constraint clipferry_remaining_not_negative;
        insert into "user" (id, email) values ('ann', 'ann@example.com');
        insert into credit_packages (id, user_id, initial_credits, remaining_credits, trans_type, updated_at)
        values (7, 'ann', 1, -1, 'SYSTEM_ADJUST', now())
        """)

    migrated = clipferry("migrate")
    assert migrated.status == 0
    assert "made again: CHECK clipferry_remaining_not_negative on credit_packages" in migrated.out
    assert re.search(r"clipferry_remaining_not_negative .* credit_packages .* 7", migrated.out)
    assert clipferry("migrate", "--json").json == [
        {"broken": "clipferry_remaining_not_negative", "table": "credit_packages", "rows": ["7"]}
    ]


@pytest.mark.parametrize("seconds", ["soon", "0", "-1"])
def test_a_connect_timeout_that_is_no_number_of_seconds_exits_with_2(
    clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT_SECONDS", seconds)

    ended = clipferry("migrate")
    assert (ended.status, ended.err) == (2, "DATABASE_CONNECT_TIMEOUT_SECONDS must be a number of seconds.\n")


def test_a_database_that_is_migrated_is_up_to_date(clipferry: Clipferry) -> None:
    clipferry("migrate")

    assert clipferry("migrate", "--dry-run").out == "The database is up to date.\n"
    assert clipferry("migrate", "--json").json == []


def test_without_a_database_url_it_exits_with_2_and_names_the_variable(
    clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    ended = clipferry("verify")

    assert ended.status == 2
    assert "DATABASE_URL" in ended.err


def test_an_unreachable_database_is_reported_with_its_whole_cause_but_without_its_password(
    clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:hunter2@127.0.0.1:1/clipferry")
    ended = clipferry("verify")

    assert ended.status == 1
    assert "The database can't be reached at the moment." in ended.err
    assert "Connection refused" in ended.err
    assert "127.0.0.1" in ended.err
    assert "hunter2" not in ended.err


def test_version_is_the_packages(clipferry: Clipferry) -> None:
    package = tomllib.loads((ROOT / "layers/shared/pyproject.toml").read_text())["project"]

    assert clipferry("--version").out == f"clipferry {package['version']}\n"


def test_it_runs_as_a_module_and_prints_nothing_but_its_result(database_url: str) -> None:
    environment = os.environ | {"DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, "-m", "cli", "verify", "--json"], cwd=ROOT, env=environment, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"[]\n", b"")

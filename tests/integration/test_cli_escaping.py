"""What strangers wrote into the database comes out of every command without a control character, and is no markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from tests import books, journeys
from tests.command_line import Clipferry, on_a_terminal
from tests.terminal_attacks import ATTACKS, TEXT, is_harmless

_PLANT = """
with callback as (
    insert into clipferry.callback_inbox (provider, video_uuid, task_id, signed_at, body_sha256, body_size, body,
                                          verdict)
    values (%(text)s, %(uuid)s, %(text)s, now(), '\\x00', 2, %(text)s, %(text)s)
), event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    values (%(uuid)s, %(text)s, jsonb_build_object(%(text)s::text, %(text)s::text))
), named as (
    update clipferry.api_keys set name = %(text)s
), failed as (
    update clipferry.jobs set failure_code = %(text)s, deadline = now() - interval '1 hour', next_check_at = now()
    where video_uuid = %(uuid)s
), ordered as (
    update public.credit_transactions set remark = %(text)s, order_no = %(text)s where package_id is not null
), endpoint as (
    insert into clipferry.webhook_endpoints (user_id, url) values ('ann', %(text)s) returning id
), told as (
    insert into clipferry.webhook_events (id, kind, user_id, video_uuid, body)
    values ('evt_planted', %(text)s, 'ann', %(text)s, to_jsonb(%(text)s::text)::text) returning id
), delivery as (
    insert into clipferry.webhook_deliveries (event_id, endpoint_id, state, last_error)
    select told.id, endpoint.id, 'GIVEN_UP', %(text)s from told, endpoint
), foreign_user as (
    insert into public."user" (id, email) values ('of ' || %(text)s, %(text)s) returning id
)
insert into clipferry.api_keys (user_id, name, prefix, key_sha256)
select id, %(text)s, %(text)s, sha256(convert_to(id, 'utf8')) from foreign_user
"""
_CLEAR = (
    "delete from clipferry.callback_inbox",
    "delete from clipferry.video_events",
    "delete from clipferry.api_keys",
    "delete from clipferry.webhook_events",
    "delete from clipferry.webhook_endpoints",
    "delete from public.\"user\" where id <> 'ann'",
)


@pytest.fixture
def video(database: Database) -> str:
    books.add_user(database)
    books.add_package(database, 100)
    return journeys.video_at(database, VideoStatus.GENERATING)


def plant(database: Database, uuid: str, text: str) -> None:
    books.execute_all(database, *_CLEAR)
    books.execute(database, _PLANT, uuid=uuid, text=text)


def commands(uuid: str) -> list[tuple[str, ...]]:
    """The commands that print rows of the database."""
    return [
        ("explain", uuid),
        ("callbacks", "show"),
        ("callbacks", "show", uuid),
        ("keys", "list"),
        ("webhooks", "list"),
        ("webhooks", "list", "--endpoints"),
        ("webhooks", "show", "evt_planted"),
        ("videos", "list"),
        ("videos", "stuck"),
        ("credits", "history", "ann"),
        ("credits", "balance", "ann"),
        ("verify",),
    ]


@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(text=TEXT.filter(lambda text: "\0" not in text and not re.search("[\ud800-\udfff]", text)))
def test_no_command_prints_a_control_character_of_a_row(
    text: str, clipferry: Clipferry, database: Database, video: str
) -> None:
    plant(database, video, text)
    for command in commands(video):
        for form in ((), ("--json",)):
            ended = clipferry(*command, *form)
            assert ended.status in (0, 1), (command, ended)
            assert ended.err == "", "no traceback"
            assert len({line.count("\t") for line in ended.out.splitlines()}) == 1, "a tab is between two fields only"
            assert is_harmless(ended.out.replace("\t", " ")), command


def test_json_has_a_row_as_it_is(clipferry: Clipferry, database: Database, video: str) -> None:
    text = "".join(attack for attack in ATTACKS if attack != "\ud800")
    plant(database, video, text)
    [callback] = clipferry("callbacks", "show", video, "--json").json
    assert callback["body"] == text


def test_a_terminal_gets_nothing_to_obey_from_a_row(database_url: str, database: Database, video: str) -> None:
    """All commands run in one process on a pseudo-terminal; what rich itself writes there is colours alone."""
    plant(database, video, "".join(attack for attack in ATTACKS if attack != "\ud800"))
    without_a_spinner = [command for command in commands(video) if command != ("verify",)]
    shown = on_a_terminal(without_a_spinner, database_url, COLUMNS="5000")
    uncoloured = re.sub(r"\x1b\[[0-9;]*m", "", shown.replace("\r\n", "\n"))
    assert uncoloured.rstrip().endswith("all done")
    assert is_harmless(uncoloured)
    assert "\\u001b]52;c;" in uncoloured
    assert "[/x]" in uncoloured
    assert ":smile:" in uncoloured


@pytest.mark.parametrize("argument", ["vid_\x1b[2J", "vid_\u202e", "vid_\r"])
def test_an_argument_with_a_control_character_is_refused(clipferry: Clipferry, argument: str) -> None:
    ended = clipferry("explain", argument)
    assert (ended.status, ended.out) == (2, "")
    assert "control characters" in ended.err
    assert is_harmless(ended.err)


def test_an_unexpected_errors_traceback_is_escaped(clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("\x1b]52;c;x\x07")

    monkeypatch.setattr("cli.app.timeline.read", fail)
    ended = clipferry("explain", "vid_1")
    assert ended.status == 1
    assert "RuntimeError: \\u001b]52" in ended.err
    assert is_harmless(ended.err)

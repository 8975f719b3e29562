"""`clipferry videos create`, `show`, `open` and `watch`, `users create` and `status`."""

from __future__ import annotations

import json
import os
import webbrowser

import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from local.http.messages import Response
from tests import books, journeys
from tests.command_line import Clipferry, Ended
from tests.integration.operator_fakes import Sqs
from tests.web import Web, web

pytestmark = pytest.mark.usefixtures("rich_ann")

UUID = "vid_1"
ORDERED = {"videoUuid": UUID, "status": "GENERATING", "creditsUsed": 30}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was told to open."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", found.append)
    return found


def test_show_has_the_order_and_the_file(clipferry: Clipferry, database: Database) -> None:
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    [shown] = clipferry("videos", "show", uuid, "--json").json

    assert (shown["uuid"], shown["status"], shown["user_id"]) == (uuid, "COMPLETED", "ann")
    assert shown["video_url"]
    assert shown["prompt"] in clipferry("videos", "show", uuid).out
    unknown = clipferry("videos", "show", "vid_unknown")
    assert (unknown.status, unknown.out) == (1, "")


def test_open_opens_the_file_of_a_completed_video(clipferry: Clipferry, database: Database, opened: list[str]) -> None:
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    [shown] = clipferry("videos", "show", uuid, "--json").json

    assert clipferry("videos", "open", uuid).out == f"{shown['video_url']}\n"
    assert opened == [shown["video_url"]]
    running = clipferry("videos", "open", journeys.video_at(database, VideoStatus.GENERATING))
    assert running.status == 1
    assert "GENERATING" in running.err
    books.execute(
        database, "update public.videos set video_url = 'file:///etc/passwd' where uuid = %(uuid)s", uuid=uuid
    )
    clipferry("videos", "open", uuid)
    assert len(opened) == 1, "only what a browser shows as a page"


@pytest.mark.parametrize(("ending", "status"), [(VideoStatus.COMPLETED, 0), (VideoStatus.FAILED, 1)])
def test_watch_tells_the_whole_journey_and_how_it_ended(
    clipferry: Clipferry, database: Database, ending: VideoStatus, status: int
) -> None:
    uuid = journeys.video_at(database, ending)
    ended = clipferry("videos", "watch", uuid, "--json")
    told = [json.loads(line) for line in ended.out.splitlines()]

    assert ended.status == status
    assert told == clipferry("explain", uuid, "--json").json
    assert "created" in clipferry("videos", "watch", uuid).out


def test_watch_goes_on_until_the_video_has_ended(
    clipferry: Clipferry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = journeys.video_at(database, VideoStatus.GENERATING)
    looks: list[float] = []

    def end_it(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            books.execute(database, "update public.videos set status = 'FAILED' where uuid = %(uuid)s", uuid=uuid)

    monkeypatch.setattr("cli.one_video.time.sleep", end_it)
    ended = clipferry("videos", "watch", uuid)

    assert (ended.status, len(looks)) == (1, 2)
    assert ended.out.count("submitted") == 1, "each event is told once"


def created(clipferry: Clipferry, api: Web, *options: str) -> Ended:
    os.environ["CLIPFERRY_API_KEY"] = "cf_test"
    return clipferry("videos", "create", "A ferry", "--api", api.url, *options)


def answer(status: int, **content: object) -> Response:
    return Response(status=status, body=json.dumps(content).encode())


def test_create_orders_through_the_api(clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    with web() as api:
        api.reply = answer(202, success=True, data=ORDERED)
        ended = created(clipferry, api, "--duration", "5", "--aspect-ratio", "16:9", "--json")

    assert (ended.status, ended.json) == (0, [ORDERED])
    [request] = api.requests
    assert (request.method, request.path) == ("POST", "/api/v1/video/generate")
    assert request.headers["Authorization"] == "Bearer cf_test"
    assert json.loads(request.body or b"") == {
        "prompt": "A ferry",
        "model": "seedance-2.0",
        "duration": 5,
        "aspectRatio": "16:9",
    }


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(402, success=False, error={"code": "X", "message": "Too few credits."}), "402: Too few credits."),
        (
            answer(
                400,
                success=False,
                error={"message": "no", "details": {"fields": [{"path": "model", "message": "unknown"}]}},
            ),
            "400: model: unknown",
        ),
        (Response(status=200, body=b"<html>"), "200: the answer isn't Clipferry's"),
    ],
)
def test_a_refused_order_is_told_with_its_reason(
    clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch, reply: Response, words: str
) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    with web() as api:
        api.reply = reply
        ended = created(clipferry, api)

    assert (ended.status, ended.out) == (1, "")
    assert words in ended.err


def test_create_needs_a_key_or_a_local_stack(clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIPFERRY_API_KEY", raising=False)

    assert "make dev" in clipferry("videos", "create", "A ferry").err
    ended = clipferry("videos", "create", "A ferry", "--api", "http://127.0.0.1:9")
    assert ended.status == 2
    assert "CLIPFERRY_API_KEY" in ended.err


def test_a_created_user_can_be_given_credits_and_a_key(clipferry: Clipferry, database: Database) -> None:
    [user] = clipferry("users", "create", "bob@example.com", "--json").json

    assert (user["email"], user["name"], user["is_admin"]) == ("bob@example.com", "bob", False)
    assert clipferry("credits", "grant", user["id"], "5", "--order-no", "first", "--yes").status == 0
    assert clipferry("keys", "create", user["id"]).status == 0
    assert clipferry("verify").status == 0
    again = clipferry("users", "create", "bob@example.com")
    assert (again.status, again.out) == (1, "")
    assert "bob@example.com" in again.err
    assert clipferry("users", "create", "carol@example.com", "--id", user["id"]).status == 1
    assert clipferry("users", "create", "nobody").status == 2


def test_status_is_well_while_everything_is_on_time(clipferry: Clipferry, database: Database) -> None:
    for status in VideoStatus:
        journeys.video_at(database, status)
    ended = clipferry("status", "--json")
    told = {line["what"]: line["value"] for line in ended.json}

    assert ended.status == 0
    assert told["GENERATING"].startswith("1, the oldest since ")
    assert (told["COMPLETED"], told["FAILED"]) == ("1 of the last day", "1 of the last day")
    assert (told["credits on hold"], told["stuck"], told["providers paused"]) == ("30", "0", "none")
    assert "MIRROR_QUEUE_URL" in told["mirror dead letters"]


def test_status_says_what_needs_a_look_and_which_command_shows_it(
    clipferry: Clipferry, database: Database, queues: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    journeys.video_at(database, VideoStatus.GENERATING)
    books.execute(database, "update clipferry.jobs set deadline = now() - interval '1 hour'")
    queues.add_dead_letters('{"videoUuid": "vid_1"}')
    for name, value in queues.settings.items():
        monkeypatch.setenv(name, value)
    ended = clipferry("status", "--json")

    assert ended.status == 1
    assert {line["what"]: line["advice"] for line in ended.json if line["advice"]} == {
        "stuck": "clipferry videos stuck",
        "mirror dead letters": "clipferry redrive --dry-run",
    }

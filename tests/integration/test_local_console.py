"""What the console may ask of the local stack, and who else may not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from clipferry import errors
from clipferry.db.connection import Database
from clipferry.verdicts import DeliveryState, FailureCode, TaskState, Verdict
from local.console.endpoints import endpoints
from local.console.fault_controls import CHOICES
from local.console.pages import page_server
from local.http.messages import Request, Responder, Response
from local.providers.evolink import FakeEvolink, fake_evolink
from local.providers.faults import Faults
from local.providers.task_queue import FilmOrder, Task
from tests import books, journeys

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "shared" / "clipferry"
TEXTS = ROOT / "local" / "console" / "texts.js"
HOST = "127.0.0.1:8787"
NEVER_MET = {
    "INVALID_SIGNATURE",
    "METHOD_NOT_ALLOWED",
    "NOT_CANCELLABLE",
    "NOT_FOUND",
    "NO_FILE",
    "ORDER_NUMBER_TAKEN",
    "TOO_MANY_KEYS",
}
"""Errors of what the page never asks for."""
JSON = ("Content-Type", "application/json")


@pytest.fixture
def evolink() -> Iterator[FakeEvolink]:
    with fake_evolink(api_key="test") as fake:
        yield fake


@pytest.fixture
def local(database: Database, database_url: str, evolink: FakeEvolink) -> Responder:
    return endpoints(database_url=database_url, token="t", fakes={"evolink": evolink}, reconcile_seconds=10)


def ask(
    answer: Responder, method: str, path: str, *headers: tuple[str, str], body: Any = None, host: str = HOST
) -> tuple[int, Any]:
    message = Message()
    for name, value in (("Host", host), *headers):
        message[name] = value
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = answer(Request(method=method, path=path, headers=message, body=content))
    assert isinstance(response, Response)
    assert not any(name.startswith("access-control-") for name in response.headers)
    return response.status, json.loads(response.body)


def page(path: str) -> Response:
    server = page_server(files="http://127.0.0.1:8787/files", uploads="http://127.0.0.1:9000")
    response = server(Request(method="GET", path=path))
    assert isinstance(response, Response)
    return response


def test_the_page_learns_who_it_is_and_what_can_be_switched(local: Responder) -> None:
    status, answer = ask(local, "GET", "/local/session")

    assert status == 200
    assert answer == {"success": True, "data": {"token": "t", "providers": ["evolink"], "reconcileSeconds": 10}}


@pytest.mark.parametrize("detail", [None, "KIE_API_KEY: must be printable"])
def test_the_page_learns_which_setting_is_wrong(database_url: str, detail: str | None) -> None:
    local = endpoints(
        database_url=database_url, token=None, fakes={}, reconcile_seconds=10, misconfigured=lambda: detail
    )

    assert ask(local, "GET", "/local/misconfigured") == (200, {"success": True, "data": {"detail": detail}})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8787", "127.0.0.1.evil.example", "", "[", "192.0.2.1"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_name_that_was_rebound_to_this_machine_is_refused(local: Responder, host: str, method: str) -> None:
    status, answer = ask(local, method, "/local/providers/evolink", JSON, body={"callback": "lost"}, host=host)

    assert (status, answer["error"]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("host", [HOST, "localhost:8787", "localhost", "[::1]:8787"])
def test_this_machines_own_names_are_fine(local: Responder, host: str) -> None:
    assert ask(local, "GET", "/local/session", ("Origin", f"http://{host}"), host=host)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:3000", "https://127.0.0.1:8787"])
def test_another_page_in_the_same_browser_is_refused(local: Responder, evolink: FakeEvolink, origin: str) -> None:
    headers = (("Origin", origin), JSON)

    assert ask(local, "PUT", "/local/providers/evolink", *headers, body={"callback": "lost"})[0] == 403
    assert evolink.faults == Faults()


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_what_a_foreign_form_can_send_is_refused(local: Responder, evolink: FakeEvolink, kind: str) -> None:
    headers = (("Content-Type", kind),)

    assert ask(local, "PUT", "/local/providers/evolink", *headers, body={"callback": "lost"})[0] == 400
    assert evolink.faults == Faults()


def test_switches_become_faults_of_the_next_orders(local: Responder, evolink: FakeEvolink) -> None:
    wanted = {"callback": "lost", "file": "truncated", "seconds": "20"}
    status, answer = ask(local, "PUT", "/local/providers/evolink", JSON, body=wanted)

    assert (status, evolink.faults) == (200, Faults(callbacks=0, result="truncated"))
    assert evolink.options.seconds == 20
    assert wanted.items() <= answer["data"]["chosen"].items()
    assert ask(local, "GET", "/local/providers/evolink") == (status, answer)


def test_every_choice_is_one_that_the_fakes_know(local: Responder, evolink: FakeEvolink) -> None:
    for switch, choices in CHOICES.items():
        for choice in choices:
            assert ask(local, "PUT", "/local/providers/evolink", JSON, body={switch: choice})[0] == 200
        ask(local, "PUT", "/local/providers/evolink", JSON, body={switch: next(iter(choices))})
        assert evolink.faults == Faults()


def test_a_file_changes_for_what_was_made_already(local: Responder, evolink: FakeEvolink) -> None:
    order = FilmOrder(prompt="", seconds=1, width=2, height=2)
    made = Task(id="t", model="m", order=order, callback_url=None, created=0, takes=0, faults=Faults(callbacks=0))
    evolink.tasks["t"] = made
    ask(local, "PUT", "/local/providers/evolink", JSON, body={"file": "missing"})

    assert made.faults == Faults(callbacks=0, result="missing")


@pytest.mark.parametrize(
    "body",
    [{"weather": "bad"}, {"callback": "never"}, {"callback": None}, {"callback": ["lost"]}, {"seconds": 2}, [], b"{"],
)
def test_a_choice_that_there_isnt_changes_nothing(local: Responder, evolink: FakeEvolink, body: Any) -> None:
    assert ask(local, "PUT", "/local/providers/evolink", JSON, body=body)[0] == 400
    assert evolink.faults == Faults()


def test_the_timeline_is_the_one_that_explain_prints(local: Responder, database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 25)
    uuid = journeys.held_video(database)
    status, answer = ask(local, "GET", f"/local/videos/{uuid}/timeline")

    assert status == 200
    assert {moment["source"] for moment in answer["data"]} >= {"hold"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment["at"]) for moment in answer["data"])


def test_what_lies_behind_a_timeline_is_told(local: Responder, database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 25)
    uuid = journeys.held_video(database)
    with database.transaction() as tx:
        tx.execute(
            """insert into clipferry.callback_inbox
                   (provider, video_uuid, signed_at, body_sha256, body_size, body, verdict)
               values ('evolink', %(uuid)s, now(), 'x', 2, '{}', 'GENERATED')""",
            {"uuid": uuid},
        )
        tx.execute(
            """insert into clipferry.mirrored_files (video_uuid, key, size, part_size, parts)
               values (%(uuid)s, 'videos/v.mp4', 9, 5, '{"1": "etag"}')""",
            {"uuid": uuid},
        )
    status, answer = ask(local, "GET", f"/local/videos/{uuid}/records")

    assert status == 200
    told = answer["data"]
    assert (told["answer"], told["deliveries"]) == (None, [])
    assert [(found["verdict"], found["body"]) for found in told["callbacks"]] == [("GENERATED", "{}")]
    assert (told["file"]["key"], told["file"]["parts"]) == ("videos/v.mp4", {"1": "etag"})


@pytest.mark.parametrize("uuid", ["vid_unknown", "%27", "%E6%B8%A1"])
def test_of_an_unknown_video_nothing_is_told(local: Responder, uuid: str) -> None:
    assert ask(local, "GET", f"/local/videos/{uuid}/timeline") == (200, {"success": True, "data": []})
    nothing = {"answer": None, "callbacks": [], "deliveries": [], "file": None}
    assert ask(local, "GET", f"/local/videos/{uuid}/records") == (200, {"success": True, "data": nothing})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/local/"),
        ("POST", "/local/session"),
        ("GET", "/local/providers/kie"),
        ("GET", "/local/videos/%00/timeline"),
        ("GET", "/local/videos/%00/records"),
    ],
)
def test_there_is_nothing_else(local: Responder, method: str, path: str) -> None:
    assert ask(local, method, path)[0] == 404


@pytest.mark.parametrize("path", ["/", "/console/console.js", "/console/console.css", "/console/ferry.svg"])
def test_the_page_comes_with_a_policy_that_lets_nothing_in(path: str) -> None:
    response = page(path)
    policy = response.headers["content-security-policy"]

    assert response.status == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self' http://127.0.0.1:9000;" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/console/", "/console/pages.py", "/console/../pages.py", "/console/%2e%2e/dev.py"])
def test_only_the_pages_own_files_are_served(path: str) -> None:
    assert page(path).status == 404


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    text = page("/").body.decode()

    assert re.findall(r"(?:src|href)=\"(?![/#])", text) == []
    assert re.findall(r"\s(?:style|on\w+)=|<script(?! type=\"module\" src)|<style", text) == []


def test_the_page_has_words_for_all_that_can_happen_to_a_video() -> None:
    known = set(re.findall(r'"event\.video\.(\w+)"', TEXTS.read_text()))
    in_sql = r"insert into clipferry\.video_events \(video_uuid, kind[^)]*\)[^'\"]*'(\w+)'"
    in_python = r"events\.append\([^\"]*\"(\w+)\""
    code = "".join(module.read_text() for module in LAYER.rglob("*.py"))
    happening = {*re.findall(in_sql, code), *re.findall(in_python, code)}

    assert len(happening) > 15
    assert known == happening


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("error", [*FailureCode, *(error.code for error in vars(errors).values() if hasattr(error, "code"))]),
        ("verdict", Verdict),
        ("found", TaskState),
        ("delivery", DeliveryState),
    ],
)
def test_the_page_has_words_for_every_code_that_it_may_meet(kind: str, values: Iterable[str]) -> None:
    known = set(re.findall(rf'"{kind}\.(\w+)"', TEXTS.read_text()))

    assert known
    assert known - {"UPLOAD_FAILED"} == set(values) - NEVER_MET  # which the page itself says

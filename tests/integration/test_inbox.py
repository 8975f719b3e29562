"""What a callback leads to and leaves behind: the inbox keeps it before the answer, without its secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from clipferry import callback_signature
from clipferry.db import inbox as inbox_rows
from clipferry.db.connection import Database
from clipferry.errors import InvalidRequestError, InvalidSignatureError
from clipferry.models import TaskReport
from clipferry.net.http_client import HttpClient
from clipferry.providers.base import Provider
from clipferry.providers.evolink import Evolink
from clipferry.providers.kie import Kie
from clipferry.providers.replicate import Replicate
from clipferry.providers.transport import JsonApi
from clipferry.usecases import receive_callback as doorbell
from clipferry.usecases.receive_callback import Callback, receive_callback
from clipferry.verdicts import Verdict
from local.file_server import ServedFile
from local.providers.faults import Failure, Faults
from local.providers.kie import FakeKie, fake_kie
from local.providers.replicate import FakeReplicate, fake_replicate
from local.providers.replicate_wire import signature_headers
from tests import books, journeys
from tests.command_line import Clipferry
from tests.http_api import environment
from tests.orders import order

SECRETS = ("the callback secret of these tests", "the one before")
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KEY = "key"
SIGNATURE = "d23666955c706eacfad21e5f55a13c4340f3b37bf25a46e343b48521e92fbf1d"
CALLBACK_URL = f"https://api.example.com/api/v1/video/callback/kie?videoUuid=vid_1&ts=1768435200000&sig={SIGNATURE}"

pytestmark = pytest.mark.usefixtures("rich_ann")


Advance = Callable[[str], Verdict]


class LambdaDiedError(Exception):
    """Nothing more happens to this callback."""


class DyingKie(Kie):
    """The Lambda dies when a callback has been kept, and before anything else happens."""

    def read_report(self, body: bytes) -> TaskReport | None:
        raise LambdaDiedError


@pytest.fixture(scope="module")
def kie() -> Iterator[FakeKie]:
    with fake_kie(api_key=KEY, seconds=3600, film=b"film") as kie:
        yield kie


@pytest.fixture(scope="module")
def replicate() -> Iterator[FakeReplicate]:
    with fake_replicate(api_key=KEY, webhook_secret=WEBHOOK_SECRET, seconds=3600, film=b"film") as replicate:
        yield replicate


@pytest.fixture
def providers(kie: FakeKie, replicate: FakeReplicate) -> Iterator[Mapping[str, Provider]]:
    clients = [HttpClient(url, allow_plain_http=True) for url in (kie.base_url, replicate.base_url)]
    kie_api, replicate_api = (JsonApi(client, KEY, sleep=lambda _: None) for client in clients)
    yield {
        "evolink": Evolink(kie_api),
        "kie": Kie(kie_api),
        "replicate": Replicate(replicate_api, webhook_secrets=[WEBHOOK_SECRET]),
    }
    for client in clients:
        client.close()


@pytest.fixture
def advance(database: Database, providers: Mapping[str, Provider]) -> Advance:
    return lambda uuid: journeys.advance(database, uuid, providers)


def pending(database: Database, provider: str) -> str:
    uuid = journeys.held_video(database)
    books.execute(database, "update public.videos set provider = %(p)s where uuid = %(u)s", p=provider, u=uuid)
    return uuid


@pytest.fixture
def uuid(database: Database) -> str:
    """A video that KIE was asked for, with an outcome that nobody knows."""
    return pending(database, "kie")


@pytest.fixture
def task(kie: FakeKie, uuid: str) -> str:
    """The task that it has at KIE."""
    return task_of(kie, uuid)


def task_of(kie: FakeKie, uuid: str, *, quiet: bool = True) -> str:
    """A task that KIE really has; a quiet one is never called back."""
    if quiet:
        kie.next(Faults(callbacks=0))
    client = HttpClient(kie.base_url, allow_plain_http=True)
    placed = order(prompt="A ferry", model="bytedance/seedance-2", quality="480p")
    submission = Kie(JsonApi(client, KEY)).submit(placed, callback_url=url_for(uuid), timeout=10)
    client.close()
    return submission.task_id


def url_for(uuid: str, provider: str = "kie") -> str:
    return callback_signature.callback_url(
        "https://us/callback", provider=provider, video_uuid=uuid, secret=SECRETS[0], now=datetime.now(UTC)
    )


def rings(uuid: str, body: object, provider: str = "kie", headers: Mapping[str, str] | None = None) -> Callback:
    query = {name: values[0] for name, values in parse_qs(urlsplit(url_for(uuid, provider)).query).items()}
    return Callback(
        provider=provider,
        video_uuid=query["videoUuid"],
        timestamp=query["ts"],
        signature=query["sig"],
        headers=headers or {},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )


@pytest.fixture
def receive(database: Database, providers: Mapping[str, Provider]) -> Callable[[Callback], str | None]:
    """Returns the verdict."""

    def receive(callback: Callback) -> str | None:
        receive_by(providers, callback, database)
        return inbox(database)[-1]["verdict"]

    return receive


def receive_by(
    providers: Mapping[str, Provider], callback: Callback, database: Database, *, queue: Any = journeys.QUEUE_DOWN
) -> None:
    receive_callback(
        callback,
        database=database,
        context=journeys.context_of(providers, queue=queue),
        secrets=SECRETS,
        now=datetime.now(UTC),
    )


def receive_and_die(callback: Callback, database: Database, kie: FakeKie) -> None:
    client = HttpClient(kie.base_url, allow_plain_http=True)
    with pytest.raises(LambdaDiedError):
        receive_by({"kie": DyingKie(JsonApi(client, KEY))}, callback, database)


def inbox(database: Database) -> list[dict[str, Any]]:
    return books.rows(database, "select * from clipferry.callback_inbox order by id")


def task_and_status(database: Database, uuid: str) -> tuple[str | None, str]:
    [row] = books.rows(
        database, "select external_task_id, status::text from public.videos where uuid = %(uuid)s", uuid=uuid
    )
    return row["external_task_id"], row["status"]


# What is kept


def test_a_callback_is_kept_with_its_digest_and_what_came_of_it(database: Database, receive: Any, uuid: str) -> None:
    body = json.dumps({"data": {"taskId": "unknown"}, "note": "渡轮"}).encode()

    receive(rings(uuid, body))

    [kept] = inbox(database)
    assert (kept["provider"], kept["video_uuid"], kept["task_id"]) == ("kie", uuid, "unknown")
    assert (kept["body_size"], kept["body_sha256"]) == (len(body), hashlib.sha256(body).digest())
    assert json.loads(kept["body"]) == json.loads(body)
    assert kept["verdict"] == Verdict.NO_ANSWER


def test_it_is_kept_before_anything_else_happens(database: Database, kie: FakeKie) -> None:
    """A Lambda that dies in the middle leaves it, as one whose task is still to be asked about."""
    receive_and_die(rings(pending(database, "kie"), {"url": CALLBACK_URL}), database, kie)

    [kept] = inbox(database)
    assert kept["verdict"] == Verdict.NO_ANSWER
    assert SIGNATURE not in kept["body"]


def test_a_task_that_was_named_to_a_lambda_that_died_is_asked_about_soon(
    database: Database, advance: Advance, kie: FakeKie, uuid: str, task: str
) -> None:
    receive_and_die(rings(uuid, {"data": {"taskId": task}}), database, kie)
    due = books.value(database, "select next_check_at - now() < interval '61 seconds' from clipferry.jobs")
    advance(uuid)

    assert due
    assert task_and_status(database, uuid) == (task, "GENERATING")


def test_a_task_of_another_video_does_not_keep_one_open_beyond_its_deadline(
    database: Database, advance: Advance, kie: FakeKie
) -> None:
    mine, other = pending(database, "kie"), pending(database, "kie")
    task_id = task_of(kie, other)
    books.execute(database, "update videos set external_task_id = %(t)s where uuid = %(u)s", t=task_id, u=other)
    with database.transaction() as tx:
        inbox_rows.store(
            tx,
            provider="kie",
            video_uuid=mine,
            task_id=task_id,
            signed_at=datetime.now(UTC),
            body_sha256=b"\0" * 32,
            body_size=2,
            body="{}",
            verdict=Verdict.NO_ANSWER,
        )
    assert advance(mine) is Verdict.NOT_ITS_TASK
    books.execute(database, "update clipferry.jobs set deadline = now() - interval '1 second'")

    assert advance(mine) is Verdict.FAILED
    assert journeys.read(database, mine).error_code == "TIMED_OUT"
    assert journeys.hold_of(database, mine)[0] == "RELEASED"


def test_a_body_of_another_video_is_no_claim_though_nobody_judged_it(
    database: Database, advance: Advance, kie: FakeKie
) -> None:
    mine, other = pending(database, "kie"), pending(database, "kie")
    task_id = task_of(kie, other)
    body = {"data": {"taskId": task_id, "param": json.dumps({"callBackUrl": url_for(other)})}}

    receive_and_die(rings(mine, body), database, kie)

    assert [kept["verdict"] for kept in inbox(database)] == [None]
    assert advance(mine) is Verdict.NO_TASK


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 200_000])
def test_only_the_beginning_of_a_long_body_is_kept(database: Database, receive: Any, size: int) -> None:
    receive(rings(pending(database, "kie"), b"x" * size))

    [kept] = inbox(database)
    assert (len(kept["body"]), kept["body_size"]) == (min(size, 16 * 1024), size)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00", b"nul \x00", "half 渡".encode()[:-1], b'"\\ud83d"', b'{"a":"\\u0000"}']
)
def test_any_bytes_can_be_kept(database: Database, receive: Any, body: bytes) -> None:
    receive(rings(pending(database, "kie"), body))

    assert inbox(database)[0]["body_size"] == len(body)


def test_a_wrong_signature_is_refused_and_not_kept(database: Database, receive: Any) -> None:
    good = rings(pending(database, "kie"), {})

    for wrong in ({"signature": "0" * 64}, {"video_uuid": "vid_other"}, {"timestamp": "1"}):
        callback = Callback(**{name: getattr(good, name) for name in Callback.__dataclass_fields__} | wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidSignatureError):
            receive(callback)
    with pytest.raises(InvalidRequestError):
        receive(rings(pending(database, "kie"), {}, provider="nobody"))

    assert inbox(database) == []


# What a flood leaves


def questions(database: Database, uuid: str) -> int:
    return books.value(
        database, "select count(*) from clipferry.video_events where video_uuid = %(u)s and kind = 'asked'", u=uuid
    )


def wait_for_the_next_question(database: Database) -> None:
    books.execute(database, "update clipferry.jobs set callback_asked_at = callback_asked_at - interval '1 hour'")


def test_a_thousand_posts_of_one_url_leave_one_row_two_questions_and_an_unharmed_video(
    database: Database, providers: Mapping[str, Provider], kie: FakeKie, uuid: str, task: str
) -> None:
    callback = rings(uuid, {"data": {"taskId": task}})
    sent: list[str] = []
    queue = SimpleNamespace(send=sent.append)

    for _ in range(500):
        receive_by(providers, callback, database, queue=queue)
    before = questions(database, uuid)
    wait_for_the_next_question(database)
    kie.tasks[task].file = ServedFile.of(b"film", content_type="video/mp4")
    for _ in range(500):
        receive_by(providers, callback, database, queue=queue)

    assert (before, questions(database, uuid)) == (1, 2)
    assert [kept["verdict"] for kept in inbox(database)] == [Verdict.GENERATED]
    assert task_and_status(database, uuid) == (task, "UPLOADING")
    assert sent == [uuid]
    assert books.value(database, "select count(*) from clipferry.video_events where video_uuid = %(u)s", u=uuid) < 10


def test_the_first_callback_does_not_wait_because_the_status_was_just_read(
    database: Database, receive: Any, uuid: str, task: str
) -> None:
    books.execute(database, "update clipferry.jobs set asked_at = now()")

    assert receive(rings(uuid, {"data": {"taskId": task}})) == Verdict.RUNNING


def test_news_that_come_too_soon_after_a_callback_are_asked_about_by_the_next_check(
    database: Database, receive: Any, uuid: str, task: str
) -> None:
    assert receive(rings(uuid, {"data": {"taskId": task}})) == Verdict.RUNNING
    books.execute(database, "update clipferry.jobs set next_check_at = now() + interval '1 hour'")

    assert receive(rings(uuid, {"data": {"taskId": task, "state": "success"}})) == Verdict.NO_ANSWER
    assert questions(database, uuid) == 1
    assert due_in(database, uuid) <= journeys.TIMING.check_seconds


def test_bodies_that_all_differ_are_kept_up_to_a_limit(database: Database, receive: Any, uuid: str) -> None:
    for number in range(inbox_rows.MOST_ROWS + 5):
        receive(rings(uuid, {"number": number}))

    assert len(inbox(database)) == inbox_rows.MOST_ROWS
    assert task_and_status(database, uuid) == (None, "PENDING")


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", None])
def test_nothing_is_kept_for_a_video_that_has_ended_or_never_was(
    database: Database, providers: Mapping[str, Provider], status: str | None
) -> None:
    uuid = pending(database, "kie") if status else "vid_nobodys"
    change = 'update public.videos set status = %(s)s::public."VideoStatus" where uuid = %(u)s'
    books.execute(database, change, s=status, u=uuid)
    receive_by(providers, rings(uuid, {}), database)

    assert inbox(database) == []
    callbacks = "select count(*) from clipferry.video_events where video_uuid = %(u)s and kind = 'callback'"
    assert books.value(database, callbacks, u=uuid) == 0


def test_a_failed_video_is_asked_about_once_however_often_a_callback_comes(
    database: Database, providers: Mapping[str, Provider], uuid: str, task: str
) -> None:
    callback = rings(uuid, {"data": {"taskId": task}})
    books.execute(database, "update public.videos set status = 'FAILED' where uuid = %(u)s", u=uuid)
    for _ in range(5):
        receive_by(providers, callback, database)

    assert questions(database, uuid) == 1


# Its secrets

ORDER = {"model": "bytedance/seedance-2", "callBackUrl": CALLBACK_URL, "input": {"prompt": "A ferry"}}
PLAIN = json.dumps(ORDER)
ECHOES = {  # and in every encoding: tests/unit/test_redaction.py
    "param as text": json.dumps({"data": {"param": PLAIN}}),
    "escaped ampersands": PLAIN.replace("&", "\\u0026"),
    "escaped equals signs": PLAIN.replace("=", "\\u003d"),
    "escaped twice": json.dumps({"param": PLAIN.replace("=", "\\u003D").replace("&", "\\u0026")}),
    "slashes escaped": json.dumps({"param": PLAIN}).replace("/", "\\/"),
    "fields": json.dumps({"query": {"videoUuid": "vid_1", "sig": SIGNATURE}}),
    "fields as text": json.dumps({"query": json.dumps({"sig": SIGNATURE})}),
    "first in the query": json.dumps({"url": f"https://us/?sig={SIGNATURE}&videoUuid=vid_1"}),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
def test_no_signature_survives_in_whatever_form_it_comes_back(database: Database, receive: Any, echo: str) -> None:
    receive(rings(pending(database, "kie"), echo.encode()))

    kept = inbox(database)[0]["body"].lower()
    assert SIGNATURE not in kept
    assert SIGNATURE[:16] not in kept
    assert "sig=" not in kept
    assert "[hidden]" in kept


@pytest.mark.parametrize("cut", range(0, len(SIGNATURE) + 12, 7))
def test_a_signature_that_is_cut_at_the_end_does_not_survive_either(database: Database, receive: Any, cut: int) -> None:
    tail = json.dumps({"param": PLAIN})
    tail = tail[: tail.index(SIGNATURE) + cut]
    body = b" " * (16 * 1024 - len(tail)) + tail.encode() + b"and more that isn't kept"

    receive(rings(pending(database, "kie"), body))

    kept = inbox(database)[0]["body"]
    assert "sig=" not in kept
    assert cut < 4 or SIGNATURE[:cut][-4:] not in kept


@pytest.mark.parametrize(
    ("body", "secrets"),
    [
        ({"url": "https://r2/x.mp4?X-Amz-Signature=abc%2Bdef&X-Amz-Credential=AKIA%2F2026"}, ["abc", "def", "AKIA"]),
        ({"apiKey": "sk-123", "token": "t\\/456"}, ["sk-123", "456"]),
        ({"url": "https://cdn/x.mp4?token=a.b-c_d~e/f+g"}, ["a.b-c_d~e/f+g"]),
    ],
)
def test_other_secrets_do_not_survive_either(
    database: Database, receive: Any, body: dict[str, str], secrets: list[str]
) -> None:
    receive(rings(pending(database, "kie"), body))

    kept = inbox(database)[0]["body"]
    assert [secret for secret in secrets if secret in kept] == []


def test_a_prompt_that_a_callback_quotes_is_not_kept(database: Database, receive: Any, uuid: str) -> None:
    receive(rings(uuid, {"code": 501, "msg": "no &quot;A  FERRY at dusk&quot; today", "data": {"taskId": "t_1"}}))

    kept = json.loads(inbox(database)[0]["body"])
    assert "ferry" not in kept["msg"].lower()
    assert kept["data"] == {"taskId": "t_1"}


@pytest.mark.parametrize(
    ("says", "kept"),
    [
        (f"flagged as sensitive: {quote(CALLBACK_URL, safe='')}", "flagged as sensitive:"),
        ("flagged as sensitive: A FERRY\nat dusk", "that quote the prompt, SHA-256"),
        ("flagged as sensitive " * 100, "flagged as sensitive"),
    ],
)
def test_what_a_provider_says_of_a_failure_is_an_event_without_signature_and_prompt_and_short(
    database: Database, receive: Any, says: str, kept: str
) -> None:
    uuid = pending(database, "replicate")
    body, headers = signed(prediction("p1", uuid, status="failed", output=None, error=says))
    receive(rings(uuid, body, "replicate", headers))

    events = books.rows(
        database, "select kind, detail from clipferry.video_events where video_uuid = %(u)s order by id", u=uuid
    )
    [failed] = [row["detail"] for row in events if row["kind"] == "failed"]
    assert kept in failed["detail"]
    assert len(failed["detail"]) < 320
    assert SIGNATURE not in str(events)
    assert "ferry" not in str(events).lower()


def test_what_is_no_secret_stays(database: Database, receive: Any) -> None:
    body = {"code": 200, "data": {"taskId": "ee9c2715375b7837f8bb51d641ff5863", "state": "success", "costTime": 12}}

    receive(rings(pending(database, "kie"), body))

    assert json.loads(inbox(database)[0]["body"]) == body


# What may be believed


def test_an_unsigned_body_is_a_doorbell(database: Database, receive: Any, uuid: str, task: str) -> None:
    """It says success, but KIE says that the task still runs."""
    lie = {
        "code": 200,
        "data": {"taskId": task, "state": "success", "resultJson": '{"resultUrls":["https://evil/x.mp4"]}'},
    }

    assert receive(rings(uuid, lie)) == Verdict.RUNNING
    assert task_and_status(database, uuid) == (task, "GENERATING")


def test_a_body_that_echoes_another_videos_url_claims_nothing(database: Database, receive: Any, kie: FakeKie) -> None:
    uuid, other = pending(database, "kie"), pending(database, "kie")
    task = task_of(kie, other)
    body = {"data": {"taskId": task, "param": json.dumps({"callBackUrl": url_for(other)})}}

    assert receive(rings(uuid, body)) == Verdict.OTHER_VIDEO
    assert task_and_status(database, uuid) == (None, "PENDING")
    assert receive(rings(other, body)) == Verdict.RUNNING


@pytest.mark.parametrize("url", ["http://[", "not a url", "https://us/?videoUuid=a&videoUuid=b", ""])
def test_an_echo_that_is_no_url_of_ours_claims_nothing(receive: Any, url: str, uuid: str, task: str) -> None:
    body = {"data": {"taskId": task, "param": {"callBackUrl": url}}}

    assert receive(rings(uuid, body)) == Verdict.OTHER_VIDEO


def test_another_providers_callback_does_not_touch_the_video(database: Database, receive: Any) -> None:
    uuid = pending(database, "evolink")

    assert receive(rings(uuid, {"data": {"taskId": "t"}})) == Verdict.OTHER_PROVIDER
    assert task_and_status(database, uuid) == (None, "PENDING")


def signed(body: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    content = json.dumps(body).encode()
    return content, signature_headers("msg_1", content, WEBHOOK_SECRET)


def prediction(task: str, uuid: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": task,
        "status": "succeeded",
        "output": "https://replicate.delivery/x.mp4",
        "webhook": url_for(uuid, "replicate"),
    } | changes


def test_a_body_that_is_signed_is_believed_without_a_question(
    database: Database, receive: Any, replicate: FakeReplicate
) -> None:
    """The fake knows no such prediction: had it been asked, nothing would have moved."""
    uuid = pending(database, "replicate")
    body, headers = signed(prediction("p1", uuid))

    assert receive(rings(uuid, body, "replicate", headers)) == Verdict.GENERATED
    assert task_and_status(database, uuid) == ("p1", "UPLOADING")
    [kept] = inbox(database)
    assert "sig=" not in kept["body"]
    kinds = books.rows(database, "select kind from clipferry.video_events where video_uuid = %(u)s order by id", u=uuid)
    assert [row["kind"] for row in kinds] == ["created", "task_adopted", "generated", "callback"]


def test_a_signed_failure_gives_the_credits_back(database: Database, receive: Any) -> None:
    uuid = pending(database, "replicate")
    body, headers = signed(prediction("p1", uuid, status="failed", output=None, error="flagged as sensitive (E005)"))

    assert receive(rings(uuid, body, "replicate", headers)) == Verdict.FAILED
    assert journeys.read(database, uuid).error_code == "CONTENT_POLICY"
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)


@pytest.mark.parametrize("changes", [{"status": "canceled"}, {"output": "https://evil.example/x.mp4"}])
def test_a_body_that_was_changed_is_refused(database: Database, receive: Any, changes: dict[str, str]) -> None:
    uuid = pending(database, "replicate")
    body, headers = signed(prediction("p1", uuid))

    with pytest.raises(InvalidSignatureError):
        receive(rings(uuid, json.dumps(prediction("p1", uuid, **changes)), "replicate", headers))
    assert task_and_status(database, uuid) == (None, "PENDING")
    assert body


def test_a_signed_body_of_another_video_is_not_believed_for_this_one(database: Database, receive: Any) -> None:
    uuid, other = pending(database, "replicate"), pending(database, "replicate")
    body, headers = signed(prediction("p1", other))

    assert receive(rings(uuid, body, "replicate", headers)) == Verdict.OTHER_VIDEO
    assert task_and_status(database, uuid) == (None, "PENDING")


def test_a_signed_body_of_another_task_is_asked_about(database: Database, receive: Any) -> None:
    uuid = pending(database, "replicate")
    journeys.record(database, uuid, task_id="p1")
    books.execute(database, "update public.videos set provider = 'replicate' where uuid = %(u)s", u=uuid)
    body, headers = signed(prediction("p2", uuid))

    assert receive(rings(uuid, body, "replicate", headers)) == Verdict.OTHER_TASK
    asked = "select detail->>'found' as found from clipferry.video_events where video_uuid = %(u)s and kind = 'asked'"
    assert books.rows(database, asked, u=uuid) == [{"found": "NOT_FOUND"}]  # about its own task
    assert task_and_status(database, uuid) == ("p1", "GENERATING")


def test_kies_own_signature_is_asked_for_beside_ours(database: Database, kie: FakeKie, uuid: str) -> None:
    client = HttpClient(kie.base_url, allow_plain_http=True)
    keyed = {"kie": Kie(JsonApi(client, KEY), webhook_key="hmac")}
    task, timestamp = task_of(kie, uuid), str(int(time.time()))
    digest = hmac.new(b"hmac", f"{task}.{timestamp}".encode(), hashlib.sha256).digest()
    genuine = {"x-webhook-timestamp": timestamp, "x-webhook-signature": base64.b64encode(digest).decode()}

    def ring(headers: dict[str, str]) -> None:
        receive_by(keyed, rings(uuid, {"data": {"taskId": task}}, headers=headers), database)

    ring(genuine)
    for headers in ({}, genuine | {"x-webhook-signature": "x"}):
        with pytest.raises(InvalidSignatureError):
            ring(headers)
    client.close()

    assert [kept["verdict"] for kept in inbox(database)] == [Verdict.RUNNING]


# A question that came to nothing


def due_in(database: Database, uuid: str) -> float:
    """Seconds."""
    return books.value(
        database,
        "select extract(epoch from next_check_at - now())::float from clipferry.jobs where video_uuid = %(uuid)s",
        uuid=uuid,
    )


def test_a_task_that_could_not_be_asked_about_is_asked_about_a_minute_later(
    database: Database, receive: Any, advance: Advance, kie: FakeKie, uuid: str
) -> None:
    """The provider has had its 200 and won't ring again, and without a task the video isn't due for an hour."""
    kie.next(Faults(callbacks=0, questions=("page", "cut", "page", "page")))
    task = task_of(kie, uuid, quiet=False)
    assert due_in(database, uuid) > 3600

    assert receive(rings(uuid, {"data": {"taskId": task}})) == Verdict.NO_ANSWER
    assert due_in(database, uuid) <= 60
    assert task_and_status(database, uuid) == (None, "PENDING")

    assert advance(uuid) == Verdict.NO_ANSWER
    assert advance(uuid) == Verdict.RUNNING
    assert task_and_status(database, uuid) == (task, "GENERATING")


@pytest.mark.parametrize("has_news", [True, False])
def test_news_of_a_task_whose_provider_is_away_bring_the_next_question_forward(
    database: Database, receive: Any, advance: Advance, kie: FakeKie, has_news: bool, uuid: str
) -> None:
    """A video that has been GENERATING for long is asked about every few minutes only."""
    kie.next(Faults(callbacks=0, questions=("page", "cut")))
    task = task_of(kie, uuid, quiet=False)
    submitted = "update videos set external_task_id = %(task)s, status = 'GENERATING' where uuid = %(uuid)s"
    books.execute(database, submitted, task=task, uuid=uuid)
    assert due_in(database, uuid) > 3600
    assert task_and_status(database, uuid) == (task, "GENERATING")

    if has_news:
        assert receive(rings(uuid, {"data": {"taskId": task}})) == Verdict.NO_ANSWER
    else:
        assert advance(uuid) == Verdict.NO_ANSWER
    assert (due_in(database, uuid) <= 60) is has_news, "reconcile's own questions keep their rhythm"


def test_a_task_that_was_another_videos_is_not_asked_about_later(
    database: Database, receive: Any, advance: Advance, kie: FakeKie
) -> None:
    uuid, other = pending(database, "kie"), pending(database, "kie")
    receive(rings(uuid, {"data": {"taskId": task_of(kie, other), "param": {"callBackUrl": url_for(other)}}}))

    assert advance(uuid) == Verdict.NO_TASK


def test_a_task_of_the_provider_before_is_not_asked_of_the_one_after(
    database: Database, receive: Any, advance: Advance, uuid: str
) -> None:
    receive(rings(uuid, {"data": {"taskId": "kies"}}))
    books.execute(database, "update public.videos set provider = 'replicate' where uuid = %(u)s", u=uuid)

    assert advance(uuid) == Verdict.NO_TASK


# The operator's command line


@pytest.fixture
def operator(clipferry: Clipferry, database_url: str, kie: FakeKie, monkeypatch: pytest.MonkeyPatch) -> Clipferry:
    own = {"KIE_API_KEY": KEY, "KIE_BASE_URL": kie.base_url}
    for name, value in {**environment(database_url), **own}.items():
        monkeypatch.setenv(name, value)
    return partial(clipferry, "callbacks")


def test_show_lists_what_rang(database: Database, receive: Any, operator: Clipferry) -> None:
    first, second = pending(database, "kie"), pending(database, "kie")
    receive(rings(first, {"data": {"taskId": "t1"}}))
    receive(rings(second, {"data": {"taskId": "t2"}}))

    [entry] = operator("show", first, "--json").json
    assert (entry["task_id"], entry["verdict"]) == ("t1", Verdict.NO_ANSWER)
    assert json.loads(entry["body"]) == {"data": {"taskId": "t1"}}
    assert entry["received_at"].endswith("Z")
    assert [entry["task_id"] for entry in operator("show", "--json").json] == ["t2", "t1"]
    table = operator("show")
    assert table.status == 0
    assert "t2" in table.out


def test_show_says_when_there_is_nothing(operator: Clipferry) -> None:
    nothing = operator("show", "vid_nobodys")

    assert nothing.status == 1
    assert "empty" in nothing.out
    assert operator("show", "vid_nobodys", "--json").json == []


# Replays


def replayed(operator: Clipferry, database: Database) -> str:
    """The verdict of replaying the newest callback."""
    newest = inbox(database)[-1]["id"]
    ended = operator("replay", str(newest), "--json")
    [found] = ended.json
    assert (ended.status, found["id"]) == (0, newest)
    return found["verdict"]


def test_a_replay_does_again_what_the_callback_led_to(
    database: Database, operator: Clipferry, receive: Any, kie: FakeKie, uuid: str, task: str
) -> None:
    assert receive(rings(uuid, {"data": {"taskId": task}})) == Verdict.RUNNING
    kie.tasks[task].failure = Failure(code="422")

    assert replayed(operator, database) == Verdict.FAILED
    assert journeys.read(database, uuid).error_code == "INVALID_INPUT"
    assert [kept["verdict"] for kept in inbox(database)] == [Verdict.FAILED]
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)


def test_a_replay_still_heeds_whose_url_was_echoed(
    database: Database, operator: Clipferry, receive: Any, kie: FakeKie, uuid: str
) -> None:
    other = pending(database, "kie")
    body = {"data": {"taskId": task_of(kie, other), "param": json.dumps({"callBackUrl": url_for(other)})}}
    receive(rings(uuid, body))

    assert replayed(operator, database) == Verdict.OTHER_VIDEO


def test_a_replay_of_a_body_that_was_cut_claims_nothing(
    database: Database, operator: Clipferry, receive: Any, kie: FakeKie, uuid: str
) -> None:
    """What it echoed can't be read any more."""
    other = pending(database, "kie")
    echo = json.dumps({"callBackUrl": url_for(other)})
    receive(rings(uuid, {"padding": "x" * doorbell.KEPT_BYTES, "data": {"taskId": task_of(kie, other), "param": echo}}))

    assert replayed(operator, database) == Verdict.NO_TASK


def test_replay_of_nothing_fails(operator: Clipferry) -> None:
    unknown = operator("replay", "4711")

    assert unknown.status == 1
    assert "There is nothing here." in unknown.err
    assert operator("replay", "a word").status == 2

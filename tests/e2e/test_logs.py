"""A whole day in one log: every handler, what goes well and what fails. It says enough to follow one video, and no more
than that."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest.mock import patch
from urllib.parse import quote, urlsplit

import pytest

from local.lambda_runtime.events import schedule_event
from local.lambda_runtime.function_instances import load
from local.lambda_runtime.lambda_context import invoker
from local.moto_server import embedded_aws
from local.providers.evolink import fake_evolink
from local.providers.faults import Failure, Faults, Refusal
from local.r2.server import FakeR2
from local.sam_template.read import read_template
from local.stack import local_stack
from tests.database import empty_tables
from tests.films import small_film
from tests.http_api import signed
from tests.log_lines import events, metrics, parsed
from tests.stack_world import World, send

PROMPT = "a ferry that nobody but its owner may read about, at dawn, with gulls"
SHORT_PROMPT = "velvet"
SECRETS = {
    "DATABASE_PASSWORD": "database-password-hunter2",
    "EVOLINK_API_KEY": "evolink-key-hunter2",
    "STORAGE_ACCESS_KEY": "storage-access-hunter2",
    "STORAGE_SECRET_KEY": "storage-secret-hunter2",
    "CALLBACK_HMAC_SECRET": "callback-secret-hunter2",
    "BETTER_AUTH_SECRET": "auth-secret-hunter2",
    "AWS_ACCESS_KEY_ID": "aws-access-hunter2",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-hunter2",
    "AWS_SESSION_TOKEN": "aws-session-hunter2",
}
SOURCE_TOKEN = "source-token-hunter2"


@dataclass
class Day:
    """A day's log, what must not be found in it, and the videos by what became of them."""

    log: str = ""
    forbidden: dict[str, str] = field(default_factory=dict)
    videos: dict[str, str] = field(default_factory=dict)


def leaks(log: str, forbidden: dict[str, str]) -> list[str]:
    """The names of what shows, as it is, as JSON has it, or as a URL has it."""
    return [
        name
        for name, text in forbidden.items()
        if any(form in log for form in (text, json.dumps(text)[1:-1], quote(text, safe="")))
    ]


@pytest.fixture(scope="module")
def day(migrated_url: str) -> Iterator[Day]:
    """Runs it once, for all that is to be said of it."""
    empty_tables(migrated_url)
    place = urlsplit(migrated_url)
    user, _, host = place.netloc.rpartition("@")
    secret_url = place._replace(
        netloc=f"{user.partition(':')[0] or 'postgres'}:{SECRETS['DATABASE_PASSWORD']}@{host}"
    ).geturl()
    with (
        patch("clipferry.s3.retry.LONGEST_PAUSE_SECONDS", 0.05),  # else the bad sources take half a minute
        FakeR2(access_key=SECRETS["STORAGE_ACCESS_KEY"], secret_key=SECRETS["STORAGE_SECRET_KEY"]) as r2,
        embedded_aws() as aws,
        fake_evolink(api_key=SECRETS["EVOLINK_API_KEY"], seconds=0.3, retry_scale=0.2, film=small_film()) as evolink,
    ):
        environment = {
            **{name: value for name, value in SECRETS.items() if name != "DATABASE_PASSWORD"},
            "DATABASE_URL": secret_url,
            "STORAGE_ENDPOINT": r2.url,
            "STORAGE_BUCKET": r2.name,
            "STORAGE_REGION": "auto",
            "STORAGE_DOMAIN": "https://cdn.example.com",
            "AWS_ENDPOINT_URL_SQS": aws.endpoint,
            "EVOLINK_BASE_URL": evolink.base_url,
            "KIE_BASE_URL": "http://127.0.0.1:9",
            "RECONCILE_INTERVAL_SECONDS": "1",
            "RATE_LIMIT_PER_MINUTE": "1000",
            "VIDEO_MAX_CONCURRENT": "100",
            "ALLOWED_ORIGINS": "https://app.example.com",
        }
        with local_stack(environment=environment, quiet=True) as stack:
            world = World.sign_up(stack, evolink, "user-of-the-log", amount=10_000)
            day = Day(forbidden={**SECRETS, "the bearer token": world.token, "the source's token": SOURCE_TOKEN})
            _live(world, day)
            _run_daily_tasks()
            day.log = stack.log()
            day.forbidden["the prompt"] = PROMPT
            day.forbidden["the prompt's beginning"] = PROMPT[:20]
            day.forbidden["the short prompt"] = SHORT_PROMPT
        yield day


def _order(world: World, faults: Faults | None = None, prompt: str = PROMPT) -> str | None:
    if faults:
        world.evolink.next(faults)
    order = {"prompt": prompt, "model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "quality": "480p"}
    answer = world.call("POST", "/api/v1/video/generate", order)
    return answer.data["videoUuid"] if answer.status == 202 else None


def _live(world: World, day: Day) -> None:
    """Good orders and bad ones, forged callbacks, bad sources, strangers, and requests that are none."""
    well = day.videos["well"] = _order(world) or ""
    quoted = f"Your prompt was refused: {PROMPT}"
    assert _order(world, Faults(refuse=Refusal(status=402, code="insufficient_quota", message=quoted))) is None
    cut = f"Bad prompt: {SHORT_PROMPT}"
    assert _order(world, Faults(refuse=Refusal(status=402, code="x", message=cut)), SHORT_PROMPT) is None
    failed = day.videos["failed"] = (
        _order(world, Faults(fail=Failure(code="content_policy_violation", message=quoted))) or ""
    )
    unknown = day.videos["unknown"] = _order(world, Faults(submit="cut")) or ""
    lost = day.videos["lost callback"] = _order(world, Faults(callbacks=0, questions=("page",))) or ""
    gone = day.videos["gone"] = _order(world, Faults(result="missing")) or ""
    broken = day.videos["broken"] = _order(world, Faults(result="truncated")) or ""
    for uuid in (well, failed, unknown, lost, gone):
        world.ends(uuid)
    forged = world.callback_url(well, secret="not the secret")
    day.forbidden["a forged signature"] = forged.partition("sig=")[2]
    assert send("POST", forged, {"id": "x"}).status == 401
    good = world.callback_url(well)
    day.forbidden["a signature of ours"] = good.partition("sig=")[2]
    assert send("POST", good, {"id": "x", "echo": good}).status == 200
    assert send("POST", good.replace("evolink", "nobody"), {}).status == 400
    _use_a_source_with_a_token(world, broken)
    for path in (f"/api/v1/video/{well}/status", f"/api/v1/video/{well}", "/api/v1/video/list", "/api/v1/nothing"):
        world.call("GET", path)
    world.call("POST", f"/api/v1/video/{gone}/retry")
    upload = {"filename": "a.png", "contentType": "image/png"}
    presigned = world.call("POST", "/api/v1/upload/presign", upload).data["uploadUrl"]
    day.forbidden["a presigned signature"] = presigned.partition("X-Amz-Signature=")[2].partition("&")[0]
    cookie = signed(world.token, SECRETS["BETTER_AUTH_SECRET"])
    day.forbidden["the cookie"] = cookie
    day.forbidden["the cookie's signature"] = cookie.partition(".")[2]
    headers = {"Cookie": f"better-auth.session_token={cookie}", "Origin": "https://app.example.com"}
    assert send("GET", f"{world.stack.url}/api/v1/user/me", None, headers).status == 200
    assert (
        send("GET", f"{world.stack.url}/api/v1/user/me", None, {"Authorization": "Bearer stranger-hunter2"}).status
        == 401
    )
    day.forbidden["a stranger's token"] = "stranger-hunter2"
    assert world.call("POST", "/api/v1/video/generate", {"prompt": PROMPT, "model": PROMPT}).status == 400
    world.call("DELETE", f"/api/v1/video/{well}")
    _break_the_database(world)


def _use_a_source_with_a_token(world: World, uuid: str) -> None:
    """The next worker finds nobody at an address whose query would let anybody in."""
    interrupted = "select 1 from clipferry.video_events where video_uuid = %(uuid)s and kind = 'mirror_interrupted'"
    world.waits(lambda: len(world.rows(interrupted, uuid=uuid)) >= 1)
    before = len(world.rows(interrupted, uuid=uuid))
    address = f"http://127.0.0.1:9/{uuid}.mp4?X-Amz-Signature={SOURCE_TOKEN}&Expires=1"
    world.rows("update videos set original_video_url = %(url)s where uuid = %(uuid)s", uuid=uuid, url=address)
    world.waits(lambda: len(world.rows(interrupted, uuid=uuid)) > before)
    world.rows("update clipferry.jobs set deadline = now() - interval '1 hour' where video_uuid = %(uuid)s", uuid=uuid)
    assert world.ends(uuid) == "FAILED"


def _break_the_database(world: World) -> None:
    """500: a statement that nobody can have expected to fail."""
    world.rows("alter table clipferry.rate_windows rename to rate_windows_away")
    try:
        order = {"prompt": PROMPT, "model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "quality": "480p"}
        assert world.call("POST", "/api/v1/video/generate", order).status == 500
    finally:
        world.rows("alter table clipferry.rate_windows_away rename to rate_windows")


def _run_daily_tasks() -> None:
    function = read_template().function("HousekeepFunction")
    answer = invoker(function, load(function))(schedule_event(rule="housekeep"))
    assert answer["breaches"] == 0


def test_the_log_has_no_secret_and_no_prompt(day: Day) -> None:
    assert leaks(day.log, day.forbidden) == []
    assert not re.search(r"hunter2", day.log)
    assert not re.search(r"sig=[0-9a-f]", day.log)
    assert "X-Amz-Signature=" not in day.log


@pytest.mark.parametrize("name", ["CALLBACK_HMAC_SECRET", "the bearer token", "the prompt", "a signature of ours"])
def test_a_secret_that_is_logged_would_be_found(day: Day, name: str) -> None:
    planted = json.dumps({"message": f"detail {day.forbidden[name]} and more"})
    assert name in leaks(day.log + planted, day.forbidden)


def test_every_line_is_one_json_object(day: Day) -> None:
    lines = parsed(day.log)
    assert len(lines) > 100
    assert all(isinstance(line, dict) for line in lines)


def test_every_line_of_a_call_names_its_request(day: Day) -> None:
    assert [line for line in events(day.log) if "function_request_id" not in line] == []


@pytest.mark.parametrize("kind", ["well", "lost callback", "unknown"])
def test_one_query_shows_a_videos_whole_journey(day: Day, kind: str) -> None:
    """`filter video_uuid = "…"`, over the log groups of all functions."""
    mine = [line for line in events(day.log) if line.get("video_uuid") == day.videos[kind]]
    functions = [line["function_name"] for line in mine]
    assert {"CreateVideoFunction", "MirrorVideoFunction"} <= set(functions)
    assert functions[0] == "CreateVideoFunction"
    assert ("ReconcileFunction" if kind == "lost callback" else "ReceiveCallbackFunction") in functions
    assert "video completed" in [line["message"] for line in mine]


@pytest.mark.parametrize("kind", ["failed", "gone", "broken"])
def test_the_same_query_says_why_one_failed(day: Day, kind: str) -> None:
    mine = [line for line in events(day.log) if line.get("video_uuid") == day.videos[kind]]
    (failed,) = [line for line in mine if line["message"] == "video failed"]
    assert failed["reason"] in ("CONTENT_POLICY", "FILE_UNAVAILABLE")


def test_a_line_that_tells_of_one_video_is_not_told_of_another(day: Day) -> None:
    known = set(day.videos.values())
    for line in events(day.log):
        named = {uuid for uuid in known if uuid in json.dumps({**line, "video_uuid": None})}
        assert named <= {line.get("video_uuid")}, line


def test_the_log_has_every_metric_of_the_day_in_the_form_that_cloudwatch_takes(day: Day) -> None:
    counted = metrics(day.log)
    found = {(name, tuple(sorted(dimensions.items()))) for name, _, dimensions in counted}
    assert found >= {
        ("VideosCreated", ()),
        ("VideosCompleted", ()),
        ("VideosFailed", (("reason", "CONTENT_POLICY"),)),
        ("VideosFailed", (("reason", "FILE_UNAVAILABLE"),)),
        ("VideosFailed", (("reason", "PROVIDER_OUT_OF_FUNDS"),)),
        ("CallbacksRejected", (("provider", "evolink"), ("reason", "signature"))),
        ("CallbacksRejected", (("provider", "none"), ("reason", "unknown_provider"))),
        ("MirroredBytes", ()),
        ("MirrorSeconds", ()),
        ("MirrorsInterrupted", (("reason", "SOURCE_ERROR"),)),
        ("SourceErrors", ()),
        ("OldestOpenVideoSeconds", ()),
        ("CreditsHeld", ()),
        ("ProviderErrors", (("provider", "evolink"),)),
        ("SubmitsUnanswered", (("provider", "evolink"),)),
        ("CreditsBreached", ()),
        ("UploadsAborted", ()),
    }
    completed = sum(value for name, value, _ in counted if name == "VideosCompleted")
    assert sum(value for name, value, _ in counted if name == "MirroredBytes") == completed * len(small_film())
    assert max(value for name, value, _ in counted if name == "CreditsHeld") > 0

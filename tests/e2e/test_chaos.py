"""Five hundred videos at six providers, every fault at once: each ends, the books are right, none was ordered twice.

The faults say how each has to end, so a slow machine changes nothing. What only a deadline can end is let pass at once.
CHAOS_SEED=… draws other faults; the same seed draws the same ones again.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from psycopg.rows import dict_row

from clipferry import runtime
from clipferry.db.connection import Database
from clipferry.observability import logger
from clipferry.usecases import move_credits
from clipferry.usecases.reconcile import reconcile
from clipferry.usecases.verify_credits import verify_credits
from local.providers.base import FakeProvider
from local.providers.faults import Faults, drawn
from local.providers.task_queue import FilmOrder
from local.stack import Stack, local_stack
from tests.database import empty_tables
from tests.e2e.providers import SILENT, Providers, fake_providers
from tests.stack_world import Answer, send

SEED = int(os.environ.get("CHAOS_SEED", "20261122"))
VIDEOS = 500
USERS = 10
AT_ONCE = 14
RECONCILERS = 2
"""Runs more reconcilers beside the schedule's own: any number of them does no harm."""
PATIENCE = 120
"""Seconds in which at least one more video has to end; on a quiet machine all do in a fifth of that."""
EVOLINK = {"provider": "evolink", "model": "seedance-2.0-text-to-video"}
EVOLINKS_VEO = {"provider": "evolink", "model": "veo3.1-fast", "input.prompt": "$prompt"}
KIE = {"provider": "kie", "model": "bytedance/seedance-2"}
KIES_VEO = {"provider": "kie", "model": "veo3_fast"}
REPLICATE = {"provider": "replicate", "model": "google/veo-3.1-fast"}
FAL = {"provider": "fal", "model": "bytedance/seedance-2.0/text-to-video"}
FALS_VEO = {"provider": "fal", "model": "fal-ai/veo3.1/fast", "input.duration": "8s"}
LITELLM = {"provider": "litellm", "model": "studio", "body": "openai"}
OPENROUTER = {"provider": "openrouter", "model": "google/veo-3.1", "body": "openrouter"}
MODELS: dict[str, tuple[int, list[dict[str, str]]]] = {
    "evolink-first": (5, [EVOLINK, KIE]),
    "kie-first": (5, [KIE, EVOLINK]),
    "veo-first": (8, [KIES_VEO, REPLICATE, EVOLINKS_VEO]),
    "replicate-first": (8, [REPLICATE, KIES_VEO]),
    "fal-first": (8, [FALS_VEO, EVOLINKS_VEO]),
    "litellm-first": (8, [LITELLM, FAL]),
    "openrouter-first": (8, [OPENROUTER, LITELLM]),
}
"""The seconds of each model's films, and the offers in their order."""


def catalogue() -> str:
    return "".join(
        f'[[model]]\nid = "{name}"\nname = "{name}"\ndurations = [{seconds}]\ncost = {{ base = 10 }}\n'
        + "".join(f"[[model.offer]]\n{_toml(offer)}" for offer in offers)
        for name, (seconds, offers) in MODELS.items()
    )


def _toml(offer: dict[str, str]) -> str:
    return "".join(f'{name} = "{value}"\n' for name, value in offer.items())


@dataclass(frozen=True, slots=True)
class Chaos:
    stack: Stack
    providers: Providers
    callbacks: bool

    def draw(self, provider: str, prompt: str) -> Faults:
        """What goes wrong with a video at a provider, if it gets there."""
        return drawn(SEED, f"{provider} {prompt}", callbacks=self.callbacks and provider not in SILENT)

    def videos(self) -> list[dict[str, Any]]:
        """`end` is why it failed, or its status."""
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            return (
                connection.cursor(row_factory=dict_row)
                .execute(
                    """select v.uuid, v.prompt, v.provider, v.status::text, h.status as hold,
                       coalesce(j.failure_code, v.status::text) as end
                from public.videos v join clipferry.jobs j on j.video_uuid = v.uuid
                join public.credit_holds h on h.video_uuid = v.uuid"""
                )
                .fetchall()
            )

    def create(self, number: int) -> Answer:
        order = {"prompt": f"video {number}", "model": [*MODELS][number % len(MODELS)]}
        user = {"Authorization": f"Bearer token-{number % USERS}", "Idempotency-Key": f"video-{number}"}
        return send("POST", f"{self.stack.url}/api/v1/video/generate", order, user)


@pytest.fixture(params=[True, False], ids=["callbacks", "all callbacks dropped"])
def chaos(request: pytest.FixtureRequest, migrated_url: str, tmp_path: Path) -> Iterator[Chaos]:
    (tmp_path / "models.toml").write_text(catalogue())
    _begin(migrated_url)
    with _quiet(), _without_thumbnails(), fake_providers(seconds=0.1, retry_scale=0.1) as providers:
        environment = {
            **providers.environment,
            "DATABASE_URL": migrated_url,
            "RECONCILE_INTERVAL_SECONDS": "1",
            "DEFAULT_AI_PROVIDER": "nobody in particular",
            "MODELS_FILE": str(tmp_path / "models.toml"),
            "RATE_LIMIT_PER_MINUTE": "100000",
            "VIDEO_MAX_CONCURRENT": "100000",
        }
        with local_stack(environment=environment, quiet=True) as stack:
            chaos = Chaos(stack, providers, request.param)
            for name, provider in _named(providers):
                provider.faults = _Faults(chaos, name)
            yield chaos


@contextmanager
def _without_thumbnails() -> Iterator[None]:
    """Each is made by a process of its own, which for hundreds of videos costs more than all the rest."""
    with patch("clipferry.usecases.mirror_video.make_thumbnail", return_value=None):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """The report is enough to read."""
    level = logger.log_level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@dataclass(frozen=True, slots=True)
class _Faults:
    chaos: Chaos
    provider: str

    def __call__(self, film: FilmOrder) -> Faults:
        return self.chaos.draw(self.provider, film.prompt)


def _named(providers: Providers) -> Iterable[tuple[str, FakeProvider]]:
    return providers.by_name.items()


def _begin(url: str) -> None:
    """Users with a session each, and more credits than they can spend."""
    empty_tables(url)
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(USERS):
            connection.execute(
                'insert into public."user" (id, email) values (%(id)s, %(id)s)', {"id": f"user-{number}"}
            )
            connection.execute(
                """insert into public.session ("userId", token, "expiresAt")
                values (%(id)s, %(token)s, timezone('utc', now()) + interval '1 hour')""",
                {"id": f"user-{number}", "token": f"token-{number}"},
            )
    database = Database(url)
    for number in range(USERS):
        move_credits.grant(user_id=f"user-{number}", amount=10 * VIDEOS, order_no=f"chaos-{number}", database=database)
    database.close()


def test_every_video_ends_and_nothing_was_ordered_twice(chaos: Chaos, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    with _more_reconcilers(), ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(chaos.create, range(VIDEOS)))
        created = time.monotonic() - began
        waiting = _wait(chaos, lambda video: not _fate(chaos, video).waits)
        assert {video["hold"] for video in waiting} == {"HOLDING"}
        _let_the_deadlines_pass(chaos)
        assert _wait(chaos, lambda _: True) == []

    videos = chaos.videos()
    with capsys.disabled():
        print(f"\n{_report(chaos, videos, len(waiting), created, time.monotonic() - began)}")  # noqa: T201
    assert {answer.status for answer in answers} <= {202, 502}
    assert len(videos) == VIDEOS
    assert {(video["status"], video["hold"]) for video in videos} == {("COMPLETED", "SETTLED"), ("FAILED", "RELEASED")}
    assert _breaches(chaos) == []
    assert _ordered_twice(chaos) == []
    assert [_told(video) for video in videos if video["end"] not in _fate(chaos, video).ends] == []


@dataclass(frozen=True, slots=True)
class Fate:
    """How a video can end. One that `waits` may have nothing but its deadline to end it."""

    ends: tuple[str, ...]
    waits: bool = False


def _fate(chaos: Chaos, video: dict[str, Any]) -> Fate:
    """What has to become of a video, from the faults that were drawn for it at the last provider that was asked."""
    faults = chaos.draw(video["provider"], video["prompt"])
    if faults.refuse is not None and faults.refuse.page is None:
        return Fate(("PROVIDER_FAILED", "PROVIDER_BUSY", "PROVIDER_OUT_OF_FUNDS"))
    nobody_knows_the_task = faults.submit != "answered" and faults.callbacks == 0
    if faults.refuse is not None or faults.lost or nobody_knows_the_task:
        return Fate(("TIMED_OUT",), waits=True)
    if faults.fail is not None:
        return Fate(("CONTENT_POLICY", "PROVIDER_FAILED"))
    ends = ("COMPLETED",) if faults.result == "film" else ("FILE_UNAVAILABLE",)
    if faults.fail_later is not None:  # who asks late hears of the failure only
        ends = (*ends, "PROVIDER_FAILED")
    return Fate(ends, waits=faults.result in ("page", "truncated"))


def _wait(chaos: Chaos, matters: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Until all videos that matter have ended; returns the others that haven't."""
    left, give_up = VIDEOS + 1, 0.0
    while True:
        unfinished = [video for video in chaos.videos() if video["status"] not in ("COMPLETED", "FAILED")]
        moving = [video for video in unfinished if matters(video)]
        if not moving:
            return unfinished
        if len(moving) < left:
            left, give_up = len(moving), time.monotonic() + PATIENCE
        assert time.monotonic() < give_up, f"{len(moving)} never ended, like {_story(chaos, moving[0])}"
        time.sleep(0.5)


def _story(chaos: Chaos, video: dict[str, Any]) -> str:
    with psycopg.connect(chaos.stack.database_url, autocommit=True) as connection:
        found = connection.execute(
            """select to_jsonb(j) from clipferry.jobs j where video_uuid = %(uuid)s
            union all
            (select to_jsonb(e) from clipferry.video_events e where video_uuid = %(uuid)s order by id desc limit 30)""",
            video,
        )
        return "\n".join([_told(video), *(str(row[0]) for row in found)])


def _let_the_deadlines_pass(chaos: Chaos) -> None:
    with psycopg.connect(chaos.stack.database_url, autocommit=True) as connection:
        connection.execute(
            """update clipferry.jobs
            set deadline = now() - interval '1 second', next_check_at = now() - interval '1 second'
            where deadline is not null"""
        )


def _told(video: dict[str, Any]) -> str:
    return f"{video['prompt']} at {video['provider']}: {video['end']}"


@contextmanager
def _more_reconcilers() -> Iterator[None]:
    stopping = Event()

    def run() -> None:
        @runtime.invocation  # each thread has dependencies of its own, as each instance of the function has
        def call(_event: Any, _context: Any) -> int:
            needs = runtime.dependencies()
            return reconcile(
                databases=[needs.database],
                context=needs.advance_context,
                seconds_left=lambda: 0 if stopping.is_set() else 55,
            )

        while not stopping.wait(1):
            call({}, None)

    threads = [Thread(target=run) for _ in range(RECONCILERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _breaches(chaos: Chaos) -> list[Any]:
    database = Database(chaos.stack.database_url)
    try:
        return verify_credits(database=database)
    finally:
        database.close()


def _ordered_twice(chaos: Chaos) -> list[str]:
    """Videos that two providers took, or that one provider was asked for twice."""
    taken = Counter(_prompt(body) for _, provider in _named(chaos.providers) for body in provider.submissions)
    asked = Counter((name, _prompt(body)) for name, provider in _named(chaos.providers) for body in provider.orders)
    return [f"taken {prompt}" for prompt, times in taken.items() if times > 1] + [
        f"asked {key}" for key, times in asked.items() if times > 1
    ]


def _prompt(body: dict[str, Any]) -> str:
    """Every video's is its own; providers have it at the top, or within the input."""
    return body.get("prompt") or body["input"]["prompt"]


def _report(chaos: Chaos, videos: list[dict[str, Any]], waited: int, created: float, ended: float) -> str:
    ends = Counter(video["end"] for video in videos)
    done: dict[str, Counter[str]] = {}
    for video in videos:
        for fault in _names(chaos.draw(video["provider"], video["prompt"])):
            done.setdefault(fault, Counter())[video["end"]] += 1
    counts = ", ".join(f"{name} {len(provider.submissions)}" for name, provider in _named(chaos.providers))
    lines = [
        f"{len(videos)} videos, seed {SEED}, {'with' if chaos.callbacks else 'without any'} callbacks",
        f"  asked for in {created:.0f} s, ended after {ended:.0f} s, {waited} of them by their deadline",
        f"  taken by {counts}",
        *(f"  {times:4} {end}" for end, times in ends.most_common()),
        "  what was done to them at the last provider, and how they ended:",
    ]
    for fault, ends_of_fault in sorted(done.items()):
        how = ", ".join(f"{times} {end}" for end, times in ends_of_fault.most_common())
        lines.append(f"    {fault:<28}{how}")
    return "\n".join(lines)


def _names(faults: Faults) -> list[str]:
    """Each fault in a word or two."""
    named = {
        "refused": faults.refuse is not None and faults.refuse.page is None,
        "refused by a gateway's page": faults.refuse is not None and faults.refuse.page is not None,
        "failed": faults.fail is not None,
        "failed after its success": faults.fail_later is not None,
        "task lost": faults.lost,
        "submit answered slowly": faults.slow > 0,
        f"submit {faults.submit}": faults.submit != "answered",
        "callback before the answer": faults.early_callback,
        "callback dropped": faults.callbacks == 0,
        "callback repeated": faults.callbacks > 1,
        "callback late": faults.late > 0,
        "callback overtaken": faults.overtaken,
        "callbacks forged": faults.forged,
        "questions answered badly": bool(faults.questions),
        f"result {faults.result}": faults.result != "film",
    }
    return [name for name, applies in named.items() if applies] or ["nothing"]

"""The contract as it is written against the stack as it answers: schemathesis asks, as schemathesis.toml says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clipferry import catalog
from clipferry.db.connection import Database
from clipferry.usecases.verify_credits import verify_credits
from local.providers.faults import Failure, Faults
from local.stack import Stack, local_stack
from tests import books
from tests.database import empty_tables
from tests.e2e.providers import fake_providers
from tests.stack_world import WEBHOOK_SECRET

CONFIG = Path(__file__).with_name("schemathesis.toml")
MOST_VARIANTS = 40
FEW_VARIANTS = 12
"""Of what is ordered in another shape."""
VIDEOS = """
insert into public.videos (uuid, user_id, prompt, model, status, provider, updated_at)
select 'vid_' || status, 'ann', 'A ferry', 'seedance-2.0', status, 'evolink', timezone('utc', now())
from unnest(enum_range(null::public."VideoStatus")) status
"""


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    """Ann is an admin who can pay for everything; of her videos there is one in each state."""
    empty_tables(migrated_url)
    database = Database(migrated_url)
    books.add_user(database, "ann", is_admin=True)
    books.add_user(database, "bob")
    books.add_package(database, 100_000_000)
    books.execute(database, VIDEOS)
    yield database
    database.close()


@pytest.fixture
def stack(migrated_url: str, database: Database) -> Iterator[Stack]:
    """It takes every order, and no provider makes anything of it: rendering films is not what is tested."""
    with fake_providers(seconds=0.2) as providers:
        for provider in providers.all:
            provider.faults = Faults(fail=Failure(code="generation_failed_no_content"))
        environment = {
            "DATABASE_URL": migrated_url,
            **providers.environment,
            "RATE_LIMIT_PER_MINUTE": "1000000",
            "VIDEO_MAX_CONCURRENT": "1000000",
            "MODELS_FILE": str(catalog.SHIPPED),
            "WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        with local_stack(environment=environment, quiet=True) as stack:
            yield stack


def contract(stack: Stack) -> dict[str, Any]:
    """The contract as it is served, with so many variants of a request for a video as schemathesis can handle.

    It gives up at some ninety. The other models are ordered in every way by handlers/test_every_model.py.
    """
    with urllib.request.urlopen(f"{stack.url}/api/v1/openapi.json", timeout=30) as answer:
        served = json.load(answer)
    for name, most in (("GenerateVideo", MOST_VARIANTS), ("CreateVideo", FEW_VARIANTS)):
        request = served["components"]["schemas"][name]
        assert len(request["anyOf"]) >= most
        request["anyOf"] = request["anyOf"][:most]
        for variant in request["anyOf"]:
            variant["properties"]["webhookUrl"] = {"type": "null"}  # it asks with a session, and this is for keys
    # Random bytes are no picture; test_create_request.py has forms.
    assert served["paths"]["/v1/videos"]["post"]["requestBody"]["content"].pop("multipart/form-data")
    return served


def test_the_stack_keeps_to_the_contract_whatever_it_is_asked(stack: Stack, database: Database, tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(contract(stack)))
    command = ["schemathesis.cli", "--config-file", str(CONFIG), "run", str(document), "--url", stack.url]
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, "SCHEMATHESIS_TOKEN": "session-of-ann"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert [line for line in stack.log().splitlines() if '"level":"ERROR"' in line] == []
    for reached in (
        "select count(*) > 25 from public.videos",
        "select count(*) > 3 from public.videos where is_deleted",
        "select count(*) > 0 from public.credit_packages where user_id = 'bob'",
    ):
        assert books.value(database, reached), reached
    assert verify_credits(database=database) == []

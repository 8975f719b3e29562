"""The console in a real browser, over a stack of its own: a fresh user and fakes that behave for each test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from local.development_user import add_development_user
from local.stack import Stack, local_stack
from tests.browser.chromium import find_chromium, launched
from tests.browser.visit import PATIENCE_MILLISECONDS, Visit
from tests.database import empty_tables
from tests.stack_world import WEBHOOK_SECRET, send

USUAL = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
"""A ferry that bobs costs a machine without a graphics card more than the rest of the test."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Continuous integration has to have one."""
    program = find_chromium()
    if program is None and os.environ.get("CI") == "true":
        pytest.fail("chromium is missing: apt-get install chromium")
    if program is None:
        pytest.skip("chromium isn't installed here (apt-get install chromium)")
    with launched(program) as browser:
        yield browser


@pytest.fixture(scope="module")
def running(browser: Browser, migrated_url: str) -> Iterator[Stack]:
    environment = {
        "DATABASE_URL": migrated_url,
        "RECONCILE_INTERVAL_SECONDS": "1",
        "STATUS_REFRESH_SECONDS": "60",
        "RATE_LIMIT_PER_MINUTE": "1000",
        "WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    with local_stack(environment=environment, quiet=True) as stack:
        yield stack


@pytest.fixture
def stack(running: Stack) -> Stack:
    """A stack with nothing but the development user's first credits, and with fakes that behave."""
    empty_tables(running.database_url)
    add_development_user(running.database_url)
    for name in ("evolink", "kie"):
        url = f"{running.url}/local/providers/{name}"
        shown = send("GET", url).data
        usual = {switch: choices[0] for switch, choices in shown["choices"].items()}
        send("PUT", url, usual)
    assert running.evolink is not None
    running.evolink.options = replace(running.evolink.options, seconds=0.6)
    return running


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Callable[..., Visit]]:
    """Opens the page with the options of a browser context (locale, color_scheme, …). An error on it fails the test."""
    visits = []

    def opened(**options: Any) -> Visit:
        context = browser.new_context(**USUAL | options)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        visit = Visit(context.new_page(), stack)
        visits.append(visit)
        visit.page.on("console", visit.note)
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.goto(stack.url)
        expect(visit.page.locator("#available")).to_have_text(re.compile(r"\d"), timeout=PATIENCE_MILLISECONDS)
        return visit

    yield opened
    for visit in visits:
        visit.page.context.close()
    assert [error for visit in visits for error in visit.unexpected_errors()] == []

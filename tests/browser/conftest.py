"""The console in a real browser, over a stack of its own: a fresh user and fakes that behave for each test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, LiteralString

import psycopg
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect
from psycopg.rows import dict_row

from local.development_user import add_development_user
from local.stack import Stack, local_stack
from tests.browser.chromium import find_chromium, launched
from tests.conftest import EMPTY
from tests.e2e.conftest import send

PROMPT = "A ferry crosses the bay at dawn"
PATIENCE_MILLISECONDS = 20_000
USUAL = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
"""A ferry that bobs costs a machine without a graphics card more than the rest of the test."""


@dataclass
class Visit:
    """One open page, and what went wrong on it."""

    page: Page
    stack: Stack
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Patterns of errors that belong to the test: a browser reports every answer from 400 on."""

    def order(self, prompt: str = PROMPT, *, quality: str = "480p") -> None:
        self.page.get_by_label("What it shows").fill(prompt)
        self.page.get_by_role("radio", name=quality).check(force=True)
        self.page.get_by_role("button", name="Order", exact=True).click()

    def card(self, prompt: str = PROMPT) -> Locator:
        return self.page.get_by_role("article", name=prompt, exact=True)

    def comes_to(self, status: str, prompt: str = PROMPT) -> Locator:
        """Waits until the newest card of this prompt shows it."""
        card = self.card(prompt).first
        expect(card).to_have_attribute("data-status", status, timeout=PATIENCE_MILLISECONDS)
        return card

    def switch(self, name: str, choice: str) -> None:
        with self.page.expect_response(re.compile("/local/providers/")):
            self.page.get_by_label(name, exact=True).select_option(label=choice)

    def shows_credits(self, available: int, held: int, used: int) -> None:
        for name, amount in (("available", available), ("held", held), ("used", used)):
            expect(self.page.locator(f"#{name}")).to_have_text(str(amount), timeout=PATIENCE_MILLISECONDS)

    def rows(self, sql: LiteralString) -> list[dict[str, Any]]:
        with psycopg.connect(self.stack.database_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def unexpected_errors(self) -> list[str]:
        return [error for error in self.errors if not any(re.search(pattern, error) for pattern in self.expected)]


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
    }
    with local_stack(environment=environment, quiet=True) as stack:
        yield stack


@pytest.fixture
def stack(running: Stack) -> Stack:
    """With nothing in its books but the development user's first credits, and with fakes that behave."""
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute(EMPTY)
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

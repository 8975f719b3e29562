"""One open page of the console, and what a visitor does there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from playwright.sync_api import ConsoleMessage, Locator, Page, expect
from psycopg.rows import dict_row

from local.stack import Stack

PROMPT = "A ferry crosses the bay at dawn"
PATIENCE_MILLISECONDS = 20_000


@dataclass
class Visit:
    """One open page, and what went wrong on it."""

    page: Page
    stack: Stack
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Patterns of errors that belong to the test: a browser reports every answer from 400 on."""

    def order(self, prompt: str = PROMPT, *, quality: str = "480p") -> None:
        self.page.get_by_label("Prompt").fill(prompt)
        self.page.get_by_role("radio", name=quality).check(force=True)
        self.page.get_by_role("button", name="Create video", exact=True).click()

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

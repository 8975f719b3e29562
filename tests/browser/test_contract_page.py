"""The contract's page at /docs, in a real browser: every route can be tried, and nothing comes from elsewhere."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from local.stack import Stack
from tests.browser.visit import PATIENCE_MILLISECONDS
from tests.stack_world import send


def test_the_page_shows_every_route_and_tries_one_as_the_development_user(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    page, asked, errors = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{stack.url}/docs")

    operations = [
        (method, path)
        for path, methods in send("GET", f"{stack.url}/api/v1/openapi.json").payload["paths"].items()
        for method in methods
    ]
    expect(page.locator(".opblock")).to_have_count(len(operations))
    expect(page.locator(".servers select")).to_have_value("/")
    me = page.locator("[id$=-getMe]")
    me.get_by_role("button").first.click()
    expect(me.get_by_role("button", name="authorization button locked")).to_be_visible()
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    expect(me.locator(".live-responses-table tbody .response-col_status")).to_have_text(re.compile("200"))
    expect(me.locator(".live-responses-table")).to_contain_text("dev-user")

    context.close()
    assert errors == []
    assert [url for url in asked if not url.startswith((f"{stack.url}/", "data:"))] == []

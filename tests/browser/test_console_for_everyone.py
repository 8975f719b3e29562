"""The console for whoever has no mouse, no eyes for it, another language, or the night."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.visit import PATIENCE_MILLISECONDS, PROMPT, Visit

Open = Callable[..., Visit]
LONG = "A ferry crosses the bay at dawn, " * 30
CONTROLS = {"button", "link", "textbox", "radio", "checkbox", "combobox", "Video", "img", "slider", "group", "article"}


def tab_to(page: Page, wanted: str) -> None:
    """Presses Tab until the control with this accessible name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        name = focused.evaluate("one => one.labels?.[0]?.textContent ?? one.textContent") if focused.count() else ""
        if name.strip().startswith(wanted):
            return
    raise AssertionError(f"Tab never comes to {wanted!r}")


def test_a_video_is_ordered_and_looked_into_with_the_keyboard_alone(visit: Open) -> None:
    page = visit().page
    tab_to(page, "Skip to the videos")
    tab_to(page, "Prompt")
    page.keyboard.type(PROMPT)
    tab_to(page, "Seedance 2.0")
    for name in ("Seedance 2.5", "Seedance 2.0 Fast", "Seedance 2.0 Mini", "Seedance 1.5 Pro"):
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("radio", name=name)).to_be_focused()
    tab_to(page, "16:9")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="9:16")).to_be_checked()
    tab_to(page, "720p")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="480p")).to_be_checked()
    expect(page.locator("#cost")).to_have_text("20 credits")
    tab_to(page, "Create video")
    page.keyboard.press("Enter")

    card = page.get_by_role("article", name=PROMPT)
    expect(card).to_have_attribute("data-status", "COMPLETED", timeout=30_000)
    expect(page.get_by_role("button", name="Create video", exact=True)).to_be_focused()
    tab_to(page, "Timeline")
    page.keyboard.press("Enter")
    expect(card.locator(".story li").first).to_be_visible()
    tab_to(page, "Delete")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Videos", exact=True)).to_be_focused()
    expect(page.get_by_role("article")).to_have_count(0)


def accessibility_tree(page: Page) -> list[tuple[str, str]]:
    """Role and name of everything that a screen reader meets, as Chromium computes them."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and "value" in node.get("role", {})
    ]


def test_everything_that_can_be_used_has_a_name(visit: Open) -> None:
    here = visit()
    here.order()
    card = here.comes_to("COMPLETED")
    card.get_by_role("button", name="Timeline").click()
    expect(card.locator(".story li").first).to_be_visible()

    tree = accessibility_tree(here.page)
    assert {role for role, _ in tree} >= {"button", "radio", "combobox", "textbox", "article", "main", "banner", "list"}
    assert [role for role, name in tree if role in CONTROLS and not name] == []
    levels = [int(tag[1]) for tag in here.page.locator("h1, h2, h3").evaluate_all("all => all.map(h => h.tagName)")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = here.page.locator("[id]").evaluate_all("all => all.map(element => element.id)")
    assert len(ids) == len(set(ids))
    for name in ("aria-describedby", "aria-labelledby", "aria-controls", "for"):
        pointed = here.page.locator(f"[{name}]").evaluate_all(f"all => all.map(e => e.getAttribute('{name}'))")
        assert set(" ".join(pointed).split()) <= set(ids)


def test_both_languages_say_the_same_things(visit: Open) -> None:
    page = visit().page
    texts = page.evaluate("""async () => (await import("/console/texts.js")).default""")
    assert len(texts) > 200
    for key, (english, chinese) in texts.items():
        assert english.strip()
        assert chinese.strip()
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), key


def test_the_browsers_language_is_spoken_until_another_is_chosen(visit: Open) -> None:
    page = visit(locale="zh-CN").page
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("heading", name="新建视频")).to_be_visible()
    said = page.locator("[data-word]:visible").all_inner_texts()
    assert [text for text in said if not re.search(r"[\u4e00-\u9fff]", text)] == []
    expect(page.locator(".model .about").first).to_have_text(re.compile("生成视频"))

    page.get_by_label("提示词").fill("清晨的渡轮")
    page.get_by_role("radio", name="480p").check(force=True)
    page.get_by_role("button", name="生成视频").click()
    card = page.get_by_role("article", name="清晨的渡轮")
    expect(card).to_have_attribute("data-status", "COMPLETED", timeout=30_000)
    expect(card.locator('[aria-current="step"]')).to_have_text("已完成")

    page.get_by_role("button", name="English").click()
    expect(card.locator('[aria-current="step"]')).to_have_text("Completed")
    expect(page.locator(".model .about").first).to_have_text(re.compile("to video"))
    expect(page.get_by_role("radio", name="480p")).to_be_checked()
    page.reload()
    expect(page.get_by_role("heading", name="New video")).to_be_visible()


def test_every_switch_of_the_providers_has_words(visit: Open) -> None:
    page = visit().page
    missing = page.evaluate(
        """async () => {
            const { default: texts } = await import("/console/texts.js");
            const { data } = await (await fetch("/local/providers/evolink")).json();
            const wanted = Object.entries(data.choices).filter(([name]) => name !== "seconds")
                .flatMap(([name, choices]) => [name, ...choices.map((choice) => `${name}.${choice}`)]);
            return wanted.filter((key) => !(`switch.${key}` in texts));
        }"""
    )
    assert missing == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_by_day_and_by_night(visit: Open, scheme: str) -> None:
    page = visit(color_scheme=scheme).page
    colors = page.evaluate(
        """(names) => Object.fromEntries(names.map((name) =>
            [name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()]))""",
        ["paper", "card", "sunk", "wash", "ink", "soft", "sun", "good", "on-sun"],
    )
    assert (luminance(colors["paper"]) < 0.1) == (scheme == "dark")
    for ground in ("paper", "card", "sunk"):
        for ink in ("ink", "soft"):
            assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    for ink, ground in (("sun", "card"), ("good", "card"), ("on-sun", "sun"), ("ink", "wash"), ("soft", "wash")):
        assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)


def luminance(color: str) -> float:
    """Relative, as WCAG 2.2 has it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_nothing_moves_for_those_who_want_it_still(visit: Open) -> None:
    page = visit(reduced_motion="reduce").page
    animations = page.locator("*").evaluate_all("all => all.map((element) => getComputedStyle(element).animationName)")
    assert set(animations) == {"none"}


def test_axe_finds_nothing_serious_and_nothing_is_too_wide(visit: Open) -> None:
    """In both sizes and colour schemes, with everything open that can be; and in Chinese, whose words are others."""
    here = visit(permissions=["clipboard-read", "clipboard-write"])
    here.expected = ["status of 404", "status of 500"]
    with_everything_open(here)
    for width, scheme in ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")):
        here.page.set_viewport_size({"width": width, "height": 900})
        here.page.emulate_media(color_scheme=scheme)
        is_for_everyone(here.page)
    here.page.get_by_role("button", name="中文").click()
    is_for_everyone(here.page)
    here.page.set_viewport_size({"width": 360, "height": 720})
    assert is_not_too_wide(here.page)


def is_for_everyone(page: Page) -> None:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}
    serious = [violation for violation in found["violations"] if violation["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in serious] == []
    assert is_not_too_wide(page)


def with_everything_open(here: Visit) -> None:
    """A film and a failed video with their timelines, the credit history, a search, a wrong link, faults, an error."""
    page = here.page
    here.switch("Generation", "fails")
    here.order("A storm")
    failed = here.comes_to("FAILED", "A storm")
    here.switch("Generation", "succeeds")
    here.switch("Callback", "sent twice")
    here.order(LONG)
    card = here.comes_to("COMPLETED", LONG)
    for one in (failed, card):
        one.get_by_role("button", name="Timeline").click()
        for summary in one.locator("summary").all():
            summary.click()
    card.get_by_role("button", name="Show the whole prompt").click()
    page.get_by_text("Credit history").click()
    expect(page.get_by_role("row").last).to_be_visible()
    page.get_by_label("Search", exact=True).fill("a")
    expect(page.locator("#searched")).to_have_text("All 2 videos searched, 2 found.")
    page.evaluate("() => { location.hash = '#video-vid_unknown'; }")
    expect(page.locator("#unknown")).to_be_visible()
    page.get_by_role("radio", name="PixVerse v6").check(force=True)
    error = {"code": "CONFIGURATION_ERROR", "message": "This service is not set up correctly."}
    page.route(
        "**/api/v1/video/list*", lambda route: route.fulfill(status=500, json={"success": False, "error": error})
    )
    expect(page.locator("#wrong")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    card.get_by_role("button", name="Copy the id").click()
    failed.get_by_role("button", name="Delete").click()
    expect(failed.get_by_role("button", name="Delete for good?")).to_be_visible()


def is_not_too_wide(page: Page) -> bool:
    return page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")

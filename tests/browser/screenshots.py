"""`make screenshots`: the README's pictures of the console, taken anew."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from local.stack import local_stack
from tests.browser.chromium import find_chromium, launched

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LIMIT_BYTES = 300_000
SIZE: ViewportSize = {"width": 1320, "height": 1060}
PATIENCE = {"RECONCILE_INTERVAL_SECONDS": "2", "STATUS_REFRESH_SECONDS": "60"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the page calls things, and what is ordered."""

    prompts: tuple[str, str, str]
    what: str
    order: str
    timeline: str


ENGLISH = Words(
    prompts=(
        "A heron lifts off a frozen lake",
        "Harbour lights come on, one by one",
        "A ferry crosses the bay at dawn",
    ),
    what="Prompt",
    order="Create video",
    timeline="Timeline",
)
CHINESE = Words(
    prompts=("一只鹭从冰湖上飞起", "港口的灯一盏盏亮起", "渡轮在清晨驶过海湾"),
    what="提示词",
    order="生成视频",
    timeline="时间线",
)


def main() -> None:
    program = find_chromium()
    if program is None:
        raise SystemExit("This needs a Chromium on the PATH (apt-get install chromium fonts-noto-cjk).")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with launched(program) as browser:
        take(browser, "console.png", words=ENGLISH, locale="en-GB", scheme="light")
        take(browser, "console-zh.png", words=CHINESE, locale="zh-CN", scheme="dark")


def take(browser: Browser, name: str, *, words: Words, locale: str, scheme: Literal["light", "dark"]) -> None:
    """One video failed for its file, one arrived with a lost callback, and one is on its way."""
    failing, arriving, moving = words.prompts
    with local_stack(environment=PATIENCE, quiet=True) as stack:
        page = browser.new_page(viewport=SIZE, locale=locale, color_scheme=scheme)
        page.goto(stack.url)
        page.locator("#switch-file").select_option("missing")
        ordered(page, words, failing, until="FAILED")
        page.locator("#switch-file").select_option("film")
        page.locator("#switch-callback").select_option("lost")
        page.locator("#hands-off").check()
        ordered(page, words, arriving, until="COMPLETED")
        page.locator("#switch-seconds").select_option("60")
        page.locator("#hands-off").uncheck()
        ordered(page, words, moving, until="GENERATING")
        page.get_by_role("article", name=arriving).get_by_role("button", name=words.timeline).click()
        page.locator(".story li").last.wait_for()
        page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
        page.wait_for_timeout(800)
        picture = page.screenshot()
        page.close()
    write(picture, IMAGES / name)


def ordered(page: Page, words: Words, prompt: str, *, until: str) -> None:
    page.get_by_label(words.what).fill(prompt)
    page.get_by_role("radio", name="480p").check(force=True)
    page.get_by_role("button", name=words.order, exact=True).click()
    page.locator(f'article[data-status="{until}"]', has_text=prompt).wait_for()


def write(picture: bytes, path: Path) -> None:
    """As small as it gets without losing anything."""
    with Image.open(BytesIO(picture)) as opened:
        opened.convert("RGB").save(path, optimize=True)
    assert path.stat().st_size < LIMIT_BYTES, f"{path.name} is too large for a README"


if __name__ == "__main__":
    main()

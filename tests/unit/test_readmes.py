"""The two READMEs name the same commands, settings and pages; docs/ has an index, short pages, links that lead on.

What a page names of the tree is there.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
ANCHOR = re.compile(r"\]\(([^)#:\s]*)#([^)\s]+)\)")
TWO_SCREENS = 135
"""Lines, as they stand in the file."""
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
CODE = [
    path.relative_to(ROOT).as_posix()
    for folder in ("benchmarks", "cli", "events", "functions", "layers", "local", "tests", "tools")
    for path in (ROOT / folder).rglob("*.py")
]


def commands(text: str) -> list[str]:
    """The lines of the shell blocks, without what a `#` says about them."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines()]


def settings(text: str) -> list[tuple[str, str]]:
    """The rows of the table: the variable and its example."""
    return re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| ([^|]*) \| [^|]+ \|$", text, re.MULTILINE)


def test_both_readmes_show_the_same_commands() -> None:
    assert len(commands(ENGLISH)) > 10
    assert commands(CHINESE) == commands(ENGLISH)


def test_both_readmes_name_the_same_targets_of_make() -> None:
    named = [set(re.findall(r"`make ([a-z][a-z-]*)", text)) for text in (ENGLISH, CHINESE)]

    assert len(named[0]) > 5
    assert named[0] == named[1]


def test_both_readmes_have_the_same_settings_with_the_same_examples() -> None:
    assert len(settings(ENGLISH)) > 30
    assert settings(CHINESE) == settings(ENGLISH)


def in_chinese(link: str) -> str:
    """Where the Chinese page is, if there is one."""
    return link.replace(".md", ".zh-CN.md")


def test_both_readmes_lead_to_the_same_pages() -> None:
    english, chinese = (
        {link for link in LINK.findall(text) if not link.endswith(".png")} for text in (ENGLISH, CHINESE)
    )

    translated = {link for link in english if link != (there := in_chinese(link)) and (ROOT / there).exists()}
    assert len(translated) > 1
    assert {link for link in chinese if link in translated} == set()
    meant = {in_chinese(link) if link in translated else link for link in english}
    assert meant - {"README.zh-CN.md"} == chinese - {"README.md"}


def test_the_chinese_one_is_chinese() -> None:
    """Every explanation in the table was written, not copied."""
    rows = re.findall(r"^\| `[A-Z][A-Z0-9_]+` \| [^|]* \| ([^|]+) \|$", CHINESE, re.MULTILINE)

    assert [row for row in rows if not re.search("[\u4e00-\u9fff]", row)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]

    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings."""
    outside = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    links = ANCHOR.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if link[1] not in anchors(page.parent / link[0] if link[0] else page)] == []


@pytest.mark.parametrize("page", [*(ROOT / "docs").glob("*.md")], ids=lambda page: page.name)
def test_a_page_is_about_two_screens(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= TWO_SCREENS


def test_the_index_has_every_page() -> None:
    index = set(LINK.findall((ROOT / "docs/README.md").read_text(encoding="utf-8")))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}

    assert pages - index == set()


def test_the_list_of_decisions_has_every_one() -> None:
    listed = {anchor for _, anchor in ANCHOR.findall((ROOT / "docs/decisions.md").read_text(encoding="utf-8"))}
    pages = (ROOT / "docs").glob("decisions-*.md")
    dated = {anchor for page in pages for anchor in anchors(page) if anchor.startswith("20")}

    assert len(dated) > 30
    assert dated - listed == set()


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "CHANGELOG"], ids=lambda page: page.name)
def test_every_module_that_a_page_names_is_there(page: Path) -> None:
    """By its path or the end of it; the changelog also names what is gone."""
    named = set(re.findall(r"[\w/]*\w\.py\b", page.read_text(encoding="utf-8")))

    assert [name for name in named if not any(f"/{path}".endswith(f"/{name.lstrip('/')}") for path in CODE)] == []


def test_contributing_begins_with_one_test_that_is_there() -> None:
    first = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()[2]
    found = re.search(r'`make test ARGS="(\S+) -k (\w+)"`', first)

    assert found
    names = re.findall(r"^def (test_\w+)", (ROOT / found[1]).read_text(encoding="utf-8"), re.MULTILINE)
    assert len([name for name in names if found[2] in name]) == 1


def test_the_changelog_has_what_is_unreleased_and_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", headings[1])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= kinds

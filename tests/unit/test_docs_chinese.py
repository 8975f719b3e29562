"""Each Chinese page of docs/ has the code, headings, tables and links of its English one, and is Chinese."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.zh-CN.md"))
BLOCK = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
with_blocks = runpy.run_path(str(ROOT / "tools/chinese_pages.py"))["with_blocks"]


def both(name: str) -> tuple[str, str]:
    english = name.replace(".zh-CN", "")
    return (DOCS / name).read_text(encoding="utf-8"), (DOCS / english).read_text(encoding="utf-8")


def cells(text: str) -> list[list[str]]:
    """What the tables' first cells have between backticks, row by row."""
    rows = re.findall(r"^\| (.*?) \|", BLOCK.sub("", text), re.MULTILINE)
    return [re.findall(r"`([^`]+)`", row) for row in rows]


def test_what_users_need_from_nothing_to_the_first_trouble_is_there_in_chinese() -> None:
    english = {page.name for page in DOCS.glob("api*.md") if ".zh-CN" not in page.name}
    english |= {"walkthrough.md", "deploy.md", "what-can-go-wrong.md"}

    assert {name.replace(".zh-CN", "") for name in PAGES} >= english


@pytest.mark.parametrize("name", PAGES)
def test_its_code_is_that_of_the_english_page(name: str) -> None:
    """`make openapi` copies it."""
    chinese, english = both(name)

    assert BLOCK.findall(english)
    assert BLOCK.findall(chinese) == BLOCK.findall(english)


@pytest.mark.parametrize("name", PAGES)
def test_its_headings_and_tables_are_those_of_the_english_page(name: str) -> None:
    chinese, english = both(name)
    headings = [re.findall(r"^(#+) (?:.*(`.+))?", BLOCK.sub("", text), re.MULTILINE) for text in (chinese, english)]

    assert headings[0] == headings[1]
    assert cells(chinese) == cells(english)


@pytest.mark.parametrize("name", PAGES)
def test_it_leads_where_the_english_page_leads_in_chinese_where_it_can(name: str) -> None:
    chinese, english = (set(LINK.findall(text)) for text in both(name))
    translated = {link for link in english if link.replace(".md", ".zh-CN.md") in PAGES}
    in_chinese = {link.replace(".md", ".zh-CN.md") if link in translated else link for link in english}

    assert chinese - {name.replace(".zh-CN", "")} == in_chinese - {name}


@pytest.mark.parametrize("name", PAGES)
def test_every_paragraph_is_chinese(name: str) -> None:
    paragraphs = BLOCK.sub("", both(name)[0]).split("\n\n")

    silent = [text for text in paragraphs if text.strip() and not re.search("[\u4e00-\u9fff]", text)]
    assert [text for text in silent if not text.strip().startswith(("#", "[English]"))] == []


def test_blocks_are_copied_in_their_order_and_their_number_is_checked() -> None:
    english = "A\n```sh\nls\n```\nB\n```json\n{}\n```\n"

    assert with_blocks("甲\n```\n```\n乙\n```\n```\n", english) == "甲\n```sh\nls\n```\n乙\n```json\n{}\n```\n"
    with pytest.raises(ValueError, match="2 blocks of code in English, 1 in Chinese"):
        with_blocks("甲\n```\n```\n", english)

"""Copies the blocks of code of docs/NAME.md into docs/NAME.zh-CN.md, so that commands and answers are written once."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[1] / "docs"
_BLOCK: Final = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)


def with_blocks(chinese: str, english: str) -> str:
    """Returns the Chinese page with the blocks of the English one, in their order. Raises ValueError."""
    blocks = _BLOCK.findall(english)
    if len(_BLOCK.findall(chinese)) != len(blocks):
        raise ValueError(f"{len(blocks)} blocks of code in English, {len(_BLOCK.findall(chinese))} in Chinese")
    following = iter(blocks)
    return _BLOCK.sub(lambda _: next(following), chinese)


def main() -> None:
    """With --check says which pages are stale, and changes none."""
    for page in sorted(DOCS.glob("*.zh-CN.md")):
        chinese = page.read_text(encoding="utf-8")
        english = page.with_name(page.name.replace(".zh-CN", "")).read_text(encoding="utf-8")
        try:
            renewed = with_blocks(chinese, english)
        except ValueError as error:
            sys.exit(f"docs/{page.name}: {error}")
        if renewed == chinese:
            continue
        if "--check" in sys.argv:
            sys.exit(f"docs/{page.name} is stale: run 'make openapi'")
        page.write_text(renewed, encoding="utf-8")


if __name__ == "__main__":
    main()

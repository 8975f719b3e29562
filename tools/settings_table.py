"""Writes README's table of settings from the variables in .env.example and the comments above them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
README: Final = ROOT / "README.md"
_BEGIN: Final = "<!-- settings: made by tools/settings_table.py -->\n"
_END: Final = "<!-- /settings -->\n"


def table() -> str:
    """Makes a row for each variable: its name, its example value, and its comment."""
    rows, comment = ["| variable | example | what it is |", "|---|---|---|"], []
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"([A-Z][A-Z0-9_]*)=(.*)", line):
            value = f"`{found[2]}`" if found[2] else ""
            rows.append(f"| `{found[1]}` | {value} | {' '.join(comment)} |")
            comment = []
        elif line.startswith("# ") and not line.startswith("# ==") and not line.startswith("#   "):
            comment.append(line.removeprefix("# ").replace("|", "\\|"))
        else:
            comment = []
    return "\n".join(rows) + "\n"


def main() -> None:
    """Rewrites README.md; with --check it only compares, and exits with 1 if README.md is out of date."""
    before = README.read_text(encoding="utf-8")
    head, _, rest = before.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    after = head + _BEGIN + table() + _END + tail
    if "--check" in sys.argv:
        if after != before:
            raise SystemExit("README.md's settings are out of date: run `make openapi`")
        return
    README.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()

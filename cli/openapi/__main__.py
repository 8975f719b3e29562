"""`make openapi`: writes the document for its readers and the one that is served."""

from __future__ import annotations

import sys
from pathlib import Path

from cli.openapi.document import ROOT, files


def main() -> None:
    """Writes the files. With --check only says which are stale, and exits with 1 if any is."""
    if "--check" in sys.argv:
        stale = [str(file.relative_to(ROOT)) for file, text in files().items() if _content(file) != text]
        if stale:
            raise SystemExit(f"stale, run `make openapi`: {', '.join(stale)}")
        return
    for file, text in files().items():
        file.write_text(text, encoding="utf-8")


def _content(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


if __name__ == "__main__":
    main()

"""`make openapi`: writes the document for its readers and the one that is served."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from cli.openapi.document import ROOT, files


def main() -> None:
    """Writes the files. With --check only says which are stale, and exits with 1 if any is."""
    documents = files()
    if "--check" not in sys.argv:
        for file, text in documents.items():
            file.write_text(text, encoding="utf-8")
    elif names := [str(file.relative_to(ROOT)) for file in stale(documents)]:
        raise SystemExit(f"stale, run `make openapi`: {', '.join(names)}")


def stale(documents: Mapping[Path, str]) -> list[Path]:
    """Returns the files that don't exist, or hold another text."""
    return [file for file, text in documents.items() if not file.exists() or file.read_text(encoding="utf-8") != text]


if __name__ == "__main__":
    main()

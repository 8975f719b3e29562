"""`make recording`: runs the demo, and writes what it printed, when, as an SVG that plays in a browser.

It is one picture without a script, so that GitHub shows it in a README: each line appears by an animation of CSS. Where
nothing is animated, by choice or for want of it, all lines are there from the beginning.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

ROOT: Final = Path(__file__).parents[1]
RECORDING: Final = ROOT / "docs/images/demo.svg"
COLUMNS: Final = 108
_CHARACTER, _LINE, _MARGIN = 8, 19, 16
_SHOWN_SECONDS: Final = 8
"""For how long all of it stays before it begins anew."""
_LONGEST_PAUSE: Final = 2
"""A longer one, such as the start on a busy machine, is shortened to this many seconds."""
_COLOURS: Final = {"PENDING": "#d29922", "GENERATING": "#58a6ff", "UPLOADING": "#bc8cff", "COMPLETED": "#3fb950"}


@dataclass(frozen=True, slots=True)
class Line:
    """What was printed, and how many seconds after the start of the recording."""

    at: float
    text: str


def record(command: list[str]) -> list[Line]:
    """Runs the command to its end; one that fails is no recording."""
    lines: list[Line] = []
    at, before = 0.0, time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            now = time.monotonic()
            at, before = at + min(now - before, _LONGEST_PAUSE), now
            lines.append(Line(at, text.rstrip("\n")))
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return lines


def drawing(prompt: str, lines: list[Line]) -> str:
    """Draws a terminal with the prompt, and every line at its time."""
    seconds = lines[-1].at + _SHOWN_SECONDS
    width = COLUMNS * _CHARACTER + 2 * _MARGIN
    height = (len(lines) + 1) * _LINE + 2 * _MARGIN
    steps = sorted({round(line.at / seconds * 100, 2) for line in lines})
    styles = [
        f"@keyframes k{number}{{0%{{opacity:0}}{step}%{{opacity:1}}}}.k{number}{{animation-name:k{number}}}"
        for number, step in enumerate(steps)
    ]
    rows = [_row(0, f"$ {prompt}", "prompt")]
    for number, line in enumerate(lines, start=1):
        if line.text:
            rows.append(_row(number, line.text, f"line k{steps.index(round(line.at / seconds * 100, 2))}"))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
            f"<title>{escape(prompt)}</title>",
            "<style>",
            "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#c9d1d9;white-space:pre}",
            ".prompt{fill:#fff;font-weight:bold}",
            f"@media not (prefers-reduced-motion:reduce){{.line{{animation:{seconds:.1f}s step-end infinite}}",
            *styles,
            "}",
            "</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _row(number: int, text: str, kind: str) -> str:
    top = _MARGIN + (number + 1) * _LINE - 5
    coloured = re.sub(
        r"\b(PENDING|GENERATING|UPLOADING|COMPLETED)\b",
        lambda found: f'<tspan fill="{_COLOURS[found[0]]}">{found[0]}</tspan>',
        escape(text),
    )
    return f'<text class="{kind}" x="{_MARGIN}" y="{top}" xml:space="preserve">{coloured}</text>'


def main() -> None:
    lines = record([sys.executable, "-m", "local.demo"])
    RECORDING.write_text(drawing("make demo", lines), encoding="utf-8")
    print(f"wrote {RECORDING.relative_to(ROOT)}: {len(lines)} lines in {lines[-1].at:.1f} s")


if __name__ == "__main__":
    main()

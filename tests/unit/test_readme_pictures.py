"""README's pictures: the journey is a diagram that mermaid can parse, the recording an SVG of the demo."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from local.demo import PROMPT
from local.demo_recording import COLUMNS, RECORDING, Line, drawing, record

ROOT = Path(__file__).parents[2]
READMES = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
PARTICIPANT = re.compile(r"participant (\w+) as [^;#]+")
ARROW = re.compile(r"(\w+)(-->>|->>)(\w+): [^;#]+")
SVG = "{http://www.w3.org/2000/svg}"


def diagram(text: str) -> list[str]:
    blocks = re.findall(r"^```mermaid\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return [line.strip() for line in blocks[0].splitlines()]


def faults(lines: list[str]) -> list[str]:
    """The lines that mermaid's grammar for a sequence diagram, as far as it is used here, has no place for."""
    wrong, known, blocks = [], set[str](), 0
    if lines[0] != "sequenceDiagram":
        wrong.append(lines[0])
    for line in lines[1:]:
        if declared := PARTICIPANT.fullmatch(line):
            known.add(declared[1])
        elif line.startswith("alt "):
            blocks += 1
        elif line == "end":
            blocks -= 1
        elif not (blocks and line.startswith("else ")):
            arrow = ARROW.fullmatch(line)
            if not (arrow and {arrow[1], arrow[3]} <= known):
                wrong.append(line)
        if blocks < 0:
            wrong.append(line)
    return wrong if blocks == 0 else [*wrong, "an alt without its end"]


def moves(lines: list[str]) -> list[tuple[str, ...]]:
    """Who talks to whom, without the words."""
    return [found.groups() for line in lines if (found := ARROW.fullmatch(line))]


@pytest.mark.parametrize("text", READMES, ids=["english", "chinese"])
def test_the_journey_is_a_diagram_that_mermaid_parses(text: str) -> None:
    assert faults(diagram(text)) == []


def test_both_readmes_draw_the_same_journey() -> None:
    english, chinese = (moves(diagram(text)) for text in READMES)

    assert len(english) > 8
    assert chinese == english


def test_what_mermaid_would_not_parse_is_named() -> None:
    good = ["sequenceDiagram", "participant A as One", "alt this", "A->>A: that", "end"]

    assert faults(good) == []
    assert faults(good[:-1]) == ["an alt without its end"]
    assert faults([*good, "end"])
    assert faults([*good, "A->>B: to nobody"]) == ["A->>B: to nobody"]
    assert faults([*good, "A->>A: one; two"]) == ["A->>A: one; two"]
    assert faults([*good, "else that"]) == ["else that"]


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


def test_a_drawing_has_every_line_in_its_order_whatever_it_holds() -> None:
    lines = [Line(0.5, "<b> & co"), Line(0.5, ""), Line(2.0, "  PENDING   30 credits")]
    svg = drawing("make demo", lines)

    assert texts(svg) == ["$ make demo", "<b> & co", "  PENDING   30 credits"]
    heights = [float(text.attrib["y"]) for text in ET.fromstring(svg).iter(f"{SVG}text")]
    assert all(above < below for above, below in pairwise(heights))
    shares = [float(share) for share in re.findall(r"\}([\d.]+)%\{opacity:1\}", svg)]
    assert shares == [5.0, 20.0]


def test_a_recording_has_what_was_printed_and_a_failure_is_none() -> None:
    printed = record([sys.executable, "-c", "print('one'); print(); print('two ')"])

    assert [line.text for line in printed] == ["one", "", "two "]
    with pytest.raises(SystemExit, match="ended with 3"):
        record([sys.executable, "-c", "raise SystemExit(3)"])


def test_the_recording_in_the_repository_shows_the_demo_from_its_start_to_its_end() -> None:
    svg = RECORDING.read_text(encoding="utf-8")
    shown = texts(svg)

    assert shown[0] == "$ make demo"
    assert any(PROMPT in line for line in shown)
    for words in ("PENDING", "GENERATING", "UPLOADING", "COMPLETED", "SHA-256", "VIDEO_CONSUME"):
        assert any(words in line for line in shown), words
    assert max(map(len, shown)) <= COLUMNS
    assert len(svg) < 50_000
    assert "<script" not in svg


@pytest.mark.parametrize("text", READMES, ids=["english", "chinese"])
def test_the_price_is_that_of_the_page_about_cost(text: str) -> None:
    [total] = re.findall(
        r"^\| \*\*all of it\*\* \| \*\*([\d.]+)\*\*", (ROOT / "docs/cost.md").read_text(), re.MULTILINE
    )

    assert f"${total} " in text or f"{total} 美元" in text

"""`make cost`: the cost of 1,000 videos, largest part first; ARGS="--video-mb 50 --per-month 100000".

`--before template.yaml`, another version of the template, adds a line that compares its alarms with ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from benchmarks import cost_prices
from benchmarks.cost_parts import TEMPLATE, Part, parts, watched
from benchmarks.cost_workload import Workload


def main(arguments: Sequence[str] | None = None) -> None:
    work, before = _workload(arguments)
    for line in report(work):
        print(line)
    if before:
        print(f"\nalarms before: {_alarms(before)}\nalarms now:    {_alarms(TEMPLATE)}")


def _alarms(template: Path) -> str:
    alarms, series = watched(template)
    return f"${series * cost_prices.ALARM.dollars:.2f} a month, {alarms} alarms over {series} series"


def report(work: Workload) -> Iterator[str]:
    """Yields a Markdown table, which docs/cost.md contains."""
    found = parts(work)
    whole = sum(part.dollars for part in found)
    yield f"| for 1,000 videos of {work.video_mb:g} MB, {work.per_month:,.0f} a month | dollars | share | of what |"
    yield "|---|--:|--:|---|"
    yield from (_line(part, whole) for part in found)
    yield f"| **all of it** | **{whole:.2f}** | | list prices of {cost_prices.DATE}, {cost_prices.REGION} |"


def _line(part: Part, whole: float) -> str:
    return f"| {part.name} | {part.dollars:.3f} | {part.dollars / whole:.0%} | {part.how} |"


def _workload(arguments: Sequence[str] | None) -> tuple[Workload, Path | None]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    for field in fields(Workload):
        name, default = f"--{field.name.replace('_', '-')}", field.default
        if isinstance(default, bool):
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, type=type(default) if isinstance(default, int) else float, default=default)
    parser.add_argument("--before", type=Path, help="another template.yaml, whose alarms are compared with ours")
    given = vars(parser.parse_args(arguments))
    before = given.pop("before")
    work = Workload(**given)
    if min(work.per_month, work.mirror_mb_per_second, work.video_mb) <= 0:
        parser.error("sizes, rates and numbers of videos must be greater than 0")
    return work, before


if __name__ == "__main__":
    main()

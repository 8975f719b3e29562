"""`make cost`: the cost of 1,000 videos, largest part first; ARGS="--video-mb 50 --per-month 100000"."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import fields

from benchmarks import cost_prices
from benchmarks.cost_parts import Part, parts
from benchmarks.cost_workload import Workload


def main(arguments: Sequence[str] | None = None) -> None:
    work = _workload(arguments)
    for line in report(work):
        print(line)


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


def _workload(arguments: Sequence[str] | None) -> Workload:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    for field in fields(Workload):
        name, default = f"--{field.name.replace('_', '-')}", field.default
        if isinstance(default, bool):
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, type=type(default) if isinstance(default, int) else float, default=default)
    work = Workload(**vars(parser.parse_args(arguments)))
    if min(work.per_month, work.mirror_mb_per_second, work.video_mb) <= 0:
        parser.error("sizes, rates and numbers of videos must be greater than 0")
    return work


if __name__ == "__main__":
    main()

"""Compares the mirror with other tools: wall time, CPU, memory and time to the first byte, over TLS.

The tools run in turns on one processor, the servers on another, and medians are printed. `server.c` is source and
bucket, `limit.c` the lower limit. It needs two processors, curl, a C compiler with OpenSSL's headers, and root for a
share of a CPU.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.mirror import ends, measure, tools
from benchmarks.mirror.ends import Ends, Network
from benchmarks.mirror.measure import FailedError, Run
from benchmarks.mirror.tools import AWS_CONFIG, OURS, WARM, Tool

MB: Final = 1_000_000
PARTS: Final = ("free", "slow", "share", "memory", "md5")
SIZES: Final = (5, 20, 50, 500)
MEMORY_SIZES: Final = (50, 2_000)
FREE: Final = Network(name="the network free")
SLOW: Final = Network(
    name="40 MB/s for each connection, 120 ms for each answer of the bucket", rate=40 * MB, latency=120
)
SMALL_LAMBDA_MB: Final = 512
SHARE: Final = 0.29
"""The share of a CPU that a Lambda of 512 MB has."""
_HEAD: Final = "| {} | wall s | min-max | CPU s/GB | peak MB | first byte ms | bodies | ours ÷ it | ours, warm ÷ it |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-mirror", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, in turn (default %(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="MB", help="default 5 20 50 500")
    parser.add_argument(
        "--peers", type=Path, default=Path(".tools/peers/bin"), help="the folder of the other tools' programs"
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="default: all")
    parser.add_argument("--tools", nargs="+", metavar="NAME", help="the beginnings of the names of those to compare")
    chosen = parser.parse_args()
    wanted = chosen.only or PARTS
    field = tools.all_of_them(chosen.peers)
    if chosen.tools:
        field = [one for one in field if one.name == OURS or one.name.startswith(tuple(chosen.tools))]
    print(f"Python {platform.python_version()}, {platform.machine()}; medians of {chosen.rounds}, in turn", flush=True)
    with tempfile.TemporaryDirectory(prefix="clipferry-bench-") as name:
        folder = Path(name)
        ends.build(folder)
        (folder / "aws-config").write_text(AWS_CONFIG)
        (folder / "rclone.conf").touch()
        for kind, network, share in (("free", FREE, None), ("slow", SLOW, None), ("share", FREE, SHARE)):
            if kind in wanted:
                _condition(folder, field, chosen.sizes, chosen.rounds, network=network, share=share)
        if "md5" in wanted:
            ours = [next(one for one in field if one.name == OURS), tools.checked_by_the_bucket()]
            _condition(folder, ours, [SIZES[-1]], chosen.rounds, network=FREE, share=None)
        if "memory" in wanted:
            _memory(folder, field)


def _condition(
    folder: Path, field: list[Tool], sizes: list[int], rounds: int, *, network: Network, share: float | None
) -> None:
    title = network.name if share is None else f"{network.name}, {share} of a CPU (a Lambda of {SMALL_LAMBDA_MB} MB)"
    try:
        for size in sizes:
            with ends.serving(folder, network) as both, measure.share_of_a_cpu(share) as group:
                found = _compare(both, field, size * MB, rounds, group=group, share=share)
            print(f"\n### {size} MB, {title}\n", flush=True)
            for line in _table(size * MB, found):
                print(line, flush=True)
    except PermissionError as error:
        print(f"\n### {title}\n\nnot measured: {error}", flush=True)


def _compare(
    both: Ends, field: list[Tool], size: int, rounds: int, *, group: str, share: float | None
) -> dict[str, list[Run]]:
    """Runs one round that isn't counted, to load each program into memory; then the others, in rotation."""
    memory = SMALL_LAMBDA_MB if share else None
    found: dict[str, list[Run]] = {one.name: [] for one in field} | {WARM: []}
    warm = measure.Warm(both, group, memory)
    try:
        for number in range(-1, rounds):
            turn = number % len(field)
            for one in [*field[turn:], *field[:turn]]:
                key = f"round-{number + 1}-{field.index(one)}.mp4"
                command = one.command(both, size, key)
                run = measure.cold(command, ends=both, group=group, key=key, size=size, memory_mb=memory)
                found[one.name] += [run] if number >= 0 else []
            run = warm.run(size, f"round-{number + 1}-warm.mp4")
            found[WARM] += [run] if number >= 0 else []
    finally:
        warm.close()
    return found


def _table(size: int, found: dict[str, list[Run]]) -> Iterator[str]:
    yield _HEAD.format(f"{size // MB} MB")
    yield "|---" + "|--:" * 8 + "|"
    ours, warm = (_median(found[name], "wall") for name in (OURS, WARM))
    for name, runs in found.items():
        wall, cpu, peak, first = (_median(runs, what) for what in ("wall", "cpu", "peak", "first_byte"))
        walls = sorted(run.wall for run in runs)
        cells = [
            f"{wall:.3f}",
            f"{walls[0]:.2f}-{walls[-1]:.2f}",
            f"{cpu / size * 1e9:.2f}",
            f"{peak / MB:.0f}",
            f"{first * 1000:.0f}",
            f"{statistics.median(run.parts for run in runs):.0f}",
            f"{ours / wall:.2f}",
            f"{warm / wall:.2f}",
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def _memory(folder: Path, field: list[Tool]) -> None:
    """Prints the peak memory with one worker and with all; the warm process reads the film's metadata, too."""
    ours = next(one for one in field if one.name == OURS)
    print("\n### Peak memory of ours\n\n| network | MB | cold, peak MB | wall s | warm, peak MB |", flush=True)
    print("|---|--:|--:|--:|--:|", flush=True)
    for network in (FREE, Network(name="40 MB/s for each connection", rate=40 * MB)):
        for size in MEMORY_SIZES:
            with ends.serving(folder, network) as both:
                key, count = "memory.mp4", size * MB
                command = ours.command(both, count, key)
                run = measure.cold(command, ends=both, group="-", key=key, size=count, memory_mb=None)
                warm = measure.Warm(both, "-", None)
                peak = max(warm.run(count, f"warm-{turn}.mp4").peak for turn in range(2))
                warm.close()
            print(f"| {network.name} | {size} | {run.peak / MB:.0f} | {run.wall:.1f} | {peak / MB:.0f} |", flush=True)


def _median(runs: list[Run], what: str) -> float:
    return statistics.median(getattr(run, what) for run in runs)


if __name__ == "__main__":
    try:
        main()
    except (FailedError, FileNotFoundError, subprocess.CalledProcessError) as failure:
        sys.exit(f"bench-mirror: {failure}")

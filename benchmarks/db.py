"""`make bench-db`: the cost of each operation with a million videos and three million ledger rows, and its query plans.

Prints the median and p99 of each operation, near the database and 20 ms away, beside a bare implementation; then every
plan, then the checks. Exit status 1 when a check of plans or round trips fails; times are printed but never fail.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks import checks, dataset, growth, report
from benchmarks.bare import Bare, bare_index
from benchmarks.dataset import Size
from benchmarks.latency_proxy import latency_proxy
from benchmarks.plans import ExplainingDatabase
from benchmarks.product import Product
from benchmarks.report import Measured
from benchmarks.rounds import PlanBook, ReadTargets, Stopwatch, bare_round, product_round
from clipferry.db import schema
from clipferry.db.connection import Database
from local.logs import quiet_logs
from local.postgres import embedded_postgres

MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"
AWAY: Final = 0.020
"""Seconds of a round trip to a database in another region of the same continent."""
WARM_UP: Final = 10
STATEMENT_TIMEOUT_SECONDS: Final = 600


def main() -> int:
    arguments = _arguments()
    size = Size.scaled(arguments.scale)
    with nullcontext(arguments.url) if arguments.url else embedded_postgres() as url:
        print(f"making {size.videos:,} videos: a million take five minutes", file=sys.stderr)
        began = time.perf_counter()
        schema.bring_up_to_date(url, MIGRATIONS)
        dataset.fill(url, size)
        for line in _heading(url, size, time.perf_counter() - began):
            print(line, flush=True)
        return _measure_and_print(url, size, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.db", description=__doc__)
    parser.add_argument("--scale", type=float, default=1, help="1 is a million videos; 0.01 takes half a minute")
    parser.add_argument("--url", help="an empty scratch database, instead of the embedded PostgreSQL")
    parser.add_argument("--rounds", type=int, default=300, help="how often each operation is measured near")
    parser.add_argument("--rounds-away", type=int, default=20, help="and how often from 20 ms away")
    return parser.parse_args()


def _heading(url: str, size: Size, seconds: float) -> Iterator[str]:
    with psycopg.connect(url) as connection:
        fsync = connection.execute("show fsync").fetchone() == ("on",)
        yield (
            f"PostgreSQL {connection.info.server_version // 10000}, TCP without TLS, psycopg {psycopg.__version__}, "
            f"Python {platform.python_version()}, {os.cpu_count()} CPUs for server and client"
        )
    yield (
        f"{size.videos:,} videos of {size.users:,} users, {size.ledger:,} ledger rows, {size.packages * size.users:,} "
        f"packages, {size.videos:,} holds and jobs; {size.in_flight:,} in flight; made in {seconds:.0f} s"
    )
    if not fsync:
        yield "fsync is off: no commit waits for a disk; in production each operation that writes waits for one flush"
    yield ""


def _measure_and_print(url: str, size: Size, arguments: argparse.Namespace) -> int:
    with quiet_logs():
        targets = ReadTargets.find(url, size)
        with bare_index(url):
            measured = _measure(url, targets, arguments)
        balances = growth.measure_growth(
            url, user=size.users + 1, more_rows=max(1000, int(100_000 * arguments.scale)), rounds=arguments.rounds
        )
        book = _explain(url, targets)
        breaches, verify_seconds = _verify(url)
    for line in report.times(measured, targets.page):
        print(line)
    print(f"verify, once: {verify_seconds:.1f} s, {breaches} breaches\n")
    for line in report.plans(book):
        print(line)
    print(f"\n{report.deep_page(measured, targets.page)}\n{report.growth(*balances)}")
    return _print_checks(checks.faults(book, measured.far.trips, balances, breaches))


def _measure(url: str, targets: ReadTargets, arguments: argparse.Namespace) -> Measured:
    near, bare_near = Stopwatch(), Stopwatch()
    _run_rounds(url, targets, Stopwatch(), Stopwatch(), range(WARM_UP))
    _run_rounds(url, targets, near, bare_near, range(WARM_UP, WARM_UP + arguments.rounds))
    with _away(url) as (far_url, trips_so_far):
        far, bare_far = Stopwatch(trips_so_far), Stopwatch(trips_so_far)
        _run_rounds(far_url, targets, far, bare_far, range(arguments.rounds_away))
    return Measured(near=near, far=far, bare_near=bare_near, bare_far=bare_far)


def _run_rounds(url: str, targets: ReadTargets, watch: Stopwatch, bare_watch: Stopwatch, numbers: range) -> None:
    """Runs both implementations in turns, so that other load on the machine affects both."""
    with closing(Database(url)) as database, closing(Bare(url)) as bare:
        database.connect()
        for number in numbers:
            product_round(Product(database), targets, number, watch.measure)
            bare_round(bare, targets, number, bare_watch.measure)


@contextmanager
def _away(url: str) -> Iterator[tuple[str, Callable[[], int]]]:
    server = conninfo_to_dict(url)
    with latency_proxy(str(server["host"]), int(server.get("port") or 5432), round_trip=AWAY) as (proxy, port):
        yield make_conninfo(url, hostaddr="127.0.0.1", port=port), lambda: proxy.round_trips


def _explain(url: str, targets: ReadTargets) -> PlanBook:
    with closing(ExplainingDatabase(url)) as database:
        book = PlanBook(database)
        product_round(Product(database), targets, 1, book.measure)
        return book


def _verify(url: str) -> tuple[int, float]:
    with closing(Database(url, statement_timeout=STATEMENT_TIMEOUT_SECONDS)) as database:
        began = time.perf_counter()
        return Product(database).verify(), time.perf_counter() - began


def _print_checks(results: Iterable[tuple[str, list[str]]]) -> int:
    failed = False
    for check, found in results:
        print(f"{'FAILED' if found else 'ok':8}{check}")
        for fault in found:
            print(f"        {fault}")
        failed = failed or bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

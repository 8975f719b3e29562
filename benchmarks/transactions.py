"""What a transaction of three statements costs: as one message, over libpq by hand, by psycopg's pipeline.

`python -m benchmarks.transactions` prints medians of rounds in which the ways take turns, on an embedded PostgreSQL
without TLS. CPU is the client's. A transaction is BEGIN, the time-outs, a row read, one written, one read, COMMIT.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, LiteralString

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.rows import dict_row

from clipferry.db.connection import Database
from local.postgres import embedded_postgres

REPEATS: Final = 100
"""Transactions of one way before it is another's turn."""

_TABLES: Final = """
create table person (id text primary key, email text not null);
insert into person values ('ann', 'ann@example.com');
create unlogged table note (uuid text, prompt text, number integer, at timestamptz);
"""
_TIMEOUTS: Final = "select set_config('statement_timeout', '10s', true), set_config('lock_timeout', '8s', true)"
_SIGN_IN: Final = """
select id, email, set_config('clipferry.user_id', id, true) as setting from person where id = %(user_id)s
"""
_WRITE: Final = "insert into note values (%(uuid)s, %(prompt)s, %(number)s, now())"
_READ: Final = """
select id, email from person where id = current_setting('clipferry.user_id', true) and %(filter)s::text is null
limit %(limit)s
"""
_STATEMENTS: Final[list[tuple[LiteralString, dict[str, Any]]]] = [
    (_SIGN_IN, {"user_id": "ann"}),
    (_WRITE, {"uuid": "0198c2f4-0000-7000-8000-000000000001", "prompt": "It's a ferry at dawn", "number": 12}),
    (_READ, {"filter": None, "limit": 5}),
]
_EXPECTED: Final = (
    {"id": "ann", "email": "ann@example.com", "setting": "ann"},
    {"id": "ann", "email": "ann@example.com"},
)


class OneMessage:
    """The product's own way."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    def run(self) -> tuple[Any, Any]:
        with self._database.transaction() as tx:
            signed_in = tx.query_dicts(*_STATEMENTS[0])
            tx.execute(*_STATEMENTS[1])
            read = tx.query_dicts(*_STATEMENTS[2])
        return signed_in.first(), read.first()


class PsycopgPipeline:
    """As psycopg's documentation has it."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, prepare_threshold=None, row_factory=dict_row)

    def run(self) -> tuple[Any, Any]:
        with self._connection.pipeline():
            self._connection.execute("begin")
            self._connection.execute(_TIMEOUTS)
            signed_in, _, read = [self._connection.execute(*statement) for statement in _STATEMENTS]
            self._connection.execute("commit")
        return signed_in.fetchone(), read.fetchone()


class BareLibpq:
    """A pipeline with nothing around it, not even errors: what the product had until November 2026 began with this."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._transformer = Transformer(self._connection)
        self._numbered = [(_number(sql, parameters), [*parameters.values()]) for sql, parameters in _STATEMENTS]

    def run(self) -> tuple[Any, Any]:
        libpq, transformer = self._connection.pgconn, self._transformer
        libpq.enter_pipeline_mode()
        libpq.send_query_params(b"begin", None)
        libpq.send_query_params(_TIMEOUTS.encode(), None)
        for text, values in self._numbered:
            dumped = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
            libpq.send_query_params(text, dumped, transformer.types, transformer.formats)
        libpq.send_query_params(b"commit", None)
        libpq.pipeline_sync()
        results = []
        while (result := libpq.get_result()) is None or result.status != ExecStatus.PIPELINE_SYNC:
            results += [result] if result else []
        libpq.exit_pipeline_mode()
        return self._row(results[2]), self._row(results[4])

    def _row(self, result: Any) -> dict[str, Any]:
        names = [result.fname(column).decode() for column in range(result.nfields)]
        self._transformer.set_pgresult(result)
        return self._transformer.load_row(0, lambda values: dict(zip(names, values, strict=True)))


def _number(sql: str, parameters: dict[str, Any]) -> bytes:
    for number, name in enumerate(parameters, 1):
        sql = sql.replace(f"%({name})s", f"${number}")
    return sql.encode()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transactions", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help=f"of {REPEATS} transactions of each way")
    arguments = parser.parse_args()
    with embedded_postgres() as url:
        with psycopg.connect(url) as connection:
            connection.execute(_TABLES)
        ways = {
            "one message (Clipferry)": OneMessage(url).run,
            "a bare pipeline over libpq": BareLibpq(url).run,
            "psycopg's pipeline": PsycopgPipeline(url).run,
        }
        print(
            f"psycopg {psycopg.__version__}, Python {platform.python_version()}, {os.cpu_count()} CPUs; µs, medians\n"
        )
        print("| way | CPU | wall |\n|---|---|---|")
        for way, (cpu, wall) in _measure(ways, arguments.rounds).items():
            print(f"| {way} | {cpu:.0f} | {wall:.0f} |")


def _measure(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, tuple[float, float]]:
    for way, run in ways.items():
        assert run() == _EXPECTED, way
    cpu, wall = ({way: list[float]() for way in ways} for _ in range(2))
    for _ in range(rounds):
        for way, run in ways.items():
            cpu_began, began = time.process_time(), time.perf_counter()
            for _ in range(REPEATS):
                run()
            cpu[way].append((time.process_time() - cpu_began) / REPEATS)
            wall[way].append((time.perf_counter() - began) / REPEATS)
    return {way: (statistics.median(cpu[way]) * 1e6, statistics.median(wall[way]) * 1e6) for way in ways}


if __name__ == "__main__":
    main()

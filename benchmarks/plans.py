"""Query plans of the product's own statements: a database that explains each statement before it runs it."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, LiteralString, TypeVar

import clipferry.db
from clipferry.db.connection import Database, Rows, Transaction

Row = TypeVar("Row")

_TIMES_RUN: Final = 2
"""Each statement runs once to be explained, and once for its result."""

_EXPLAIN: Final = "explain (analyze, buffers off, costs off, timing off, format json) "

# Covers the whole transaction, with functions and foreign keys, which a plan doesn't show.
_SCANS: Final = """
select schemaname || '.' || relname as name, seq_tup_read as rows from pg_stat_xact_user_tables where seq_tup_read > 0
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of one statement. `root` is EXPLAIN's tree."""

    statement: str
    """The name of its constant: `create_video._CREATE`."""
    root: Mapping[str, Any]

    @property
    def nodes(self) -> list[Mapping[str, Any]]:
        return list(_walk(self.root))

    @property
    def rows_read(self) -> int:
        """Rows that were read from tables, including those that a filter then removed."""
        return sum(_rows_read(node) for node in self.nodes if _is_scan(node))

    @property
    def outline(self) -> str:
        """Lists each access to a table or an index once, then the other kinds of nodes."""
        accesses = [_access(node) for node in self.nodes if "Relation Name" in node or "Index Name" in node]
        others = [node["Node Type"] for node in self.nodes if not ("Relation Name" in node or "Index Name" in node)]
        return "; ".join((*dict.fromkeys(accesses), *dict.fromkeys(others)))


class ExplainingDatabase(Database):
    """A database that first runs each statement under EXPLAIN, in a savepoint that is rolled back."""

    def __init__(self, url: str, *, statement_timeout: int = 300) -> None:
        super().__init__(url, statement_timeout=statement_timeout)
        self.reset()

    def reset(self) -> None:
        """Starts new collections; those that a caller has taken stay as they are."""
        self.plans: list[Plan] = []
        self.rows_scanned: Counter[str] = Counter()
        """Rows read by full scans, by table, of everything that ran: statements, functions, foreign keys."""

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with super().transaction() as tx:
            before = _rows_scanned(tx)
            yield _ExplainingTransaction(tx, self.plans)
            after = _rows_scanned(tx)
            self.rows_scanned += Counter({table: (after[table] - before[table]) // _TIMES_RUN for table in after})


class _ExplainingTransaction(Transaction):
    def __init__(self, inner: Transaction, plans: list[Plan]) -> None:
        self._inner = inner
        self._plans = plans

    def query(self, sql: LiteralString, parameters: Mapping[str, Any], row: type[Row]) -> Rows[Row]:
        self._explain(sql, parameters)
        return self._inner.query(sql, parameters, row)

    def query_dicts(self, sql: LiteralString, parameters: Mapping[str, Any]) -> Rows[dict[str, Any]]:
        self._explain(sql, parameters)
        return self._inner.query_dicts(sql, parameters)

    def execute(self, sql: LiteralString, parameters: Mapping[str, Any]) -> None:
        self._explain(sql, parameters)
        self._inner.execute(sql, parameters)

    def announce(self, written: Rows[dict[str, Any]]) -> None:
        self._inner.announce(written)

    def _explain(self, sql: LiteralString, parameters: Mapping[str, Any]) -> None:
        self._inner.execute("savepoint explained", {})
        (explained,) = self._inner.query_dicts(_EXPLAIN + sql, parameters).all()
        self._inner.execute("rollback to savepoint explained", {})
        self._inner.execute("release savepoint explained", {})  # else rows have the number of a subtransaction
        self._plans.append(Plan(_statement_names().get(sql, "?"), explained["QUERY PLAN"][0]["Plan"]))


def _rows_scanned(tx: Transaction) -> Counter[str]:
    return Counter({row["name"]: row["rows"] for row in tx.query_dicts(_SCANS, {}).all()})


@cache
def _statement_names() -> dict[str, str]:
    modules = [importlib.import_module(f"clipferry.db.{m.name}") for m in pkgutil.iter_modules(clipferry.db.__path__)]
    return {
        value: f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in reversed(modules)  # where two modules have the same statement, the first one's name counts
        for name, value in vars(module).items()
        if isinstance(value, str) and name.startswith("_") and name.isupper()
    }


def _walk(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


def _is_scan(node: Mapping[str, Any]) -> bool:
    return "Relation Name" in node and node["Node Type"].endswith("Scan")


def _rows_read(node: Mapping[str, Any]) -> int:
    dropped = sum(node[kind] for kind in node if kind.startswith("Rows Removed by"))
    return round((node["Actual Rows"] + dropped) * node["Actual Loops"])


def _access(node: Mapping[str, Any]) -> str:
    kind = node.get("Operation", node["Node Type"]).replace(" Scan", "")
    return f"{kind} {node.get('Index Name', node.get('Relation Name'))}"

"""A process whose children die: each does one thing to the books and is killed by SIGKILL after a statement of it.

Reads a JSON object a line, `{"operation": "settle", "uuid": …, "fence": …, "dies_after": 3, "answered": true}`, forks a
child that does it, and writes how the child ended: -9, or 0 when the operation was over before its death.
`dies_after` is the number of a statement, or "submit": the provider has been asked. With `answered` the statements were
run by the server before the death; without, they have left the process, and nobody knows how far they came.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from clipferry.db.connection import Database
from clipferry.db.transaction import Transaction
from clipferry.errors import ProviderRefusedError
from clipferry.models import Order, Submission
from clipferry.usecases.create_video import create_video
from clipferry.verdicts import FailureCode
from tests import books, journeys
from tests.scripted_provider import ScriptedProvider, sign_callback


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_after(statement: int, *, answered: bool) -> None:
    """Counts every statement of every transaction, BEGIN and COMMIT included."""
    numbers = itertools.count(1)
    collect = Transaction._collect

    def collect_and_die(tx: Transaction, text: str) -> None:
        collect(tx, text)
        if next(numbers) == statement:
            if answered:
                tx._send()
            else:
                libpq = tx._cursor.connection.pgconn
                libpq.send_query(tx._message())
                libpq.flush()
            _die()

    Transaction._collect = collect_and_die


def _create(database: Database, task: dict[str, Any]) -> None:
    def submit(order: Order) -> Submission:
        if task["dies_after"] == "submit":
            _die()
        if task["operation"] == "refuse":
            raise ProviderRefusedError("no", failure=FailureCode.CONTENT_POLICY.value)
        return Submission(task_id=f"task-{order.video_uuid}")

    create_video(
        journeys.request(10),
        credential=books.credential(),
        idempotency_key="k",
        database=database,
        providers={"evolink": ScriptedProvider(submit=submit)},
        preferred_provider="evolink",
        sign_callback=sign_callback,
        max_concurrent=1,
        polling=journeys.TIMING,
    )


def _refuse(database: Database, task: dict[str, Any]) -> None:
    with suppress(ProviderRefusedError):
        _create(database, task)


def _settle(database: Database, task: dict[str, Any]) -> None:
    assert journeys.complete(database, task["uuid"], fence=task["fence"])


def _release(database: Database, task: dict[str, Any]) -> None:
    assert journeys.fail(database, task["uuid"])


def _reopen(database: Database, task: dict[str, Any]) -> None:
    assert journeys.reopen(database, task["uuid"]) == "REOPENED"


OPERATIONS = {"create": _create, "refuse": _refuse, "settle": _settle, "release": _release, "reopen": _reopen}


def _live_and_die(url: str, task: dict[str, Any]) -> None:
    """In a child. What it logs is nobody's."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if task["dies_after"] != "submit":
        _die_after(task["dies_after"], answered=task["answered"])
    OPERATIONS[task["operation"]](Database(url), task)


def main(url: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live_and_die(url, json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

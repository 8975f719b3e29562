"""`clipferry credits`: an order number is booked once, and nothing is booked without a yes."""

from __future__ import annotations

import pytest

from clipferry.db.connection import Database
from tests import books
from tests.command_line import Clipferry, Ended


def grant(clipferry: Clipferry, user_id: str, amount: int, order_no: str, *others: str) -> Ended:
    return clipferry("credits", "grant", user_id, str(amount), "--order-no", order_no, "--yes", *others)


def test_each_order_number_is_booked_once(clipferry: Clipferry, ann: str) -> None:
    assert grant(clipferry, "ann", 100, "support-1").out == "Granted.\n"
    assert "nothing changed" in grant(clipferry, "ann", 100, "support-1").out
    assert grant(clipferry, "ann", 5, "support-2", "--days", "3").status == 0
    assert clipferry("credits", "gift", "ann", "--yes").out == "Given.\n"
    assert "nothing changed" in clipferry("credits", "gift", "ann", "--yes").out
    refund = ("credits", "refund", "ann", "200", "--order-no", "refund-1", "--yes")
    assert clipferry(*refund).out == "Took 155 of 200 credits.\n"
    assert clipferry(*refund).out.startswith("Took 0 ")

    [balance] = clipferry("credits", "balance", "ann", "--json").json
    assert balance == {"total": 0, "used": 0, "frozen": 0, "available": 0, "expiring_soon": 0}
    history = clipferry("credits", "history", "ann", "--json").json
    assert [(row["trans_type"], row["credits"]) for row in history] == [
        ("REFUND", -155),
        ("NEW_USER", 50),
        ("SYSTEM_ADJUST", 5),
        ("SYSTEM_ADJUST", 100),
    ]
    page = clipferry("credits", "history", "ann", "--limit", "1", "--offset", "2", "--json").json
    assert [row["credits"] for row in page] == [5]
    assert clipferry("verify").status == 0


def test_expire_expires_each_due_package_once(clipferry: Clipferry, database: Database, ann: str) -> None:
    books.lapse(database, books.add_package(database, 10))

    assert clipferry("credits", "expire", "--yes").out == "1 packages expired.\n"
    assert clipferry("credits", "expire", "--yes").out == "0 packages expired.\n"


def test_balance_and_history_are_printed_as_tables(clipferry: Clipferry, database: Database, ann: str) -> None:
    books.add_package(database, 1234)

    assert "1234" in clipferry("credits", "balance", "ann").out
    assert "1234" in clipferry("credits", "history", "ann").out


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_booked_without_a_yes(clipferry: Clipferry, database: Database, ann: str, answer: str) -> None:
    for command in (
        ("grant", "ann", "5", "--order-no", "1"),
        ("gift", "ann"),
        ("refund", "ann", "5", "--order-no", "2"),
    ):
        assert clipferry("credits", *command, answer=answer).status == 1
    assert books.ledger(database) == []
    assert clipferry("credits", "gift", "ann", answer="y\n").status == 0
    assert books.ledger(database) == [("NEW_USER", 50, 50)]


def test_without_a_terminal_it_exits_with_2_and_books_nothing(
    clipferry: Clipferry, database: Database, ann: str
) -> None:
    ended = clipferry("credits", "grant", "ann", "5", "--order-no", "1")

    assert (ended.status, ended.out) == (2, "")
    assert "pass --yes" in ended.err
    assert clipferry("credits", "expire").status == 2
    assert books.ledger(database) == []


def test_json_is_printed_for_every_booking(clipferry: Clipferry, ann: str) -> None:
    assert grant(clipferry, "ann", 5, "order-1", "--json").json == {"granted": True, "order_no": "order-1"}
    assert clipferry("credits", "gift", "ann", "--yes", "--json").json == {"given": True}
    refund = clipferry("credits", "refund", "ann", "7", "--order-no", "refund-1", "--yes", "--json")
    assert refund.json == {"taken": 7, "order_no": "refund-1"}
    assert clipferry("credits", "expire", "--yes", "--json").json == {"packages": 0}


def test_what_is_wrong_with_an_amount_is_said_once(clipferry: Clipferry, ann: str) -> None:
    ended = grant(clipferry, "ann", 100_000_001, "support-1")

    assert (ended.status, ended.err) == (1, "The request is not valid: credits: must be from 1 to 100000000.\n")


def test_an_order_number_of_another_user_is_refused_in_a_sentence(
    clipferry: Clipferry, database: Database, ann: str
) -> None:
    books.add_user(database, "bob")
    grant(clipferry, "bob", 5, "support-1")
    ended = grant(clipferry, "ann", 5, "support-1")

    assert ended.status == 1
    assert "This order number was used for something else." in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "command",
    [
        ["credits", "grant", "nobody", "5", "--order-no", "1", "--yes"],
        ["credits", "refund", "nobody", "5", "--order-no", "1", "--yes"],
        ["credits", "gift", "nobody", "--yes"],
        ["credits", "balance", "nobody"],
        ["credits", "history", "nobody"],
        ["keys", "create", "nobody"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_an_unknown_user_is_named(clipferry: Clipferry, command: list[str]) -> None:
    """A mistyped id must not look like a user without credits."""
    ended = clipferry(*command)

    assert ended.status == 1
    assert "nobody" in ended.err

"""API keys: shown once, stored hashed, recognised, refused once revoked; and when they were last used."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pytest

from clipferry.db.connection import Database
from clipferry.errors import NotFoundError, UnauthorizedError
from clipferry.usecases.manage_keys import create_key, list_keys, revoke_key
from clipferry.usecases.read_credits import get_balance
from tests import books

_USED = "select last_used_at from clipferry.api_keys"


@pytest.fixture(autouse=True)
def _ann(database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 10)


def use(database: Database, key: str) -> int:
    """Returns what the key's user can spend."""
    return get_balance(credential=books.key_credential(key), database=database).available


def last_use(database: Database) -> datetime | None:
    return books.value(database, _USED)


def test_a_key_is_stored_hashed_with_its_beginning(database: Database) -> None:
    books.add_user(database, "root", is_admin=True)
    record, key = create_key(user_id="root", name="server", is_admin=True, database=database)
    [stored] = books.rows(database, "select to_jsonb(k)::text as line, key_sha256 from clipferry.api_keys k")

    assert key.startswith("cf_")
    assert len(key) >= 46
    assert record.prefix == key[:10]
    assert stored["key_sha256"] == hashlib.sha256(key.encode()).digest()
    assert key not in stored["line"]
    assert key[10:] not in stored["line"]
    assert not hasattr(record, "key")


def test_an_unknown_key_is_refused(database: Database) -> None:
    _, key = create_key(user_id="ann", name="server", is_admin=False, database=database)

    for unknown in (key + "x", key[:-1], "", "cf_"):
        with pytest.raises(UnauthorizedError):
            use(database, unknown)
    assert last_use(database) is None


def test_keys_are_listed_of_one_or_of_all(database: Database) -> None:
    books.add_user(database, "bob", is_admin=True)
    first, _ = create_key(user_id="ann", name="first", is_admin=False, database=database)
    second, _ = create_key(user_id="bob", name="second", is_admin=True, database=database)

    assert list_keys(database=database) == [first, second]
    assert list_keys(database=database, user_id="bob") == [second]
    assert list_keys(database=database, user_id="nobody") == []


def test_a_key_needs_a_user(database: Database) -> None:
    with pytest.raises(NotFoundError):
        create_key(user_id="nobody", name="server", is_admin=False, database=database)


def test_the_first_use_is_noted(database: Database) -> None:
    _, key = create_key(user_id="ann", name="server", is_admin=False, database=database)
    assert last_use(database) is None
    use(database, key)

    assert last_use(database) is not None


@pytest.mark.parametrize(("ago", "is_noted"), [("59 minutes", False), ("61 minutes", True)])
def test_later_uses_are_noted_once_an_hour(database: Database, ago: str, is_noted: bool) -> None:
    _, key = create_key(user_id="ann", name="server", is_admin=False, database=database)
    books.execute(database, "update clipferry.api_keys set last_used_at = now() - %(ago)s::interval", ago=ago)
    before = last_use(database)
    use(database, key)

    assert (last_use(database) != before) == is_noted


def test_a_refused_key_is_not_noted(database: Database) -> None:
    record, key = create_key(user_id="ann", name="server", is_admin=False, database=database)
    revoke_key(record.id, database=database)
    with pytest.raises(UnauthorizedError):
        use(database, key)

    assert last_use(database) is None

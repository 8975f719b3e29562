"""Behind PgBouncer in transaction mode: the whole journey, by more clients than there are server connections."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from clipferry.db.connection import Database, Rows, Transaction
from clipferry.errors import ClipferryError, DatabaseBusyError, DatabaseUnavailableError
from clipferry.models import VideoStatus
from clipferry.usecases.move_credits import expire_credits, take_back
from clipferry.usecases.read_credits import get_balance, get_history
from clipferry.usecases.verify_credits import verify_credits
from local.postgres_server import UNPRIVILEGED, free_port
from tests import books, journeys

CLIENTS = 8
SERVER_CONNECTIONS = 2
PATIENCE_SECONDS = 20
CONFIGURATION = """
[databases]
clipferry = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 50
logfile = {folder}/log
"""


def find_pgbouncer() -> str:
    """Debian's lies beside the path of an ordinary user. Continuous integration has to have it."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("pgbouncer is missing: apt-get install pgbouncer")
    if found is None:
        pytest.skip("pgbouncer isn't installed here (apt-get install pgbouncer)")
    return found


@pytest.fixture
def pooler_url(migrated_url: str) -> Iterator[str]:
    program, port = find_pgbouncer(), free_port()
    known = conninfo_to_dict(migrated_url)
    server = " ".join(
        f"{name}={known[name]}" for name in ("host", "port", "dbname", "user", "password") if name in known
    )
    with tempfile.TemporaryDirectory(prefix="clipferry-pgbouncer-") as name:
        folder = Path(name)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            CONFIGURATION.format(server=server, port=port, pool_size=SERVER_CONNECTIONS, folder=folder)
        )
        as_root = os.geteuid() == 0
        if as_root:  # pgbouncer refuses to run as root
            shutil.chown(folder, UNPRIVILEGED)
        process = subprocess.Popen(
            [program, "--quiet", str(configuration)], user=UNPRIVILEGED if as_root else None, cwd=folder
        )
        try:
            url = f"postgresql://anybody@127.0.0.1:{port}/clipferry"
            _wait_for(url, process)
            yield url
        finally:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def pooled(pooler_url: str, database_url: str) -> Iterator[Database]:
    """Through the pooler, to the emptied database."""
    database = Database(pooler_url, statement_timeout=2, lock_timeout=1)
    yield database
    database.close()


def journey(url: str, user_id: str) -> list[str]:
    """From the first package to the ledger, twice around, over one connection."""
    database = Database(url)
    credential = books.add_user(database, user_id)
    ends = []
    for end in (VideoStatus.COMPLETED, VideoStatus.FAILED) * 2:
        lapsing = books.add_package(database, 20, user_id=user_id, days=3)
        uuid = journeys.video_at(database, end, 10, user_id=user_id)
        books.lapse(database, lapsing)
        expire_credits(database=database)
        ends.append(journeys.status_of(database, uuid))
    page = get_history(credential=credential, database=database, limit=50, offset=0, trans_type=None)
    assert len(page.rows) == page.total > 0
    assert get_balance(credential=credential, database=database).frozen == 0
    database.close()
    return ends


def test_the_whole_journey_works_for_more_clients_than_connections(pooled: Database, pooler_url: str) -> None:
    users = [f"user-{number}" for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as threads:
        ends = list(threads.map(lambda user_id: journey(pooler_url, user_id), users))

    assert ends == [["COMPLETED", "FAILED", "COMPLETED", "FAILED"]] * CLIENTS
    assert verify_credits(database=pooled) == []


def test_transaction_is_in_utc_and_leaves_the_servers_time_zone_to_the_next_client(
    pooled: Database, pooler_url: str
) -> None:
    for _ in range(SERVER_CONNECTIONS + 1):
        with pooled.transaction() as tx:
            zone = tx.query_dicts("select current_setting('timezone') as zone", {})
        assert zone.first() == {"zone": "UTC"}
        with psycopg.connect(pooler_url, autocommit=True) as other:
            assert other.execute("show timezone").fetchone() == ("Asia/Shanghai",)


def test_clients_that_come_and_go_in_every_way_leave_the_connections_behind(pooled: Database, pooler_url: str) -> None:
    """Eight at once over two connections: read half-way, refused by the server, given up, cut off."""

    def come_and_go(number: int) -> int:
        done, chance = 0, random.Random(number)
        for _ in range(12):
            client = Database(pooler_url)
            for way in chance.choices(WAYS, k=6):
                with suppress(ClipferryError, RuntimeError):
                    with client.transaction() as tx:
                        row = tx.query_dicts("select %(number)s::int as me, pg_sleep(0.001)", {"number": number})
                        way(tx, row)
                    done += 1
            client.close()
        return done

    with ThreadPoolExecutor(CLIENTS) as threads:
        done = list(threads.map(come_and_go, range(CLIENTS)))

    assert min(done) > 0
    with pooled.transaction() as tx:
        row = tx.query_dicts("select 1 as one", {}).first()
    assert row == {"one": 1}


def _read(tx: Transaction, row: Rows[Any]) -> None:
    assert row.first() is not None


def _leave_unread(tx: Transaction, row: Rows[Any]) -> None:
    tx.execute("select pg_sleep(0.001)", {})


def _be_refused(tx: Transaction, row: Rows[Any]) -> None:
    tx.execute("select 1 / 0", {})


def _give_up(tx: Transaction, row: Rows[Any]) -> None:
    raise RuntimeError


def _be_cut_off(tx: Transaction, row: Rows[Any]) -> None:
    lose_the_server(tx)


WAYS = (_read, _read, _leave_unread, _leave_unread, _be_refused, _give_up, _be_cut_off)


def test_clients_that_stay_connected_share_the_connections(pooled: Database, pooler_url: str) -> None:
    """Nothing is prepared and no setting stays behind, so whose connection it is doesn't matter."""
    clients = [Database(pooler_url) for _ in range(CLIENTS)]
    backends = set()
    for _ in range(3):
        for number, client in enumerate(clients):
            with client.transaction() as tx:
                tx.execute("select set_config('clipferry.user_id', %(user_id)s, true)", {"user_id": f"user-{number}"})
                asked = tx.query_dicts(
                    "select pg_backend_pid() as backend, current_setting('clipferry.user_id') as me", {}
                )
            row = asked.first()
            assert row is not None
            assert row["me"] == f"user-{number}"
            backends.add(row["backend"])
    for client in clients:
        client.close()

    assert len(backends) <= SERVER_CONNECTIONS


def test_time_outs_end_with_their_transaction(pooled: Database, pooler_url: str) -> None:
    with pytest.raises(DatabaseBusyError), pooled.transaction() as tx:
        tx.execute("select pg_sleep(30)", {})
    with psycopg.connect(pooler_url, autocommit=True, prepare_threshold=None) as bare:
        shown = bare.execute(
            "select current_setting('statement_timeout'), current_setting('lock_timeout'), "
            "coalesce(current_setting('clipferry.user_id', true), '')"
        )
        assert shown.fetchone() == ("0", "0", "")


def test_a_lock_that_takes_too_long_is_a_clear_answer(pooled: Database, database_url: str) -> None:
    books.add_user(pooled)
    books.add_package(pooled, 10)
    with psycopg.connect(database_url) as other:
        other.execute("select from public.\"user\" where id = 'ann' for update")
        with pytest.raises(DatabaseBusyError) as busy:
            take_back(user_id="ann", amount=1, order_no="refund_1", database=pooled)

    assert (busy.value.status, busy.value.code, busy.value.retryable) == (503, "DATABASE_BUSY", True)
    assert take_back(user_id="ann", amount=1, order_no="refund_1", database=pooled) == 1


def take_everything(database: Database, then: Callable[[Transaction], None]) -> None:
    with database.transaction() as tx:
        tx.execute("update public.credit_packages set remaining_credits = 0", {})
        then(tx)


def give_up(tx: Transaction) -> None:
    raise RuntimeError


def lose_the_server(tx: Transaction) -> None:
    tx.execute("select pg_terminate_backend(pg_backend_pid())", {})


def test_a_transaction_that_was_left_half_way_leaves_the_connection_clean(pooled: Database) -> None:
    books.add_user(pooled)
    books.add_package(pooled, 10)
    with pytest.raises(RuntimeError):
        take_everything(pooled, give_up)
    with pytest.raises(DatabaseUnavailableError):
        take_everything(pooled, lose_the_server)

    assert books.balance(pooled).available == 10
    assert verify_credits(database=pooled) == []

"""A round runs every operation once, each under its name: the product's first, then the bare ones."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import psycopg

from benchmarks.bare import Bare
from benchmarks.dataset import HEAVY_USER, Size
from benchmarks.plans import ExplainingDatabase, Plan
from benchmarks.product import Product
from clipferry.db.connection import Database
from clipferry.models import VideoStatus

DEEP: Final = 1000

_IN_FLIGHT: Final = """
select substr(user_id, 6)::integer, uuid from public.videos where status in ('GENERATING', 'UPLOADING') limit 1000
"""


class Operation(StrEnum):
    """What a round measures, each in one round trip to the database."""

    CREATE = "create, hold included"
    RECORD = "record the submit's answer"
    START_UPLOAD = "start the upload"
    LEASE = "lease"
    SETTLE = "complete and settle"
    FAIL = "fail and release"
    LIST = "list, page 1"
    LIST_DEEP = "list, a deep page"
    LIST_AFTER = "list behind a video"
    LIST_AFTER_OLDEST = "list behind a video, oldest first"
    LIST_STATUS = "list by status"
    STATUS = "status"
    DETAIL = "detail"
    BALANCE = "balance"
    HISTORY = "history, page 1"
    HISTORY_TYPE = "history by type"
    RECHARGE = "recharge"
    TAKE_BACK = "refund"
    MISSING_JOBS = "reconcile: videos without a job"
    DUE = "reconcile: videos that are due"


class Measure(Protocol):
    """Measures what runs in its block, as `name`."""

    def __call__(self, name: Operation) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTargets:
    """What to read: the heavy user's page `page` begins after `cursor`, which is behind the video `after`.

    `in_flight` has (user, uuid) pairs.
    """

    users: int
    page: int
    cursor: str | None
    after: str | None
    in_flight: list[tuple[int, str]]

    @classmethod
    def find(cls, url: str, size: Size) -> ReadTargets:
        """Goes from page to page, as a user does, to page 1,000 or the last one."""
        page, cursor, after = 1, None, None
        with closing(Database(url)) as database:
            product = Product(database)
            while page < DEEP:
                found = product.list_page(HEAVY_USER, cursor=cursor)
                if found.next_cursor is None:
                    break
                page, cursor, after = page + 1, found.next_cursor, found.videos[-1].uuid
        with psycopg.connect(url) as connection:
            in_flight = connection.execute(_IN_FLIGHT).fetchall()
        return cls(users=size.users, page=page, cursor=cursor, after=after, in_flight=in_flight)


def product_round(product: Product, targets: ReadTargets, number: int, measure: Measure) -> None:
    user = 2 + number % (targets.users - 1)
    _complete_and_fail(product, user, measure)
    _read(product, targets, number, measure)
    with measure(Operation.RECHARGE):
        product.recharge(user)
    with measure(Operation.TAKE_BACK):
        product.take_back(user)
    with measure(Operation.MISSING_JOBS):
        product.create_missing_jobs()
    with measure(Operation.DUE):
        claimed = product.claim_due()
    product.make_due_again(claimed)


def _complete_and_fail(product: Product, user: int, measure: Measure) -> None:
    """Takes one video to COMPLETED and one to FAILED."""
    with measure(Operation.CREATE):
        order = product.create(user)
    uuid = order.video_uuid
    with measure(Operation.RECORD):
        task_id = product.record(order)
    with measure(Operation.START_UPLOAD):
        product.start_upload(uuid, task_id)
    with measure(Operation.LEASE):
        fence = product.lease(uuid)
    with measure(Operation.SETTLE):
        product.settle(uuid, fence)
    failing = product.create(user)
    with measure(Operation.FAIL):
        product.fail(failing.video_uuid)


def _read(product: Product, targets: ReadTargets, number: int, measure: Measure) -> None:
    with measure(Operation.LIST):
        product.list_page(HEAVY_USER)
    with measure(Operation.LIST_DEEP):
        product.list_page(HEAVY_USER, cursor=targets.cursor)
    with measure(Operation.LIST_AFTER):
        product.list_after(HEAVY_USER, targets.after)
    with measure(Operation.LIST_AFTER_OLDEST):
        product.list_after(HEAVY_USER, targets.after, oldest_first=True)
    with measure(Operation.LIST_STATUS):
        product.list_page(HEAVY_USER, status=VideoStatus.COMPLETED)
    user, uuid = targets.in_flight[number % len(targets.in_flight)]
    with measure(Operation.STATUS):
        product.status(user, uuid)
    with measure(Operation.DETAIL):
        product.detail(user, uuid)
    with measure(Operation.BALANCE):
        product.balance(HEAVY_USER)
    with measure(Operation.HISTORY):
        product.history(HEAVY_USER)
    with measure(Operation.HISTORY_TYPE):
        product.history(HEAVY_USER, trans_type="VIDEO_CONSUME")


def bare_round(bare: Bare, targets: ReadTargets, number: int, measure: Measure) -> None:
    user = 2 + number % (targets.users - 1)
    with measure(Operation.CREATE):
        uuid = bare.create(user)
    with measure(Operation.SETTLE):
        bare.settle(uuid)
    with measure(Operation.LIST):
        bare.list_page(HEAVY_USER, page=1)
    with measure(Operation.LIST_DEEP):
        bare.list_page(HEAVY_USER, page=targets.page)
    user, uuid = targets.in_flight[number % len(targets.in_flight)]
    with measure(Operation.STATUS):
        bare.status(user, uuid)
    with measure(Operation.BALANCE):
        bare.balance(HEAVY_USER)


class Stopwatch:
    """Seconds and round trips of each operation."""

    def __init__(self, trips_so_far: Callable[[], int] = lambda: 0) -> None:
        self.seconds: dict[Operation, list[float]] = defaultdict(list)
        self.trips: dict[Operation, list[int]] = defaultdict(list)
        self._trips_so_far = trips_so_far

    @contextmanager
    def measure(self, name: Operation) -> Iterator[None]:
        trips, began = self._trips_so_far(), time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - began)
        self.trips[name].append(self._trips_so_far() - trips)


class PlanBook:
    """Collects the plans of each operation's statements, and the rows that it read by full scans."""

    def __init__(self, database: ExplainingDatabase) -> None:
        self.plans: dict[Operation, list[Plan]] = {}
        self.rows_scanned: dict[Operation, Counter[str]] = {}
        self._database = database

    @contextmanager
    def measure(self, name: Operation) -> Iterator[None]:
        self._database.reset()
        yield
        self.plans[name], self.rows_scanned[name] = self._database.plans, self._database.rows_scanned
        self._database.reset()

    def plan(self, name: Operation, statement: str) -> Plan:
        """Raises LookupError when the operation has no such statement."""
        for plan in self.plans[name]:
            if plan.statement == statement:
                return plan
        raise LookupError(f"{name} has no statement {statement}")

    def rows_read(self, name: Operation) -> int:
        return sum(plan.rows_read for plan in self.plans[name])

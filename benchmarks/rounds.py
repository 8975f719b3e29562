"""A round runs every operation once, each under its name: the product's first, then the bare ones."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import psycopg

from benchmarks.bare import Bare
from benchmarks.dataset import HEAVY_USER, Size
from benchmarks.plans import ExplainingDatabase, Plan
from benchmarks.product import Product
from clipferry.db.connection import Database
from clipferry.models import VideoStatus

DEEP: Final = 1000

CREATE: Final = "create, hold included"
RECORD: Final = "record the submit's answer"
START_UPLOAD: Final = "start the upload"
LEASE: Final = "lease"
SETTLE: Final = "complete and settle"
FAIL: Final = "fail and release"
LIST: Final = "list, page 1"
LIST_DEEP: Final = "list, a deep page"
LIST_AFTER: Final = "list behind a video"
LIST_AFTER_OLDEST: Final = "list behind a video, oldest first"
LIST_STATUS: Final = "list by status"
STATUS: Final = "status"
DETAIL: Final = "detail"
BALANCE: Final = "balance"
HISTORY: Final = "history, page 1"
HISTORY_TYPE: Final = "history by type"
RECHARGE: Final = "recharge"
TAKE_BACK: Final = "refund"
MISSING_JOBS: Final = "reconcile: videos without a job"
DUE: Final = "reconcile: videos that are due"

_IN_FLIGHT: Final = """
select substr(user_id, 6)::integer, uuid from public.videos where status in ('GENERATING', 'UPLOADING') limit 1000
"""


class Measure(Protocol):
    """Measures what runs in its block, as `name`."""

    def __call__(self, name: str) -> AbstractContextManager[None]: ...


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
    with measure(RECHARGE):
        product.recharge(user)
    with measure(TAKE_BACK):
        product.take_back(user)
    with measure(MISSING_JOBS):
        product.create_missing_jobs()
    with measure(DUE):
        claimed = product.claim_due()
    product.make_due_again(claimed)


def _complete_and_fail(product: Product, user: int, measure: Measure) -> None:
    """Takes one video to COMPLETED and one to FAILED."""
    with measure(CREATE):
        order = product.create(user)
    uuid = order.video_uuid
    with measure(RECORD):
        task_id = product.record(order)
    with measure(START_UPLOAD):
        product.start_upload(uuid, task_id)
    with measure(LEASE):
        fence = product.lease(uuid)
    with measure(SETTLE):
        product.settle(uuid, fence)
    failing = product.create(user)
    with measure(FAIL):
        product.fail(failing.video_uuid)


def _read(product: Product, targets: ReadTargets, number: int, measure: Measure) -> None:
    with measure(LIST):
        product.list_page(HEAVY_USER)
    with measure(LIST_DEEP):
        product.list_page(HEAVY_USER, cursor=targets.cursor)
    with measure(LIST_AFTER):
        product.list_after(HEAVY_USER, targets.after)
    with measure(LIST_AFTER_OLDEST):
        product.list_after(HEAVY_USER, targets.after, oldest_first=True)
    with measure(LIST_STATUS):
        product.list_page(HEAVY_USER, status=VideoStatus.COMPLETED)
    user, uuid = targets.in_flight[number % len(targets.in_flight)]
    with measure(STATUS):
        product.status(user, uuid)
    with measure(DETAIL):
        product.detail(user, uuid)
    with measure(BALANCE):
        product.balance(HEAVY_USER)
    with measure(HISTORY):
        product.history(HEAVY_USER)
    with measure(HISTORY_TYPE):
        product.history(HEAVY_USER, trans_type="VIDEO_CONSUME")


def bare_round(bare: Bare, targets: ReadTargets, number: int, measure: Measure) -> None:
    user = 2 + number % (targets.users - 1)
    with measure(CREATE):
        uuid = bare.create(user)
    with measure(SETTLE):
        bare.settle(uuid)
    with measure(LIST):
        bare.list_page(HEAVY_USER, page=1)
    with measure(LIST_DEEP):
        bare.list_page(HEAVY_USER, page=targets.page)
    user, uuid = targets.in_flight[number % len(targets.in_flight)]
    with measure(STATUS):
        bare.status(user, uuid)
    with measure(BALANCE):
        bare.balance(HEAVY_USER)


class Stopwatch:
    """Seconds and round trips of each operation."""

    def __init__(self, trips_so_far: Callable[[], int] = lambda: 0) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.trips: dict[str, list[int]] = defaultdict(list)
        self._trips_so_far = trips_so_far

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        trips, began = self._trips_so_far(), time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - began)
        self.trips[name].append(self._trips_so_far() - trips)


class PlanBook:
    """Collects the plans of each operation's statements, and the rows that it read by full scans."""

    def __init__(self, database: ExplainingDatabase) -> None:
        self.plans: dict[str, list[Plan]] = {}
        self.rows_scanned: dict[str, Counter[str]] = {}
        self._database = database

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        self._database.reset()
        yield
        self.plans[name], self.rows_scanned[name] = self._database.plans, self._database.rows_scanned
        self._database.reset()

    def plan(self, name: str, statement: str) -> Plan:
        """Raises LookupError when the operation has no such statement."""
        for plan in self.plans[name]:
            if plan.statement == statement:
                return plan
        raise LookupError(f"{name} has no statement {statement}")

    def rows_read(self, name: str) -> int:
        return sum(plan.rows_read for plan in self.plans[name])

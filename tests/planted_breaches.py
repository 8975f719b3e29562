"""Breaches of the books, planted by SQL: each breaks one invariant, leaves the others whole, and says what it broke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import LiteralString

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from tests import books

PENDING, GENERATING, UPLOADING, COMPLETED, FAILED = VideoStatus


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Ann has one package and a video of 10 credits in each state; Bob has a package too."""

    database: Database
    anns: int
    bobs: int
    videos: dict[VideoStatus, str]

    def uuid(self, status: VideoStatus) -> str:
        return self.videos[status]

    def hold(self, status: VideoStatus) -> int:
        """The id of the hold of the video in `status`."""
        uuid = self.uuid(status)
        return books.value(self.database, "select id from public.credit_holds where video_uuid = %(uuid)s", uuid=uuid)

    def change(self, sql: LiteralString, status: VideoStatus = VideoStatus.PENDING) -> None:
        """Runs `sql` with Ann's package, Bob's package, and the video in `status` as parameters."""
        books.execute(self.database, sql, anns=self.anns, bobs=self.bobs, uuid=self.uuid(status))

    def breach(self, status: VideoStatus, **others: object) -> dict[str, object]:
        """Returns what a breach by that video's hold names."""
        return {"user_id": "ann", "hold_id": self.hold(status), "video_uuid": self.uuid(status)} | others


Planting = Callable[[Scene], dict[str, object]]
"""Breaks the books of the scene and returns what the breach names."""

PLANTINGS: list[tuple[str, Planting]] = []
"""The invariant that is broken, and how."""


def breaks(invariant: str) -> Callable[[Planting], Planting]:
    def remember(plant: Planting) -> Planting:
        PLANTINGS.append((invariant, plant))
        return plant

    return remember


# Moves credits within a package, so that the ledger still explains them.
THAW = (
    "update public.credit_packages set frozen_credits = frozen_credits - 10, remaining_credits = remaining_credits + 10"
)
UNHOLD = THAW + " where id = %(anns)s"
RELEASE = "update public.credit_holds set status = 'RELEASED' where video_uuid = %(uuid)s"
BOOK = """
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, hold_id)
select 'PLANTED' || type || amount, h.user_id, type::public."CreditTransType", amount, 0,
       case when type = 'VIDEO_CONSUME' then h.id end
from public.credit_holds h, (values ('VIDEO_CONSUME', -10), ('SYSTEM_ADJUST', 10)) as planted (type, amount)
where h.video_uuid = %(uuid)s
"""


@breaks("ledger_explains_packages")
def credits_from_nowhere(scene: Scene) -> dict[str, object]:
    scene.change("update public.credit_packages set remaining_credits = remaining_credits + 5 where id = %(anns)s")
    return {"user_id": "ann", "detail": "opening 0 + ledger 90 <> packages 95"}


@breaks("ledger_explains_packages")
def a_ledger_row_too_many(scene: Scene) -> dict[str, object]:
    scene.change(
        "insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after) "
        "values ('PLANTED', 'bob', 'ORDER_PAY', 100, 100)"
    )
    return {"user_id": "bob", "detail": "opening 0 + ledger 200 <> packages 100"}


@breaks("ledger_explains_packages")
def an_opening_balance_that_is_not_there(scene: Scene) -> dict[str, object]:
    scene.change("insert into clipferry.opening_balances (user_id, credits) values ('bob', 1)")
    return {"user_id": "bob", "detail": "opening 1 + ledger 100 <> packages 100"}


@breaks("frozen_is_held")
def frozen_without_a_hold(scene: Scene) -> dict[str, object]:
    scene.change(
        "update public.credit_packages set frozen_credits = 5, remaining_credits = remaining_credits - 5 "
        "where id = %(bobs)s"
    )
    return {"user_id": "bob", "package_id": scene.bobs, "detail": "frozen 5 <> holds 0"}


@breaks("frozen_is_held")
def held_but_not_frozen(scene: Scene) -> dict[str, object]:
    scene.change(UNHOLD)
    return {"user_id": "ann", "package_id": scene.anns, "detail": "frozen 20 <> holds 30"}


@breaks("held_from_a_package_of_its_user")
def held_from_anothers_package(scene: Scene) -> dict[str, object]:
    scene.change(UNHOLD)
    scene.change(
        "update public.credit_packages set frozen_credits = 10, remaining_credits = remaining_credits - 10 "
        "where id = %(bobs)s"
    )
    scene.change(
        "update public.credit_holds set package_allocation = jsonb_build_array("
        "jsonb_build_object('packageId', %(bobs)s::integer, 'credits', 10)) where video_uuid = %(uuid)s"
    )
    return {
        "user_id": "ann",
        "package_id": scene.bobs,
        "hold_id": scene.hold(PENDING),
        "detail": "package belongs to bob",
    }


@breaks("held_from_a_package_of_its_user")
def held_from_no_package(scene: Scene) -> dict[str, object]:
    scene.change(UNHOLD)
    scene.change(
        """update public.credit_holds set package_allocation = '[{"packageId": 999999, "credits": 10}]' """
        "where video_uuid = %(uuid)s"
    )
    return {
        "user_id": "ann",
        "package_id": 999999,
        "hold_id": scene.hold(PENDING),
        "detail": "package belongs to nobody",
    }


@breaks("hold_is_backed")
def a_hold_of_more_than_its_packages_gave(scene: Scene) -> dict[str, object]:
    scene.change("update public.credit_holds set credits = 11 where video_uuid = %(uuid)s", FAILED)
    return scene.breach(FAILED, detail="hold 11 <> allocation 10")


@breaks("hold_has_a_live_video")
def an_ended_video_that_still_holds(scene: Scene) -> dict[str, object]:
    scene.change("update public.videos set status = 'FAILED' where uuid = %(uuid)s", GENERATING)
    return scene.breach(GENERATING, detail="video is FAILED")


@breaks("hold_has_a_live_video")
def a_hold_of_no_video(scene: Scene) -> dict[str, object]:
    scene.change("delete from public.videos where uuid = %(uuid)s", UPLOADING)
    return scene.breach(UPLOADING, detail="no such video")


@breaks("live_video_has_a_hold")
def a_live_video_whose_hold_was_released(scene: Scene) -> dict[str, object]:
    scene.change(UNHOLD)
    scene.change(RELEASE, UPLOADING)
    return scene.breach(UPLOADING, detail="hold is RELEASED")


@breaks("live_video_has_a_hold")
def a_live_video_without_a_hold(scene: Scene) -> dict[str, object]:
    scene.change(UNHOLD)
    scene.change("delete from public.credit_holds where video_uuid = %(uuid)s")
    return {"user_id": "ann", "video_uuid": scene.uuid(PENDING), "detail": "no hold"}


@breaks("completed_video_is_paid")
def a_completed_video_that_nobody_paid(scene: Scene) -> dict[str, object]:
    scene.change(UNHOLD)
    scene.change(RELEASE, UPLOADING)
    scene.change("update public.videos set status = 'COMPLETED' where uuid = %(uuid)s", UPLOADING)
    return scene.breach(UPLOADING, detail="hold is RELEASED")


@breaks("failed_video_is_free")
def a_failed_video_that_was_paid(scene: Scene) -> dict[str, object]:
    scene.change("update public.videos set status = 'FAILED' where uuid = %(uuid)s", COMPLETED)
    return scene.breach(COMPLETED, detail="hold is SETTLED")


@breaks("hold_is_its_videos_users")
def a_hold_on_anothers_video(scene: Scene) -> dict[str, object]:
    scene.change("update public.videos set user_id = 'bob' where uuid = %(uuid)s", COMPLETED)
    return scene.breach(COMPLETED, detail="video belongs to bob")


@breaks("settled_once")
def a_hold_that_was_booked_twice(scene: Scene) -> dict[str, object]:
    scene.change(BOOK, COMPLETED)
    return scene.breach(COMPLETED, detail="settled 10, booked 20 in 2 rows")


@breaks("settled_once")
def a_settled_hold_that_was_never_booked(scene: Scene) -> dict[str, object]:
    scene.change(
        "update public.credit_transactions set trans_type = 'SYSTEM_ADJUST' where video_uuid = %(uuid)s", COMPLETED
    )
    return scene.breach(COMPLETED, detail="settled 10, booked 0 in 0 rows")


@breaks("settled_once")
def a_settled_hold_that_was_booked_wrongly(scene: Scene) -> dict[str, object]:
    scene.change("update public.credit_transactions set credits = -9 where video_uuid = %(uuid)s", COMPLETED)
    scene.change("update public.credit_packages set remaining_credits = remaining_credits + 1 where id = %(anns)s")
    return scene.breach(COMPLETED, detail="settled 10, booked 9 in 1 rows")


@breaks("unsettled_not_booked")
def a_released_hold_that_was_booked(scene: Scene) -> dict[str, object]:
    scene.change(BOOK, FAILED)
    return scene.breach(FAILED, detail="hold is RELEASED, booked -10")


@breaks("package_in_bounds")
def a_package_of_more_than_was_bought(scene: Scene) -> dict[str, object]:
    scene.change("update public.credit_packages set initial_credits = 99 where id = %(bobs)s")
    return {"user_id": "bob", "package_id": scene.bobs, "detail": "initial 99, remaining 100, frozen 0"}


@breaks("package_in_bounds")
def a_package_below_zero(scene: Scene) -> dict[str, object]:
    scene.change("update public.credit_packages set remaining_credits = -5 where id = %(bobs)s")
    scene.change(
        "insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after) "
        "values ('PLANTED', 'bob', 'SYSTEM_ADJUST', -105, -5)"
    )
    return {"user_id": "bob", "package_id": scene.bobs, "detail": "initial 100, remaining -5, frozen 0"}


@breaks("expired_is_empty")
def an_expired_package_that_is_not_empty(scene: Scene) -> dict[str, object]:
    scene.change(
        "update public.credit_packages set status = 'EXPIRED', expired_at = timezone('utc', now()) where id = %(bobs)s"
    )
    return {"user_id": "bob", "package_id": scene.bobs, "detail": "remaining 100"}


@breaks("unfinished_has_a_deadline")
def a_video_that_may_wait_for_ever(scene: Scene) -> dict[str, object]:
    scene.change("update clipferry.jobs set deadline = null, next_check_at = null where video_uuid = %(uuid)s")
    return {"user_id": "ann", "video_uuid": scene.uuid(PENDING), "detail": "status PENDING"}


@breaks("allocation_is_readable")
def a_hold_whose_allocation_nobody_can_read(scene: Scene) -> dict[str, object]:
    scene.change(
        """update public.credit_holds set package_allocation = '[{"package": 1, "credits": "ten"}]'
           where video_uuid = %(uuid)s""",
        FAILED,
    )
    return scene.breach(FAILED)

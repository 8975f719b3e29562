"""Credits, uploads, models and the user, as the front end asks for them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from clipferry import catalog, runtime
from clipferry.api import responses
from clipferry.db.connection import Database
from clipferry.db.ledger import LedgerRow
from clipferry.models import VideoStatus
from clipferry.providers import registry
from clipferry.usecases.read_credits import HistoryPage
from local.sam_template.environment import in_process
from tests import books, journeys
from tests.http_api import Answer, Api, Person, person
from tests.model_files import SORA, SORA_PRO

BALANCE = "/api/v1/credit/balance"
HISTORY = "/api/v1/credit/history"
GRANT = "/api/v1/credit/grant"
PRESIGN = "/api/v1/upload/presign"
MODELS = "/api/v1/config/models"
EMPTY_PAGE = {"records": [], "transactions": [], "total": 0, "hasMore": False, "nextCursor": None}
TEN_MEGABYTES = 10 * 1024 * 1024


@pytest.fixture
def root(database: Database) -> Person:
    return person(database, "root", is_admin=True)


def faults(answer: Answer) -> list[str]:
    """The fields that a 400 names."""
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert all(fault["code"] and fault["message"] for fault in answer.payload["error"]["details"]["fields"])
    return [fault["path"] for fault in answer.payload["error"]["details"]["fields"]]


# The balance and the ledger


def test_a_balance_tells_what_can_be_spent_and_what_is_held(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 100)
    books.add_package(database, 20, days=3)
    journeys.video_at(database, VideoStatus.GENERATING, 30)
    journeys.video_at(database, VideoStatus.COMPLETED, 10)

    # The package that expires first was taken first, to its last credit: what is left of it is held.
    assert api.call("GET", BALANCE, headers=ann.by_session).data == {
        "totalCredits": 120,
        "usedCredits": 10,
        "frozenCredits": 30,
        "availableCredits": 80,
        "expiringSoon": 0,
    }


def test_a_ledger_row_has_the_originals_fields(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 25)
    uuid = journeys.video_at(database, VideoStatus.COMPLETED, 10)

    consumed, granted = api.call("GET", HISTORY, headers=ann.by_session).data["records"]

    assert set(consumed) == {
        "id",
        "transNo",
        "userId",
        "transType",
        "credits",
        "balanceAfter",
        "packageId",
        "videoUuid",
        "orderNo",
        "holdId",
        "remark",
        "createdAt",
    }
    assert (consumed["transType"], consumed["credits"], consumed["balanceAfter"]) == ("VIDEO_CONSUME", -10, 15)
    assert (consumed["videoUuid"], consumed["userId"]) == (uuid, "ann")
    assert (granted["transType"], granted["credits"], granted["balanceAfter"]) == ("SYSTEM_ADJUST", 25, 25)
    assert datetime.fromisoformat(consumed["createdAt"]) >= datetime.fromisoformat(granted["createdAt"])
    assert consumed["createdAt"].endswith("Z")


def test_the_newer_front_end_reads_the_same_rows_in_its_own_words(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 25)
    uuid = journeys.video_at(database, VideoStatus.COMPLETED, 10)

    page = api.call("GET", HISTORY, headers=ann.by_session).data

    consumed, granted = page["transactions"]
    assert consumed == {
        "id": str(page["records"][0]["id"]),
        "userId": "ann",
        "transType": "video_generate",
        "credits": -10,
        "balanceAfter": 15,
        "videoUuid": uuid,
        "remark": page["records"][0]["remark"],
        "createdAt": page["records"][0]["createdAt"],
    }
    assert granted["transType"] == "admin_adjust"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("NEW_USER", "new_user"),
        ("ORDER_PAY", "order_pay"),
        ("SUBSCRIPTION", "subscription"),
        ("VIDEO_CONSUME", "video_generate"),
        ("REFUND", "video_refund"),
        ("EXPIRED", "expired"),
        ("SYSTEM_ADJUST", "admin_adjust"),
    ],
)
def test_every_type_has_the_newer_front_ends_word(ours: str, theirs: str) -> None:
    row = LedgerRow(
        id=1,
        trans_no="t",
        user_id="ann",
        trans_type=ours,
        credits=1,
        balance_after=1,
        package_id=None,
        video_uuid=None,
        order_no=None,
        hold_id=None,
        remark=None,
        created_at=datetime.now(UTC),
    )

    assert responses.history(HistoryPage([row], 1, None))["transactions"][0]["transType"] == theirs


def test_the_ledger_is_read_page_by_page_newest_first(api: Api, database: Database, ann: Person) -> None:
    for amount in range(1, 8):
        books.add_package(database, amount)

    pages = [
        api.call("GET", f"{HISTORY}?limit=3&offset={offset}", headers=ann.by_session).data for offset in (0, 3, 6, 9)
    ]

    assert [[row["credits"] for row in page["records"]] for page in pages] == [[7, 6, 5], [4, 3, 2], [1], []]
    assert {page["total"] for page in pages} == {7}
    assert [(page["hasMore"], page["nextCursor"]) for page in pages] == [
        (True, "3"),
        (True, "6"),
        (False, None),
        (False, None),
    ]
    by_cursor = api.call("GET", f"{HISTORY}?limit=3&cursor=3&offset=6", headers=ann.by_session).data
    assert by_cursor == pages[1]
    everything = api.call("GET", HISTORY, headers=ann.by_session).data["records"]
    assert all(newer["id"] > older["id"] for newer, older in pairwise(everything))


def test_the_ledger_is_read_by_type_and_counted_so(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 20)
    journeys.video_at(database, VideoStatus.COMPLETED, 10)

    consumed = api.call("GET", f"{HISTORY}?type=VIDEO_CONSUME", headers=ann.by_session).data

    assert ([row["credits"] for row in consumed["records"]], consumed["total"]) == ([-10], 1)
    for empty in ("NEW_USER", "ORDER_PAY", "SUBSCRIPTION", "REFUND", "EXPIRED", "IMAGE_CONSUME"):
        assert api.call("GET", f"{HISTORY}?type={empty}", headers=ann.by_session).data == EMPTY_PAGE


def test_a_parameter_that_is_left_empty_is_left_out(api: Api, ann: Person) -> None:
    assert api.call("GET", f"{HISTORY}?limit=&offset=&type=", headers=ann.by_session).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "offset=-1",
        "offset=1000001",
        "offset=1.5",
        "type=order_pay",
        "type=ALL",
        "cursor=x",
        "cursor=1000001",
    ],
)
def test_any_other_page_is_refused_by_its_parameter(api: Api, ann: Person, query: str) -> None:
    assert faults(api.call("GET", f"{HISTORY}?{query}", headers=ann.by_session)) == [query.partition("=")[0]]


# Grants


def test_an_order_number_grants_once(api: Api, database: Database, ann: Person, root: Person) -> None:
    body = {"userId": "ann", "credits": 50, "orderNo": "order-1", "transType": "ORDER_PAY", "expiresInDays": 30}

    first, second = (api.call("POST", GRANT, {**body, "remark": "Thanks"}, root.by_session) for _ in range(2))

    assert (first.status, first.data) == (200, {"granted": True, "orderNo": "order-1"})
    assert (second.status, second.data) == (200, {"granted": False, "orderNo": "order-1"})
    assert books.ledger(database) == [("ORDER_PAY", 50, 50)]
    [row] = api.call("GET", HISTORY, headers=ann.by_session).data["records"]
    assert (row["orderNo"], row["remark"]) == ("order-1", "Thanks (by user root)")
    assert books.breaches(database) == []


def test_credits_are_granted_by_an_admin_key_too(api: Api, database: Database, ann: Person) -> None:
    script = person(database, "script", is_admin=True, key_is_admin=True)
    body = {"userId": "ann", "credits": 1, "orderNo": "1"}

    assert api.call("POST", GRANT, body, script.by_key).data["granted"]
    key_id = books.value(database, "select id from clipferry.api_keys where user_id = 'script'")
    remark = books.value(database, "select remark from public.credit_transactions where order_no = '1'")
    assert remark == f"Granted (by key {key_id} of user script)"


def test_a_user_signs_so_many_uploads_a_minute_and_no_more(api: Api, ann: Person, root: Person) -> None:
    body = {"filename": "a.png", "contentType": "image/png"}
    answers = [api.call("POST", PRESIGN, body, ann.by_session).status for _ in range(45)]

    assert answers.count(200) in range(20, 41)  # the minute may end meanwhile
    assert set(answers) == {200, 429}
    assert api.call("POST", PRESIGN, body, root.by_session).status == 200


def test_a_grant_without_an_end_never_expires(api: Api, database: Database, ann: Person, root: Person) -> None:
    api.call("POST", GRANT, {"userId": "ann", "credits": 1, "orderNo": "1"}, root.by_session)
    api.call("POST", GRANT, {"userId": "ann", "credits": 2, "orderNo": "2", "expiresInDays": 5}, root.by_session)

    days = """select round(extract(epoch from expired_at - timezone('utc', now())) / 86400) as days
        from credit_packages order by id"""
    assert [row["days"] for row in books.rows(database, days)] == [None, 5]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"credits": 0}, "credits"),
        ({"credits": -5}, "credits"),
        ({"credits": 1.5}, "credits"),
        ({"credits": "5"}, "credits"),
        ({"credits": True}, "credits"),
        ({"credits": 10**30}, "credits"),
        ({"userId": ""}, "userId"),
        ({"userId": None}, "userId"),
        ({"userId": "a\x00"}, "userId"),
        ({"orderNo": ""}, "orderNo"),
        ({"orderNo": "a\nb"}, "orderNo"),
        ({"orderNo": "né"}, "orderNo"),
        ({"orderNo": "x" * 201}, "orderNo"),
        ({"transType": "VIDEO_CONSUME"}, "transType"),
        ({"transType": "EXPIRED"}, "transType"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"expiresInDays": 36_501}, "expiresInDays"),
        ({"remark": "x" * 501}, "remark"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused_by_its_field(
    api: Api, database: Database, ann: Person, root: Person, wrong: dict[str, Any], field: str
) -> None:
    body = {"userId": "ann", "credits": 5, "orderNo": "order-1", **wrong}

    assert faults(api.call("POST", GRANT, body, root.by_session)) == [field]
    assert books.packages(database) == []


# Uploads


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [
        ("image/jpeg", "jpg"),
        ("image/png", "png"),
        ("image/gif", "gif"),
        ("image/webp", "webp"),
        ("video/mp4", "mp4"),
        ("video/quicktime", "mov"),
        ("audio/mpeg", "mp3"),
        ("audio/x-wav", "wav"),
    ],
)
def test_an_uploads_extension_is_its_types_and_not_its_names(
    api: Api, ann: Person, content_type: str, extension: str
) -> None:
    body = {"filename": "start.html", "contentType": content_type}

    upload = api.call("POST", PRESIGN, body, ann.by_session).data

    assert set(upload) == {"uploadUrl", "publicUrl", "key", "expiresIn"}
    assert upload["key"].startswith("uploads/ann/")
    assert upload["key"].endswith(f".{extension}")
    assert upload["publicUrl"] == f"https://cdn.example.com/{upload['key']}"
    assert upload["expiresIn"] == 3600


def test_an_upload_url_takes_this_type_for_an_hour_at_this_key_and_nothing_else(api: Api, ann: Person) -> None:
    upload = api.call("POST", PRESIGN, {"filename": "a", "contentType": "image/png"}, ann.by_session).data

    url, signed = signed_parts(upload["uploadUrl"])
    assert url == f"https://storage.example.com/videos/{upload['key']}"
    assert signed["X-Amz-Expires"] == ["3600"]
    assert signed["X-Amz-SignedHeaders"] == ["content-type;host"]


def test_a_size_that_is_given_is_signed(api: Api, ann: Person) -> None:
    body = {"filename": "a", "contentType": "image/png", "contentLength": TEN_MEGABYTES}

    upload = api.call("POST", PRESIGN, body, ann.by_session).data

    assert signed_parts(upload["uploadUrl"])[1]["X-Amz-SignedHeaders"] == ["content-length;content-type;host"]


def signed_parts(url: str) -> tuple[str, dict[str, list[str]]]:
    """The address, with the bucket in its path wherever the URL has it; and the signature's parameters."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("videos.")
    path = parts.path if parts.path.startswith("/videos/") else f"/videos{parts.path}"
    return f"{parts.scheme}://{host}{path}", parse_qs(parts.query)


def test_no_two_uploads_have_one_key(api: Api, ann: Person) -> None:
    body = {"filename": "a.png", "contentType": "image/png"}

    assert len({api.call("POST", PRESIGN, body, ann.by_session).data["key"] for _ in range(20)}) == 20


@pytest.mark.parametrize("user_id", ["../ann", "ann/", "a b", "ann%2F", "..", "x" * 65])
def test_a_user_whose_id_is_a_path_stays_in_a_folder_of_its_own(api: Api, database: Database, user_id: str) -> None:
    books.execute(database, 'insert into "user" (id, email) values (%(id)s, %(id)s)', id=user_id)
    books.execute(
        database,
        """insert into session ("userId", token, "expiresAt") values (%(id)s, 't', '2100-01-01')""",
        id=user_id,
    )
    body = {"filename": "a.png", "contentType": "image/png"}
    key = api.call("POST", PRESIGN, body, {"authorization": "Bearer t"}).data["key"]

    assert re.fullmatch(r"uploads/[0-9a-f]{32}/[A-Za-z0-9_-]{21}\.png", key)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"contentType": "image/svg+xml"}, "contentType"),
        ({"contentType": "text/html"}, "contentType"),
        ({"contentType": "image/png; charset=utf-8"}, "contentType"),
        ({"contentType": "IMAGE/PNG"}, "contentType"),
        ({"contentType": "video/x-msvideo"}, "contentType"),
        ({"contentType": None}, "contentType"),
        ({"contentLength": 0}, "contentLength"),
        ({"contentLength": TEN_MEGABYTES + 1}, "contentLength"),
        ({"contentType": "audio/mpeg", "contentLength": 20 * 2**20 + 1}, "contentLength"),
        ({"contentType": "video/mp4", "contentLength": 100 * 2**20 + 1}, "contentLength"),
        ({"contentLength": "5"}, "contentLength"),
        ({"filename": ""}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"filename": "a\x00.png"}, "filename"),
    ],
)
def test_an_upload_of_anything_else_is_refused_by_its_field(
    api: Api, ann: Person, wrong: dict[str, Any], field: str
) -> None:
    body = {"filename": "a.png", "contentType": "image/png", **wrong}

    assert faults(api.call("POST", PRESIGN, body, ann.by_session)) == [field]


# The models and the user

MODELS_FILE = f"""
{SORA}
[[model.offer]]
provider = "evolink"
model = "seedance-2.0-text-to-video"
{SORA_PRO}
[[model]]
id = "gone"
name = "Gone"
retired = true
durations = [5]
cost = {{ base = 1 }}
"""


def test_the_models_are_the_originals_configuration(api: Api, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(MODELS_FILE)
    with in_process({"MODELS_FILE": str(tmp_path / "models.toml"), "KIE_API_KEY": "kie-key"}):
        runtime.reset()
        sora, pro = api.call("GET", MODELS).data

    own = {"includedSeconds", "qualityMultipliers"}
    assert {name: value for name, value in sora["creditCost"].items() if name not in own} == {
        "base": 15,
        "perExtraSecond": 1.4,
    }
    assert {name: value for name, value in pro["creditCost"].items() if name not in own} == {
        "base": 18,
        "perExtraSecond": 1.6,
        "highQualityMultiplier": 1.4,
    }
    assert [mode["mode"] for mode in sora["modes"]] == ["text-to-video", "image-to-video"]
    assert {**sora, "creditCost": None, "modes": None, "prices": None} == {
        "id": "sora-2",
        "name": "Sora 2",
        "provider": "evolink",
        "description": "Text or image to video",
        "supportImageToVideo": True,
        "maxDuration": 15,
        "durations": [10, 15],
        "aspectRatios": ["16:9", "9:16"],
        "creditCost": None,
        "modes": None,
        "prices": None,
    }
    assert (pro["qualities"], pro["supportImageToVideo"], pro["provider"]) == (["standard", "high"], False, "kie")


FULL = """
[[model]]
id = "full"
name = "Full"
durations = [5, 10]
aspect_ratios = ["16:9", "adaptive"]
qualities = ["720p", "1080p"]
audio = "optional"
audio_default = false
seed = { min = 1, max = 99 }
negative_prompt = 500
prompt = { min = 3, max = 2000 }
cost = { base = 10, included_seconds = 5, per_extra_second = 2, quality_multipliers = { "1080p" = 2 } }
price = [{ modes = ["reference"], audio = true, base = 40 }]
modes = { text = { aspect_ratios = ["16:9"] }, reference = { images = { min = 1, max = 9 }, videos = 3, seed = false } }
[[model.offer]]
provider = "evolink"
model = "full"
[model.offer.input]
duration = "$duration"
ratio = "$aspect_ratio"
quality = "$quality"
audio = "$generate_audio"
seed = "$seed"
no = "$negative_prompt"
images = "$image_urls"
videos = "$video_urls"
"""


def test_a_model_shows_what_each_mode_takes_and_what_it_costs(api: Api, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(FULL)
    with in_process({"MODELS_FILE": str(tmp_path / "models.toml")}):
        runtime.reset()
        [full] = api.call("GET", MODELS).data

    common = {
        "durations": [5, 10],
        "qualities": ["720p", "1080p"],
        "audio": "optional",
        "audioDefault": False,
        "promptLength": {"min": 3, "max": 2000},
        "negativePromptLength": {"min": 1, "max": 500},
        "audios": None,
    }
    text = {"mode": "text-to-video", "aspectRatios": ["16:9"], "seed": {"min": 1, "max": 99}}
    references = {"mode": "reference-to-video", "aspectRatios": ["16:9", "adaptive"], "seed": None}
    assert full["modes"] == [
        {**common, **text, "images": None, "videos": None},
        {**common, **references, "images": {"min": 1, "max": 9}, "videos": {"min": 0, "max": 3}},
    ]
    assert full["supportImageToVideo"] is False
    assert full["aspectRatios"] == ["16:9", "adaptive"]
    cheap, dear, loud = {"5": 10, "10": 20}, {"5": 20, "10": 40}, {"5": 40, "10": 40}
    assert full["prices"] == [
        {"modes": ["text-to-video"], "quality": "720p", "audio": None, "credits": cheap},
        {"modes": ["text-to-video"], "quality": "1080p", "audio": None, "credits": dear},
        {"modes": ["reference-to-video"], "quality": "720p", "audio": True, "credits": loud},
        {"modes": ["reference-to-video"], "quality": "720p", "audio": False, "credits": cheap},
        {"modes": ["reference-to-video"], "quality": "1080p", "audio": True, "credits": loud},
        {"modes": ["reference-to-video"], "quality": "1080p", "audio": False, "credits": dear},
    ]


@pytest.mark.parametrize(
    ("accepted", "description"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", re.compile("由文字、首尾帧或参考素材生成视频")),
        ("en-US,en;q=0.9,zh-CN;q=0.8", re.compile("Text, frames or references to video")),
        ("fr, zh;q=0.5, en;q=0.7", re.compile("Text, frames or references to video")),
        ("zh;q=0", re.compile("Text, frames or references to video")),
        ("*;;, ,q=zh\u0000", re.compile("Text, frames or references to video")),
    ],
)
def test_models_are_described_in_the_language_that_is_accepted(
    api: Api, accepted: str, description: re.Pattern[str]
) -> None:
    first = api.call("GET", MODELS, headers={"accept-language": accepted}).data[0]

    assert description.match(first["description"])


def test_what_no_provider_with_a_key_makes_is_neither_listed_nor_ordered(
    api: Api, database: Database, ann: Person, tmp_path: Path
) -> None:
    books.add_package(database, 100)
    (tmp_path / "models.toml").write_text(MODELS_FILE)
    with in_process({"MODELS_FILE": str(tmp_path / "models.toml"), "KIE_API_KEY": ""}):
        runtime.reset()
        listed = api.call("GET", MODELS).data
        order = {"prompt": "A ferry", "model": "sora-2-pro", "duration": 10}
        answer = api.call("POST", "/api/v1/video/generate", order, ann.by_session)

    assert [model["id"] for model in listed] == ["sora-2"]
    assert (answer.status, answer.code) == (400, "MODEL_NOT_FOUND")
    assert books.value(database, "select count(*) from public.credit_holds") == 0


def test_a_retired_model_is_not_listed(api: Api) -> None:
    shipped = catalog.load()
    with in_process({provider.key.upper(): "a-key" for provider in registry.PROVIDERS}):
        runtime.reset()
        listed = [model["id"] for model in api.call("GET", MODELS).data]

    assert listed == [model.id for model in shipped.models.values() if not model.retired]
    assert not {"sora-2", "sora-2-pro"} & set(listed)


def test_a_user_is_told_who_they_are_and_no_more(api: Api, database: Database, ann: Person, root: Person) -> None:
    books.execute(database, "update \"user\" set name = 'Ann', image = 'https://example.com/a.png' where id = 'ann'")

    assert api.call("GET", "/api/v1/user/me", headers=ann.by_session).data == {
        "id": "ann",
        "email": "ann@example.com",
        "name": "Ann",
        "image": "https://example.com/a.png",
        "isAdmin": False,
    }
    assert api.call("GET", "/api/v1/user/me", headers=root.by_key).data["isAdmin"] is True


def test_the_contract_is_served_as_it_is_written(api: Api) -> None:
    served = api.call("GET", "/api/v1/openapi.json")

    assert served.payload["openapi"] == "3.1.0"
    assert served.headers["content-type"] == "application/json"
    assert "max-age" in served.headers["cache-control"]


def test_what_is_somebodys_is_not_kept_by_anybody_on_the_way(api: Api, ann: Person) -> None:
    for path in (BALANCE, HISTORY, "/api/v1/user/me", "/api/v1/video/list"):
        assert api.call("GET", path, headers=ann.by_session).headers["cache-control"] == "no-store"


# How much


def test_a_user_may_have_so_many_videos_in_the_making(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 100)
    for _ in range(3):
        journeys.video_at(database, VideoStatus.GENERATING)
    order = {"prompt": "A ferry", "model": "seedance-2.0", "quality": "480p"}

    refused = api.call("POST", "/api/v1/video/generate", order, ann.by_session)

    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "TOO_MANY_JOBS", "30")
    assert refused.payload["error"]["details"] == {"inFlight": 3}

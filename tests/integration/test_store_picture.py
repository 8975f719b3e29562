"""A picture that comes with a request goes where a presigned upload goes, and under the same limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from clipferry.db.connection import Database
from clipferry.errors import InvalidRequestError, RateLimitedError, UnauthorizedError
from clipferry.files.upload_keys import LARGEST_UPLOADS, owner_folder
from clipferry.models import Credential
from clipferry.usecases.presign_upload import UPLOADS_PER_MINUTE
from clipferry.usecases.store_picture import store_picture
from tests import books

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class Bucket:
    """Keeps what it is given."""

    stored: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def upload_file(self, *, key: str, body: bytes, content_type: str, deadline: float) -> Any:
        self.stored[key] = (content_type, body)

    def public_url(self, key: str) -> str:
        return f"https://cdn.example.com/{key}"


@pytest.fixture(autouse=True)
def _ann(database: Database) -> None:
    books.add_user(database)


def store(database: Database, bucket: Bucket, content: bytes, *, credential: Credential | None = None) -> str:
    return store_picture(
        content,
        field="input_reference",
        credential=credential or books.credential(),
        database=database,
        storage=bucket,
    )


@pytest.mark.parametrize(
    ("content", "content_type", "ending"),
    [
        (PNG + b"1", "image/png", "png"),
        (b"\xff\xd8\xff1", "image/jpeg", "jpg"),
        (b"GIF89a1", "image/gif", "gif"),
        (b"RIFF\x01\0\0\0WEBPVP8 ", "image/webp", "webp"),
    ],
)
def test_a_picture_is_put_into_its_users_folder_as_what_it_is(
    database: Database, content: bytes, content_type: str, ending: str
) -> None:
    bucket = Bucket()
    url = store(database, bucket, content)
    [(key, stored)] = bucket.stored.items()

    assert url == f"https://cdn.example.com/{key}"
    assert key.startswith("uploads/ann/")
    assert key.endswith(f".{ending}")
    assert owner_folder(key) == "ann"  # so the daily chore knows it
    assert stored == (content_type, content)


def test_the_same_picture_of_a_user_has_one_address_and_anothers_has_another(database: Database) -> None:
    bob = books.add_user(database, "bob")
    bucket = Bucket()

    first, again, other = (store(database, bucket, PNG + more) for more in (b"1", b"1", b"2"))
    assert first == again != other
    assert store(database, bucket, PNG + b"1", credential=bob) not in (first, other)


@pytest.mark.parametrize("content", [b"", b"<svg></svg>", b"RIFF\x01\0\0\0AVI ", b"\0\0\0\x18ftypmp42"])
def test_what_is_no_picture_is_refused(database: Database, content: bytes) -> None:
    bucket = Bucket()
    with pytest.raises(InvalidRequestError, match="input_reference: must be a JPEG, PNG, GIF or WebP"):
        store(database, bucket, content)
    assert bucket.stored == {}


def test_a_picture_may_be_as_large_as_an_upload(database: Database) -> None:
    largest, bucket = LARGEST_UPLOADS["image"], Bucket()

    assert store(database, bucket, PNG + bytes(largest - len(PNG)))
    with pytest.raises(InvalidRequestError, match="at most"):
        store(database, bucket, PNG + bytes(largest - len(PNG) + 1))


def test_pictures_count_as_uploads_do(database: Database) -> None:
    books.execute(
        database,
        "insert into clipferry.rate_windows select 'upload:ann', m, %(most)s from (values"
        " (date_trunc('minute', now())), (date_trunc('minute', now()) + interval '1 minute')) as minutes (m)",
        most=UPLOADS_PER_MINUTE,
    )
    with pytest.raises(RateLimitedError):
        store(database, Bucket(), PNG)


def test_nobody_stores_nothing(database: Database) -> None:
    bucket = Bucket()
    with pytest.raises(UnauthorizedError):
        store(database, bucket, PNG, credential=Credential(session_token="guessed"))
    assert bucket.stored == {}

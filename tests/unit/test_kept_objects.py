"""A bucket over a folder has the same objects the next time, whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from local.r2.bucket import Blob, R2Bucket
from local.r2.folder import KeptObjects
from local.r2.signatures import RefusedError

KEYS = ("videos/a.mp4", "a", "a/b", "../up", "uploads/é /?.png", "x" * 1000)


def bucket(folder: Path) -> R2Bucket:
    return R2Bucket(folder=KeptObjects(folder), min_part=1)


def blob(content: bytes) -> Blob:
    return Blob(
        size=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )


@pytest.mark.parametrize("key", KEYS)
def test_an_object_comes_back_as_it_was(tmp_path: Path, key: str) -> None:
    stored = bucket(tmp_path / "in").put(key, blob(b"film"), headers={"content-type": "video/mp4"})
    found = bucket(tmp_path / "in").object(key)

    assert found.content == b"film"
    assert (found.etag, found.size, found.sha256) == (stored.etag, 4, stored.sha256)
    assert (found.headers, found.modified) == (stored.headers, stored.modified)
    assert [each.name for each in tmp_path.iterdir()] == ["in"], "nothing lies outside"


def test_all_keys_live_beside_each_other(tmp_path: Path) -> None:
    first = bucket(tmp_path)
    for key in KEYS:
        first.put(key, blob(key.encode()), headers={})

    assert {key: stored.content for key, stored in bucket(tmp_path).objects.items()} == {
        key: key.encode() for key in KEYS
    }


def test_a_new_version_replaces_the_old_one_and_a_deleted_object_is_gone(tmp_path: Path) -> None:
    first = bucket(tmp_path)
    for content in (b"one", b"two"):
        first.put("k", blob(content), headers={})
    first.put("gone", blob(b"x"), headers={})
    first.delete("gone")

    assert {key: stored.content for key, stored in bucket(tmp_path).objects.items()} == {"k": b"two"}
    assert len(list((tmp_path / "objects").iterdir())) == 1


def test_an_object_of_parts_is_kept_and_an_unfinished_upload_is_not(tmp_path: Path) -> None:
    first = bucket(tmp_path)
    done, open_ = (first.create(key, headers={}, now=None) for key in ("whole", "half"))  # pyright: ignore
    etags = [(number, first.put_part("whole", done, number, blob(b"ab"))) for number in (1, 2)]
    first.put_part("half", open_, 1, blob(b"ab"))
    etag = first.complete("whole", done, etags).etag

    again = bucket(tmp_path)
    assert (again.object("whole").content, again.object("whole").etag) == (b"abab", etag)
    with pytest.raises(RefusedError):
        again.upload("half", open_)


def test_what_a_crash_left_half_written_is_no_object(tmp_path: Path) -> None:
    first = bucket(tmp_path)
    first.put("cut", blob(b"whole"), headers={})
    first.put("sound", blob(b"sound"), headers={})
    (file,) = (each for each in (tmp_path / "objects").iterdir() if each.name.endswith("-cut"))
    file.write_bytes(b"wh")
    (tmp_path / "objects" / "0-never-announced").write_bytes(b"x")
    (tmp_path / "facts" / "broken.json").write_text("{")

    assert list(bucket(tmp_path).objects) == ["sound"]
    assert [each.name[-6:] for each in (tmp_path / "objects").iterdir()] == ["-sound"]

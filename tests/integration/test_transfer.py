"""The transfer core over a strict R2, when nothing goes wrong: at every size, with any number of workers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clipferry.errors import SourceInvalidError, StorageError
from clipferry.transfer import engine, part_workers
from clipferry.transfer.interface import TransferResult
from clipferry.transfer.ordered_hash import PIECE, OrderedDigest, Part
from local.http.messages import Response
from local.r2.faults import Fault
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, sha256, storage_for, strict_r2

SIZES = [1, 7, 8, PART - 1, PART, PART + 1, 5 * PART, 5 * PART + 17]


def mirrored(behaviour: Behaviour, **config: object) -> TransferResult:
    """Mirrors and checks against the source what is stored, what was seen on the way and what is left behind."""
    seen: list[bytes] = []
    with strict_r2() as r2, serving(behaviour) as source:
        storage = storage_for(r2, **config)
        done = storage.transfer(source_url=source.url, key=KEY, on_chunk=seen.append)
        stored = r2.bucket.objects[KEY].content
        storage.close()
    assert stored == b"".join(seen) == behaviour.content
    assert (done.size, done.sha256) == (len(behaviour.content), sha256(behaviour.content))
    assert r2.bucket.uploads == {}
    return done


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize("size", [size for size in SIZES if size > 7])
def test_a_file_arrives_byte_for_byte_at_every_size(size: int, workers: int) -> None:
    done = mirrored(Behaviour(film(size)), workers=workers)
    assert done.fetched == size


@pytest.mark.parametrize("size", [1, 7])
def test_what_is_too_short_to_be_an_mp4_is_refused(size: int) -> None:
    with strict_r2() as r2, serving(Behaviour(film(size))) as source:
        storage = storage_for(r2)
        with pytest.raises(SourceInvalidError):
            storage.transfer(source_url=source.url, key=KEY)
        assert (r2.bucket.objects, r2.bucket.uploads, r2.requests["PutObject"]) == ({}, {}, 0)
        storage.close()


@pytest.mark.parametrize("size", [8, PART, PART + 1, 5 * PART + 17])
@pytest.mark.parametrize("shape", [{"ranges": False}, {"etag": False}, {"keep_alive": False}])
def test_a_source_without_ranges_or_etag_or_kept_connections_is_mirrored(size: int, shape: dict[str, bool]) -> None:
    done = mirrored(Behaviour(film(size), **shape))
    assert done.workers == 1 or shape == {"keep_alive": False}


def test_the_parts_are_equal_but_for_the_last() -> None:
    with strict_r2() as r2, serving(Behaviour(film(3 * PART + 5))) as source:
        storage = storage_for(r2)
        storage.transfer(source_url=source.url, key=KEY)
        assert r2.bucket.objects[KEY].etag.endswith("-4")
        storage.close()


def test_one_worker_is_enough_while_the_processor_is_the_limit() -> None:
    assert mirrored(Behaviour(film(20 * PART)), cpus=0.0).workers == 1


def test_there_are_more_as_soon_as_the_network_is_the_limit() -> None:
    done = mirrored(Behaviour(film(40 * PART), rate=1_000_000), workers=6, cpus=1.0)
    assert done.workers == 6


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("parts", [10, 40])
def test_memory_is_one_part_for_each_worker_whatever_the_size(
    workers: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffers: dict[int, memoryview] = {}  # kept here, so that no two have one id

    class RecordedPart(Part):
        def __init__(self, number: int, **fields: Any) -> None:
            super().__init__(number, **fields)
            buffers[id(self.memory.obj)] = self.memory

    monkeypatch.setattr(engine, "Part", RecordedPart)
    monkeypatch.setattr(part_workers, "Part", RecordedPart)
    done = mirrored(Behaviour(film(parts * PART), rate=2_000_000), workers=workers)
    assert len(buffers) <= done.workers <= workers
    assert {len(memory) for memory in buffers.values()} == {PART}


def test_what_waited_for_its_turn_is_observed_in_small_pieces() -> None:
    """A copy of a whole part, seven at a time, took 50 MB more than the parts."""
    seen: list[int] = []
    content = bytes(5 * PIECE + 9)
    digest = OrderedDigest(lambda piece: seen.append(len(piece)))
    part = Part(1, start=0, length=len(content), memory=memoryview(content), kept=True)
    part.filled = len(content)
    digest.advance(part, 0)
    assert seen == [PIECE] * 5 + [9]
    assert digest.hexdigest() == sha256(content)


def test_one_put_is_verified_by_its_etag_and_without_another_request() -> None:
    with strict_r2() as r2, serving(Behaviour(film(PART))) as source:
        storage = storage_for(r2)
        storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.requests == {"PutObject": 1}


@pytest.mark.parametrize("etag", ['"another"', ""])
def test_an_etag_that_is_not_the_md5_is_followed_by_a_head(etag: str) -> None:
    def answer(response: Response) -> Response:
        return replace(response, headers={**response.headers, "etag": etag})

    with strict_r2() as r2, serving(Behaviour(film(PART))) as source:
        r2.fail(Fault(operation="PutObject", kind="answered", answer=answer))
        r2.fail(Fault(operation="HeadObject", kind="answered", answer=answer))
        storage = storage_for(r2)
        storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.requests == {"PutObject": 1, "HeadObject": 1}


def test_an_etag_of_other_bytes_is_settled_by_reading_back() -> None:
    with strict_r2() as r2, serving(Behaviour(film(PART))) as source:
        storage = storage_for(r2)
        r2.fail(Fault(operation="PutObject", kind="damaged"))
        with pytest.raises(StorageError, match="other bytes"):
            storage.transfer(source_url=source.url, key=KEY)
        storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.bucket.objects[KEY].content == film(PART)


def test_an_etag_that_only_looks_like_an_md5_is_settled_by_reading_back() -> None:
    etag = "0" * 32

    def encrypted(response: Response) -> Response:
        r2.bucket.objects[KEY] = replace(r2.bucket.objects[KEY], etag=etag)
        return replace(response, headers={**response.headers, "etag": f'"{etag}"'})

    with strict_r2() as r2, serving(Behaviour(film(PART))) as source:
        r2.fail(Fault(operation="PutObject", kind="answered", answer=encrypted))
        storage = storage_for(r2)
        storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.requests == {"PutObject": 1, "HeadObject": 2, "GetObject": 1}


def test_connections_are_kept() -> None:
    with strict_r2() as r2, serving(Behaviour(film(8 * PART))) as source:
        storage = storage_for(r2, workers=1)
        storage.transfer(source_url=source.url, key=KEY)
        storage.transfer(source_url=source.url, key=f"{KEY}.again")
        storage.close()
        assert r2.connections <= 2


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("size", [8, PART, 5 * PART + 17])
def test_the_bucket_can_check_every_part(size: int, workers: int) -> None:
    with strict_r2() as r2, serving(Behaviour(film(size))) as source:
        storage = storage_for(r2, workers=workers, content_md5=True)
        done = storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.bucket.objects[KEY].content == film(size)
        assert r2.checked_by_md5 == done.size


@pytest.mark.parametrize("size", [PART, 5 * PART])
def test_what_was_damaged_on_its_way_is_sent_again(size: int) -> None:
    operation = "PutObject" if size == PART else "UploadPart"
    with strict_r2() as r2, serving(Behaviour(film(size))) as source:
        r2.fail(Fault(operation=operation, kind="damaged"))
        storage = storage_for(r2, content_md5=True, pause_seconds=0.01)
        storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.bucket.objects[KEY].content == film(size)

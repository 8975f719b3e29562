"""Each fault of source and sink, at each size, ends in the right object or a clear error, and leaves nothing behind."""

from __future__ import annotations

import itertools

import pytest

from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError, StorageError
from clipferry.s3.retry import TransferInterruptedError
from local.r2.faults import Fault, FaultKind
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, sha256, storage_for, strict_r2

SIZES = {"0": 0, "1": 1, "part-1": PART - 1, "part": PART, "part+1": PART + 1, "5 parts": 5 * PART}
QUICK = {"pause_seconds": 0.002, "stall_seconds": 0.5}

ONCE = ["500", "503", "drop", "early end", "reset", "stall", "drip"]
FOREVER: dict[str, type[SourceError]] = {
    "404": SourceGoneError,
    "403": SourceGoneError,
    "410": SourceGoneError,
    "500": SourceError,
    "drop": SourceError,
    "html": SourceInvalidError,
    "loop": SourceError,
    "chunked": SourceError,
    "unknown length": SourceError,
    "early end": SourceError,
    "longer": SourceError,
    "shorter": SourceError,
    "reset": SourceError,
    "stall": SourceError,
}


def outcome(behaviour: Behaviour, *faults: Fault, **config: object) -> BaseException | None:
    """Mirrors; an object, if there is one, must be the source's bytes to the last, and no upload may be left open."""
    with strict_r2() as r2, serving(behaviour) as source:
        r2.fail(*faults)
        storage = storage_for(r2, **(QUICK | config))
        try:
            done = storage.transfer(source_url=source.url, key=KEY)
        except (SourceError, StorageError) as error:
            failure: BaseException | None = error
        else:
            failure = None
            assert done.workers == min(config.get("workers", 3), max(-(-len(behaviour.content) // PART), 1))
            assert done.sha256 == sha256(behaviour.content)
        storage.close()
        assert r2.bucket.uploads == {}
        stored = r2.bucket.objects.get(KEY)
        assert stored is None or stored.content == behaviour.content
        assert (stored is not None) or failure is not None
    return failure


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_without_a_fault(size: int) -> None:
    failure = outcome(Behaviour(film(size)))
    assert (failure is None) == (size >= 8)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("size", list(SIZES.values())[2:], ids=list(SIZES)[2:])
@pytest.mark.parametrize("fault", ONCE)
def test_a_fault_of_the_source_that_passes_is_made_good(fault: str, size: int, workers: int) -> None:
    for skip in (0, 1):
        failure = outcome(Behaviour(film(size), fault=fault, skip=skip), workers=workers)
        assert failure is None


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("fault", FOREVER)
def test_a_fault_of_the_source_that_stays_is_a_clear_error(fault: str, size: int) -> None:
    failure = outcome(Behaviour(film(size), fault=fault, times=1000, after=0), stall_seconds=0.1)
    if fault == "unknown length" and size > 7:
        assert failure is None  # a range says its length in Content-Range
        return
    assert isinstance(failure, FOREVER[fault] if size > 7 else SourceError)


@pytest.mark.parametrize("fault", ["early end", "reset"])
def test_a_source_that_always_breaks_off_but_gets_further_each_time_gets_there(fault: str) -> None:
    assert outcome(Behaviour(film(5 * PART), fault=fault, times=1000, after=PART // 2)) is None


@pytest.mark.parametrize("fault", ["chunked", "unknown length"])
def test_a_source_without_ranges_that_does_not_say_its_length_is_refused(fault: str) -> None:
    assert type(outcome(Behaviour(film(PART), ranges=False, fault=fault, times=1000))) is SourceError


@pytest.mark.parametrize("fault", ["early end", "reset", "stall", "longer"])
@pytest.mark.parametrize("size", [PART, 5 * PART])
def test_a_source_without_ranges_can_only_be_read_once(fault: str, size: int) -> None:
    failure = outcome(Behaviour(film(size), ranges=False, fault=fault, after=size // 2))
    assert type(failure) is SourceError


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("size", [5 * PART, 12 * PART])
def test_a_source_that_changes_midway_is_never_mixed_and_comes_whole(size: int, times: int) -> None:
    changed = Behaviour(
        film(size), fault="changed", skip=times, changed=film(size, seed=1), hangs_up_after=PART + PART // 2
    )
    assert outcome(changed, workers=1) is None


def test_a_source_that_is_gone_midway_says_so() -> None:
    failure = outcome(Behaviour(film(5 * PART), fault="404", skip=2, times=1000, hangs_up_after=PART))
    assert isinstance(failure, SourceGoneError)


SINGLE = ["PutObject"]
MULTI = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "HeadObject"]
KINDS: list[FaultKind] = ["500", "503", "429", "reset", "slow", "lost", "stall"]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("operation", "size"), [*itertools.product(SINGLE, [8, PART - 1, PART]),
                                                 *itertools.product(MULTI, [PART + 1, 5 * PART])])  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_sink_that_passes_is_made_good(kind: FaultKind, operation: str, size: int, workers: int) -> None:
    for skip in (0, 1) if operation == "UploadPart" else (0,):
        fault = Fault(operation=operation, kind=kind, skip=skip, after=PART // 2 if operation == "UploadPart" else 0)
        failure = outcome(Behaviour(film(size)), fault, workers=workers)
        assert failure is None


@pytest.mark.parametrize(("operation", "size"), [*itertools.product(SINGLE, [PART]),
                                                 *itertools.product(MULTI, [5 * PART])])  # fmt: skip
@pytest.mark.parametrize("kind", ["500", "503", "reset", "lost"])
def test_a_fault_of_the_sink_that_stays_is_a_storage_error(kind: FaultKind, operation: str, size: int) -> None:
    failure = outcome(Behaviour(film(size)), Fault(operation=operation, kind=kind, times=1000), pause_seconds=0.002)
    if (kind, operation) == ("lost", "CompleteMultipartUpload"):
        assert failure is None  # the object is there, and is what it must be
        return
    assert isinstance(failure, StorageError)


def test_what_is_at_our_key_already_is_left_when_it_is_the_same() -> None:
    content = film(PART)
    with strict_r2() as r2, serving(Behaviour(content)) as source:
        storage = storage_for(r2)
        storage.upload_file(key=KEY, body=content)
        storage.transfer(source_url=source.url, key=KEY)
        assert r2.requests["PutObject"] == 2
        storage.close()


def test_what_is_at_our_key_already_is_written_over_when_it_differs() -> None:
    content = film(PART)
    with strict_r2() as r2, serving(Behaviour(content)) as source:
        storage = storage_for(r2)
        storage.upload_file(key=KEY, body=film(PART, seed=1))
        storage.transfer(source_url=source.url, key=KEY)
        assert r2.bucket.objects[KEY].content == content
        storage.close()


def test_the_time_for_all_of_it_ends_and_leaves_nothing() -> None:
    with strict_r2() as r2, serving(Behaviour(film(40 * PART), rate=100_000)) as source:
        storage = storage_for(r2)
        with pytest.raises(TransferInterruptedError):
            storage.transfer(source_url=source.url, key=KEY, deadline=0.5)
        assert r2.bucket.uploads == {}
        storage.close()


def test_an_observer_that_fails_stops_all_workers_and_takes_the_upload_back() -> None:
    seen = itertools.count()

    def observe(_chunk: bytes) -> None:
        if next(seen) == 5:
            raise KeyboardInterrupt

    with strict_r2() as r2, serving(Behaviour(film(20 * PART))) as source:
        storage = storage_for(r2)
        with pytest.raises(KeyboardInterrupt):
            storage.transfer(source_url=source.url, key=KEY, on_chunk=observe)
        assert r2.bucket.uploads == {}
        storage.close()

"""How a file goes out: in one PUT, in parts, in parts after all; and what is right of it in each way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from clipferry.errors import StorageError
from clipferry.transfer import bottleneck, engine, plan
from clipferry.transfer.bottleneck import BottleneckDetector
from clipferry.transfer.interface import SMALLEST_PART, TransferConfig, TransferResult
from clipferry.transfer.ordered_hash import Part
from clipferry.transfer.plan import WINDOWS_PER_PART, Throughput, balanced_length, measure_throughput
from local.r2.faults import Fault
from local.r2.server import FakeR2
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, sha256, storage_for, strict_r2

CONTENT = film(5 * PART + 17)
ALL_IN_ONE = {"single_seconds": 1e9, "pause_seconds": 0.01}
PROCESSOR, NETWORK = Throughput(1e9, False), Throughput(1e9, True)


@pytest.fixture
def r2() -> Iterator[FakeR2]:
    with strict_r2() as running:
        yield running


def mirrored(r2: FakeR2, behaviour: Behaviour | None = None, **config: Any) -> TransferResult:
    behaviour = behaviour or Behaviour(CONTENT)
    seen: list[bytes] = []
    with serving(behaviour) as source:
        storage = storage_for(r2, **config)
        try:
            done = storage.transfer(source_url=source.url, key=KEY, on_chunk=seen.append)
        finally:
            storage.close()
    assert r2.bucket.objects[KEY].content == b"".join(seen) == behaviour.content
    assert (done.sha256, r2.bucket.uploads) == (sha256(behaviour.content), {})
    return done


@pytest.fixture(params=[PROCESSOR, NETWORK], ids=["processor", "network"])
def limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Throughput:
    """What was measured: it decides whether there is time for the MD5, and none for the HEAD."""

    def measured(read: Any, config: TransferConfig) -> Throughput:
        read(config.part_size // 2)
        return request.param

    monkeypatch.setattr(engine, "measure_throughput", measured)
    return request.param


def config(limit: Throughput) -> dict[str, float]:
    return ALL_IN_ONE | {"cpus": 1000.0 if limit.network_is_the_limit else 0.0}


def test_what_one_connection_moves_soon_enough_goes_in_one_put(r2: FakeR2, limit: Throughput) -> None:
    done = mirrored(r2, **config(limit))
    heads = {} if limit.network_is_the_limit else {"HeadObject": 1}
    assert r2.requests == {"PutObject": 1} | heads
    assert (done.workers, done.fetched) == (1, len(CONTENT))


@pytest.mark.parametrize("after", [PART // 2, PART, 3 * PART])
def test_one_put_that_broke_off_is_sent_again(r2: FakeR2, limit: Throughput, after: int) -> None:
    r2.fail(Fault(operation="PutObject", kind="reset", after=after))
    mirrored(r2, **config(limit))
    assert r2.requests["PutObject"] == 2
    assert r2.requests["CreateMultipartUpload"] == 0


def test_a_source_that_breaks_off_is_read_on(r2: FakeR2, limit: Throughput) -> None:
    mirrored(r2, Behaviour(CONTENT, fault="early end", skip=1, after=PART), **config(limit))
    assert r2.requests["PutObject"] == 1


@pytest.mark.parametrize("kind", ["lost", "503"])
def test_an_answer_that_was_lost_is_found_out_by_the_bytes(r2: FakeR2, limit: Throughput, kind: Any) -> None:
    r2.fail(Fault(operation="PutObject", kind=kind))
    mirrored(r2, **config(limit))
    assert r2.requests["PutObject"] == 2


def test_what_is_there_already_is_left_when_it_is_the_same(r2: FakeR2, limit: Throughput) -> None:
    mirrored(r2, **config(limit))
    before = r2.bucket.objects[KEY]
    mirrored(r2, **config(limit))
    assert r2.bucket.objects[KEY] is before


def test_what_is_there_already_is_written_over_when_it_differs(r2: FakeR2, limit: Throughput) -> None:
    mirrored(r2, Behaviour(film(len(CONTENT), seed=1)), **config(limit))
    mirrored(r2, **config(limit))


def test_a_bucket_that_fails_for_good_is_a_storage_error(r2: FakeR2, limit: Throughput) -> None:
    r2.fail(Fault(operation="PutObject", kind="500", times=1000))
    with serving(Behaviour(CONTENT)) as source:
        storage = storage_for(r2, **config(limit))
        with pytest.raises(StorageError):
            storage.transfer(source_url=source.url, key=KEY)
        storage.close()
    assert r2.bucket.objects == {}


@pytest.mark.parametrize("shape", [{"etag": False}, {"ranges": False}])
def test_a_source_that_cannot_repeat_itself_goes_in_parts(
    r2: FakeR2, limit: Throughput, shape: dict[str, bool]
) -> None:
    mirrored(r2, Behaviour(CONTENT, **shape), **config(limit))
    assert r2.requests["PutObject"] == 0


def test_parts_that_the_bucket_checks_are_parts(r2: FakeR2, limit: Throughput) -> None:
    mirrored(r2, **config(limit), content_md5=True)
    assert r2.requests["PutObject"] == 0


def test_a_network_that_turns_out_to_be_the_limit_gets_parts_after_all(
    r2: FakeR2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket may be slower than the source: nothing of it is known when the source's throughput was measured."""
    monkeypatch.setattr(engine, "measure_throughput", lambda *_: PROCESSOR)
    content = film((5 << 20) + 17)
    done = mirrored(r2, Behaviour(content), **ALL_IN_ONE, cpus=1000.0, part_size=1 << 20)
    assert r2.requests["PutObject"] == 1
    assert r2.requests["UploadPart"] == 6
    assert (done.workers, done.fetched) == (3, len(content))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float, float], None]:
    """Lets time pass: on the wall, on the processor, and waiting for the processor."""
    passed = [0.0, 0.0, 0.0]

    def let_pass(*seconds: float) -> None:
        passed[:] = [before + more for before, more in zip(passed, seconds, strict=True)]

    fake = SimpleNamespace(monotonic=lambda: passed[0], process_time=lambda: passed[1])
    for module in (plan, bottleneck):
        monkeypatch.setattr(module, "time", fake)
        monkeypatch.setattr(module, "waited_seconds", lambda: passed[2])
    return let_pass


@pytest.mark.parametrize(
    ("usual", "expected"),
    [
        ((2.0, 0.1, 0.0), Throughput(500, True)),
        ((2.0, 1.9, 0.0), Throughput(500, False)),
        ((3.0, 1.9, 1.0), Throughput(500, False)),  # another process had the processor for a while
        ((4.0, 0.1, 2.0), Throughput(500, True)),
    ],
)
def test_the_throughput_is_that_of_the_median_window(
    clock: Callable[..., None], usual: tuple[float, float, float], expected: Throughput
) -> None:
    """One window began the connection, and one came out of a buffer."""
    windows = iter([(9.0, 0.1, 0.0), usual, (0.0, 0.0, 0.0), usual])

    def read(count: int) -> memoryview:
        clock(*next(windows))
        return memoryview(bytes(count))

    assert measure_throughput(read, TransferConfig(part_size=1000 * WINDOWS_PER_PART)) == expected


@pytest.mark.parametrize(
    ("cpus", "window", "expected"),
    [
        (1.0, (0.1, 0.09, 0.0), False),
        (1.0, (0.1, 0.02, 0.0), True),
        (1.0, (0.1, 0.02, 0.07), False),  # others had the processor
        (0.29, (0.1, 0.029, 0.071), False),  # a Lambda of 512 MB, which uses what it owns
        (0.29, (0.1, 0.01, 0.085), False),  # that owns a burst now and nothing then
        (0.29, (0.1, 0.01, 0.0), True),
    ],
)
def test_waiting_for_the_processor_is_not_waiting_for_the_network(
    clock: Callable[..., None], cpus: float, window: tuple[float, float, float], expected: bool
) -> None:
    detector = BottleneckDetector(cpus, 8 * 1000)
    found = []
    for _ in range(2):
        clock(*window)
        found.append(detector.network_is_the_limit(1000))
    assert found == [False, expected]


@pytest.mark.parametrize(("answer_seconds", "expected"), [(0.06, True), (0.005, False)])
def test_answers_that_are_waited_for_once_in_a_part_show_the_network(
    clock: Callable[..., None], answer_seconds: float, expected: bool
) -> None:
    """Each short window with an answer in it is followed by busy ones: it takes a look at whole parts."""
    detector = BottleneckDetector(1.0, 8 * 1000)
    found = []
    for _ in range(2):
        for elapsed in (*[0.002] * 7, 0.002 + answer_seconds):
            clock(elapsed, 0.002, 0.0)
            found.append(detector.network_is_the_limit(1000))
    assert found == [*[False] * 15, expected]


def test_the_kernel_counts_waiting_for_the_processor_or_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bottleneck.waited_seconds() >= 0
    monkeypatch.setattr(bottleneck, "_SCHEDULER_STATISTICS", "/nowhere")
    assert bottleneck.waited_seconds() == 0


@pytest.mark.parametrize(
    ("size", "workers", "length"),
    [
        (20_000_000, 7, SMALLEST_PART),
        (50_000_000, 7, 7_142_858),
        (500_000_000, 7, 8 << 20),
        (9_000_000, 1, 8 << 20),
    ],
)
def test_each_worker_gets_a_part_of_a_short_film(size: int, workers: int, length: int) -> None:
    part = Part(1, start=0, length=8 << 20, memory=memoryview(b""), kept=True)
    assert balanced_length(part, size, workers) == length
    part.filled = 8 << 20
    assert balanced_length(part, size, workers) == 8 << 20


def test_shorter_parts_are_taken_by_the_bucket() -> None:
    content = film(16_000_000)
    with FakeR2() as r2:
        done = mirrored(r2, Behaviour(content), part_size=8 << 20, workers=7)
        assert (r2.requests["UploadPart"], done.workers) == (4, 4)


def test_a_source_that_changes_within_one_put_is_never_mixed(r2: FakeR2, limit: Throughput) -> None:
    changed = film(len(CONTENT), seed=1)
    behaviour = Behaviour(CONTENT, fault="changed", skip=1, changed=changed, hangs_up_after=PART + PART // 2)
    with serving(behaviour) as source:
        storage = storage_for(r2, **config(limit))
        done = storage.transfer(source_url=source.url, key=KEY)
        storage.close()
    assert r2.bucket.objects[KEY].content == changed
    assert (done.sha256, r2.bucket.uploads) == (sha256(changed), {})

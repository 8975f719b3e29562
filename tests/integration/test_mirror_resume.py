"""A mirror that was interrupted, or killed at any moment, is continued by the next delivery; two alive do no harm."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from clipferry.errors import ClipferryError, SourceError, StorageError
from clipferry.net.deadline import Deadline
from clipferry.s3.multipart import Multipart, Progress
from clipferry.s3.retry import Retries, TransferInterruptedError
from local.r2.faults import Fault, FaultKind
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, sha256, storage_for, strict_r2

SEEDS = int(os.environ.get("MIRROR_KILL_SEEDS", "200"))
WORKERS = 3
PARTS = 12
RATE = 2_100_000
"""Bytes a second, of all workers together."""
CHILD = """
import json, sys
from pathlib import Path
from clipferry.s3.multipart import Progress
from clipferry.storage import Storage
from clipferry.transfer.interface import TransferConfig

endpoint, source, journal, part, workers = sys.argv[1], sys.argv[2], Path(sys.argv[3]), *map(int, sys.argv[4:])
storage = Storage(endpoint=endpoint, region="auto", access_key="r2-access-key", secret_key="r2-secret-key",
                  bucket="films", public_domain=None, allow_loopback=True,
                  config=TransferConfig(part_size=part, workers=workers, cpus=1000.0, single_seconds=0,
                                        pause_seconds=0.01, stall_seconds=2))

def keep(progress):
    draft = journal.with_suffix(".draft")
    draft.write_text(json.dumps(progress and {**progress._asdict(), "parts": dict(progress.parts)}))
    draft.replace(journal)

kept = json.loads(journal.read_text()) if journal.exists() else None
if kept:
    kept["parts"] = {int(number): etag for number, etag in kept["parts"].items()}
print("ready", flush=True)
done = storage.transfer(source_url=source, key="KEY", progress=Progress(**kept) if kept else None, on_progress=keep)
print(json.dumps({"size": done.size, "sha256": done.sha256}), flush=True)
""".replace("KEY", KEY)


def child(endpoint: str, source: str, journal: Path, workers: int) -> subprocess.Popen[bytes]:
    """Unbuffered, because `communicate` doesn't give what `readline` has read ahead."""
    command = [sys.executable, "-c", CHILD, endpoint, source, str(journal), str(PART), str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_killed_at_any_moment_the_next_delivery_goes_on(tmp_path: Path) -> None:
    """At most one part for each worker is fetched again: those that were on their way. Another second is the worst.

    Each fourth time one worker does it alone; two parts may be on their way then.
    """
    again: dict[int, list[float]] = {1: [], WORKERS: []}
    chance = random.Random(20261122)
    behaviour = Behaviour(film(PARTS * PART + 999), rate=RATE)
    with strict_r2() as r2, serving(behaviour) as source:
        for seed in range(SEEDS):
            r2.bucket.delete(KEY)
            journal = tmp_path / f"{seed}.json"
            before = behaviour.sent
            workers = WORKERS if seed % 4 else 1
            behaviour.rate = RATE / workers
            killed = child(r2.url, source.url, journal, workers)
            time.sleep(chance.uniform(0, 0.7))
            killed.send_signal(signal.SIGKILL)
            killed.communicate()
            finished = child(r2.url, source.url, journal, workers)
            output, errors = finished.communicate(timeout=60)
            assert finished.returncode == 0, f"seed {seed}: {errors}"
            assert json.loads(output) == {"size": len(behaviour.content), "sha256": sha256(behaviour.content)}
            assert r2.bucket.objects[KEY].content == behaviour.content
            again[workers].append((behaviour.sent - before - len(behaviour.content)) / PART)
            orphans = len(r2.bucket.uploads)
            assert orphans <= 1, "an upload whose id was never recorded"
            r2.bucket.uploads.clear()
    for workers, parts in again.items():
        average = sum(parts) / len(parts)
        print(f"{workers} workers, {len(parts)} kills: {average:.2f} parts again, {max(parts):.2f} at most")  # noqa: T201
        assert max(parts) <= max(workers, 2) + 0.5  # what was in the sockets' buffers comes on top


class Notebook:
    """Keeps what `on_progress` gets, and refuses it from the moment when its holder has lost the file."""

    def __init__(self) -> None:
        self.kept: Progress | None = None
        self.lost = threading.Event()

    def __call__(self, progress: Progress | None) -> None:
        if self.lost.is_set():
            raise ClipferryError("the lease is somebody else's")
        self.kept = progress


def half_way() -> Behaviour:
    """A source of which some parts come at once, and the others not before its time is over."""
    return Behaviour(film(PARTS * PART), holds_after=(WORKERS + 1) * PART)


def interrupted(r2: object, source: str, behaviour: Behaviour, notebook: Notebook) -> None:
    storage = storage_for(r2)  # type: ignore[arg-type]
    with pytest.raises(TransferInterruptedError):
        storage.transfer(source_url=source, key=KEY, on_progress=notebook, deadline=2)
    storage.close()
    behaviour.go_on.set()


def test_out_of_time_the_parts_that_are_there_are_kept_and_the_rest_is_added() -> None:
    behaviour, notebook, seen = half_way(), Notebook(), list[bytes]()
    with strict_r2() as r2, serving(behaviour) as source:
        interrupted(r2, source.url, behaviour, notebook)
        kept = notebook.kept
        assert kept is not None
        assert 0 < len(kept.parts) < PARTS
        storage = storage_for(r2)
        done = storage.transfer(
            source_url=source.url, key=KEY, progress=kept, on_progress=notebook, on_chunk=seen.append
        )
        storage.close()
        assert done.sha256 == sha256(behaviour.content)
        assert b"".join(seen) == r2.bucket.objects[KEY].content == behaviour.content
        assert done.fetched == len(behaviour.content) - len(kept.parts) * PART
        assert r2.bucket.uploads == {}


def test_a_source_that_changed_meanwhile_starts_again() -> None:
    behaviour, notebook = half_way(), Notebook()
    left: list[tuple[Progress | None, int]] = []
    with strict_r2() as r2, serving(behaviour) as source:
        interrupted(r2, source.url, behaviour, notebook)
        behaviour.content = film(PARTS * PART, seed=1)
        storage = storage_for(r2)
        storage.transfer(
            source_url=source.url,
            key=KEY,
            progress=notebook.kept,
            on_progress=notebook,
            on_restart=lambda: left.append((notebook.kept, len(r2.bucket.uploads))),
        )
        assert left == [(None, 0)]
        assert (r2.bucket.objects[KEY].content, r2.bucket.uploads) == (behaviour.content, {})
        storage.close()


def test_an_upload_that_r2_has_forgotten_is_begun_anew() -> None:
    behaviour, notebook = half_way(), Notebook()
    with strict_r2() as r2, serving(behaviour) as source:
        interrupted(r2, source.url, behaviour, notebook)
        r2.bucket.uploads.clear()
        storage = storage_for(r2)
        storage.transfer(source_url=source.url, key=KEY, progress=notebook.kept, on_progress=notebook)
        assert r2.bucket.objects[KEY].content == behaviour.content
        storage.close()


def test_who_died_after_completing_is_believed_only_by_the_etag() -> None:
    behaviour, notebook = Behaviour(film(PARTS * PART)), Notebook()
    with strict_r2() as r2, serving(behaviour) as source:
        r2.fail(Fault(operation="HeadObject", kind="500", times=99))
        storage = storage_for(r2, pause_seconds=0.01)
        with pytest.raises(StorageError):
            storage.transfer(source_url=source.url, key=KEY, on_progress=notebook)
        r2.faults.clear()
        assert r2.bucket.completed
        done = storage.transfer(source_url=source.url, key=KEY, progress=notebook.kept, on_progress=notebook)
        assert (done.fetched, done.sha256) == (0, sha256(behaviour.content))
        r2.bucket.delete(KEY)
        storage.upload_file(key=KEY, body=film(PARTS * PART, seed=1))
        again = storage.transfer(source_url=source.url, key=KEY, progress=notebook.kept, on_progress=notebook)
        assert again.fetched == len(behaviour.content)
        assert r2.bucket.objects[KEY].content == behaviour.content
        storage.close()


def test_a_failure_that_may_pass_keeps_what_is_there_and_one_that_does_not_takes_it_back() -> None:
    for fault, is_kept in (("500", True), ("404", False)):
        behaviour = Behaviour(film(PARTS * PART), fault=fault, skip=4, times=999, hangs_up_after=PART)
        notebook = Notebook()
        with strict_r2() as r2, serving(behaviour) as source:
            storage = storage_for(r2, pause_seconds=0.01)
            with pytest.raises(SourceError):
                storage.transfer(source_url=source.url, key=KEY, on_progress=notebook)
            assert (notebook.kept is not None) == is_kept == bool(r2.bucket.uploads)
            storage.close()


@pytest.mark.parametrize("takes_over", ["the same upload", "another upload"])
def test_an_old_holder_who_wakes_up_neither_completes_nor_aborts(takes_over: str) -> None:
    behaviour, old = Behaviour(film(PARTS * PART), rate=300_000), Notebook()
    ended: list[BaseException] = []
    with strict_r2() as r2, serving(behaviour) as source:

        def work() -> None:
            storage = storage_for(r2)
            try:
                storage.transfer(source_url=source.url, key=KEY, on_progress=old)
            except ClipferryError as error:
                ended.append(error)
            storage.close()

        holder = threading.Thread(target=work)
        holder.start()
        while old.kept is None:
            time.sleep(0.01)
        old.lost.set()  # its lease has run out, and it doesn't know yet
        new, storage = Notebook(), storage_for(r2)
        progress = old.kept if takes_over == "the same upload" else None
        done = storage.transfer(source_url=source.url, key=KEY, progress=progress, on_progress=new)
        holder.join()
        storage.close()
        assert done.sha256 == sha256(behaviour.content)
        assert r2.bucket.objects[KEY].content == behaviour.content
        assert len(r2.bucket.completed) == 1
        assert r2.bucket.aborted == []
        assert len(ended) == 1


@pytest.mark.parametrize(("kind", "times"), [("lost", 1), ("500", 1000)])
def test_who_lost_the_file_before_announcing_an_upload_aborts_no_other(kind: FaultKind, times: int) -> None:
    with strict_r2() as r2, serving(Behaviour(film(PARTS * PART))) as source:
        storage = storage_for(r2, pause_seconds=0.01)
        other = Multipart(storage._bucket, KEY, Retries(deadline=Deadline(5))).create({})
        r2.fail(Fault(operation="CreateMultipartUpload", kind=kind, times=times))
        old = Notebook()
        old.lost.set()
        with pytest.raises(ClipferryError):
            storage.transfer(source_url=source.url, key=KEY, on_progress=old)
        assert other in r2.bucket.uploads
        storage.close()

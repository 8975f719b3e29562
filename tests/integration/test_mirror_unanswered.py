"""One worker sends the next part while the answer to one is awaited; an answer that fails costs that part only."""

from __future__ import annotations

import hashlib
import time

import pytest

from clipferry.s3.retry import BucketRefusedError
from local.http.messages import Response
from local.r2.faults import Fault
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, sha256, storage_for, strict_r2

CONTENT = film(6 * PART + 17)
PARTS = [CONTENT[start : start + PART] for start in range(0, len(CONTENT), PART)]
ALONE = {"cpus": 0.0, "pause_seconds": 0.002}
PATIENCE_SECONDS = 20.0


def number_of(response: Response) -> int:
    """Which part is answered: requests of two connections may come in any order."""
    etags = [hashlib.md5(part).hexdigest() for part in PARTS]
    return etags.index(response.headers["etag"].strip('"')) + 1


def test_the_next_part_goes_out_before_one_is_answered() -> None:
    def answer(response: Response) -> Response:
        given_up = time.monotonic() + PATIENCE_SECONDS
        while r2.requests["UploadPart"] < min(number_of(response) + 1, len(PARTS)):
            if time.monotonic() > given_up:
                return error(403, "NoOtherPartCame")
            time.sleep(0.005)
        return response

    with strict_r2() as r2, serving(Behaviour(CONTENT)) as source:
        r2.fail(Fault(operation="UploadPart", kind="answered", times=len(PARTS), answer=answer))
        storage = storage_for(r2, **ALONE)
        done = storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.bucket.objects[KEY].content == CONTENT
    assert (done.workers, done.fetched, done.sha256) == (1, len(CONTENT), sha256(CONTENT))


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("number", [1, 3, len(PARTS)])
def test_a_part_whose_answer_fails_is_fetched_and_sent_again(number: int, times: int) -> None:
    """Its memory has other bytes by then, and its bytes are hashed and seen once all the same."""
    failures = [error(500, "InternalError")] * times
    seen: list[bytes] = []

    def answer(response: Response) -> Response:
        return failures.pop() if failures and number_of(response) == number else response

    with strict_r2() as r2, serving(Behaviour(CONTENT)) as source:
        r2.fail(Fault(operation="UploadPart", kind="answered", times=1000, answer=answer))
        storage = storage_for(r2, **ALONE)
        done = storage.transfer(source_url=source.url, key=KEY, on_chunk=seen.append)
        storage.close()
        assert r2.bucket.objects[KEY].content == CONTENT
        assert r2.requests["UploadPart"] == len(PARTS) + times
    assert b"".join(seen) == CONTENT
    assert (done.workers, done.sha256) == (1, sha256(CONTENT))
    assert done.fetched == len(CONTENT) + times * len(PARTS[number - 1])


def test_a_part_that_fails_for_good_leaves_nothing_of_the_one_before_it() -> None:
    with strict_r2() as r2, serving(Behaviour(CONTENT)) as source:
        refused = Fault(operation="UploadPart", kind="refused", skip=2, answer=lambda _: error(403, "AccessDenied"))
        r2.fail(refused)
        storage = storage_for(r2, **ALONE)
        with pytest.raises(BucketRefusedError, match="AccessDenied"):
            storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert (r2.bucket.uploads, r2.bucket.objects) == ({}, {})


def error(status: int, code: str) -> Response:
    return Response(status=status, body=f"<Error><Code>{code}</Code></Error>".encode())

"""A bucket that answers strangely: what is stored, and what is said about it, is right all the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import pytest

from clipferry.errors import StorageError
from clipferry.net.deadline import Deadline
from clipferry.s3.multipart import Progress
from clipferry.s3.retry import FAILURES, TRIES, BucketRefusedError, Retries, is_worth_another_try
from clipferry.s3.stored_objects import StoredObject, find_object
from clipferry.s3.xml import element_text, is_error
from clipferry.storage import Storage
from clipferry.transfer.interface import TransferResult
from local.http.messages import Response
from local.r2.bucket import Blob
from local.r2.faults import Fault
from local.r2.server import FakeR2
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, sha256, storage_for, strict_r2

Answer = Callable[[Response], Response]
CONTENT = film(3 * PART)
ONE_PART = film(PART)
QUICK = {"pause_seconds": 0.005}


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def error(code: str, *, status: int = 200, opening: str = "Error", prefix: str = "") -> Answer:
    name = opening.partition(" ")[0]
    body = f"<{prefix}{opening}><{prefix}Code>{code}</{prefix}Code></{prefix}{name}>"
    return lambda _: Response(status=status, body=f'<?xml version="1.0" encoding="UTF-8"?>\n\n{body}'.encode())


def without(*names: str) -> Answer:
    def answer(response: Response) -> Response:
        kept = {name: value for name, value in response.headers.items() if name not in names}
        return replace(response, headers=kept)

    return answer


def cut_short(response: Response) -> Response:
    """Promises as many bytes as there are, and ends before."""
    length = str(len(response.body))
    return replace(response, headers={**response.headers, "content-length": length}, body=response.body[:-20])


def cut_short_without_length(response: Response) -> Response:
    headers = {**response.headers, "connection": "close"}
    return replace(response, headers=headers, body=b"", stream=[response.body[:-20]])


def mirrored(r2: FakeR2, content: bytes, *faults: Fault, storage: Storage | None = None) -> TransferResult:
    """Mirrors, and checks what is stored and that no upload is left."""
    r2.fail(*faults)
    storage = storage or storage_for(r2, **QUICK)
    with serving(Behaviour(content)) as source:
        try:
            done = storage.transfer(source_url=source.url, key=KEY)
        finally:
            storage.close()
    assert r2.bucket.objects[KEY].content == content
    assert r2.bucket.uploads == {}
    assert not any(fault.times for fault in r2.faults), "a fault that never happened"
    assert done.sha256 == sha256(content)
    return done


NAMESPACE = 'Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@pytest.mark.parametrize(
    "answer",
    [
        error("InternalError"),
        error("InternalError", opening=NAMESPACE),
        error("SlowDown", opening='Error xmlns:s3="urn:s3"', prefix="s3:"),
        error(""),
    ],
    ids=["plain", "namespace", "prefix", "no code"],
)
@pytest.mark.parametrize("kind", ["answered", "refused"])
def test_completing_that_answers_200_and_an_error_is_done_again(answer: Answer, kind: str) -> None:
    with strict_r2() as r2:
        mirrored(r2, CONTENT, Fault(operation="CompleteMultipartUpload", kind=kind, answer=answer))  # type: ignore[arg-type]
        assert r2.requests["CompleteMultipartUpload"] == 2


@pytest.mark.parametrize("prefix", ["", "s3:"])
@pytest.mark.parametrize("opening", ["Error", NAMESPACE])
def test_an_error_is_read_whatever_its_namespace(opening: str, prefix: str) -> None:
    body = error("InvalidPart", opening=opening, prefix=prefix)(Response(status=200)).body.decode()
    assert is_error(body)
    assert element_text(body, "Code") == "InvalidPart"


@pytest.mark.parametrize("code", ["InvalidPart", "NoSuchKey", "NoSuchUpload", "AccessDenied"])
@pytest.mark.parametrize("status", [200, 404])
def test_what_a_lost_answer_has_completed_is_recognized_whatever_the_repeat_says(code: str, status: int) -> None:
    complete = "CompleteMultipartUpload"
    with strict_r2() as r2:
        lost = Fault(operation=complete, kind="lost")
        mirrored(r2, CONTENT, lost, Fault(operation=complete, kind="refused", answer=error(code, status=status)))
        assert r2.requests[complete] == 2


def test_what_is_complete_is_recognized_after_the_last_try() -> None:
    with strict_r2() as r2:
        r2.fail(Fault(operation="CompleteMultipartUpload", kind="lost"))
        mirrored(r2, CONTENT, Fault(operation="CompleteMultipartUpload", kind="503", times=8))


@pytest.mark.parametrize("code", ["InvalidPart", "NoSuchKey"])
def test_an_upload_that_really_cannot_be_completed_fails_at_once(code: str) -> None:
    other = film(3 * PART, seed=1)
    with strict_r2() as r2, serving(Behaviour(CONTENT)) as source:
        storage = storage_for(r2, **QUICK)
        storage.upload_file(key=KEY, body=other)  # of the same size
        r2.fail(Fault(operation="CompleteMultipartUpload", kind="refused", answer=error(code, status=400)))
        with pytest.raises(BucketRefusedError, match=code):
            storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.requests["CompleteMultipartUpload"] == 1
        assert r2.bucket.objects[KEY].content == other
        assert r2.bucket.uploads == {}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "RequestTimeout"),
        (400, "IncompleteBody"),
        (400, "BadDigest"),
        *((status, "") for status in range(520, 531)),
    ],
)
@pytest.mark.parametrize(("operation", "content"), [("PutObject", ONE_PART), ("UploadPart", CONTENT)])
def test_a_refusal_that_passes_is_judged_by_its_reason(status: int, code: str, operation: str, content: bytes) -> None:
    with strict_r2() as r2:
        mirrored(r2, content, Fault(operation=operation, kind="refused", answer=error(code, status=status)))


@pytest.mark.parametrize(("operation", "content"), [("PutObject", ONE_PART), ("UploadPart", CONTENT)])
def test_a_bucket_that_gives_up_within_a_body_gets_it_again(operation: str, content: bytes) -> None:
    """It does so when the source pauses for longer than it waits."""
    timeout = error("RequestTimeout", status=400)
    with strict_r2() as r2:
        mirrored(r2, content, Fault(operation=operation, kind="refused", after=PART // 2, answer=timeout))


@pytest.mark.parametrize(("status", "code"), [(400, "InvalidArgument"), (403, "AccessDenied"), (501, "NotImplemented")])
def test_a_refusal_that_stays_is_no_reason_to_try_again(status: int, code: str) -> None:
    assert not is_worth_another_try(BucketRefusedError("PUT", http_status=status, reason=code))


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (200, "SlowDown"), (429, ""), (503, "TooManyRequests")]
)
def test_a_burst_of_slow_down_is_sat_out(status: int, code: str) -> None:
    """All workers meet it together, with more failures than a transfer may have otherwise."""
    workers, content = 6, film(40 * PART)
    slow_down = error(code, status=status)
    with strict_r2() as r2:
        storage = storage_for(r2, workers=workers, pause_seconds=0.001)
        burst = Fault(operation="UploadPart", kind="refused", times=FAILURES + 2, answer=slow_down)
        mirrored(r2, content, burst, storage=storage)


def test_when_the_upload_cant_be_created_there_are_no_pauses_but_between_its_tries() -> None:
    with (
        strict_r2() as r2,
        serving(Behaviour(CONTENT)) as source,
        patch.object(Retries, "pause", autospec=True, side_effect=Retries.pause) as pause,
    ):
        r2.fail(Fault(operation="CreateMultipartUpload", kind="500", times=TRIES))
        storage = storage_for(r2, **QUICK)
        with pytest.raises(StorageError):
            storage.transfer(source_url=source.url, key=KEY)
        storage.close()
    assert [call.args[1] for call in pause.call_args_list] == list(range(1, TRIES + 1))


@pytest.mark.parametrize("cut", [cut_short, cut_short_without_length])
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "CompleteMultipartUpload"])
def test_an_answer_that_was_cut_short_is_not_believed(operation: str, cut: Answer) -> None:
    with strict_r2() as r2:
        mirrored(r2, CONTENT, Fault(operation=operation, kind="answered", answer=cut))
        assert r2.requests[operation] == 2


def begun(r2: FakeR2, content: bytes) -> Progress:
    """Returns an upload that another process has begun, with its first part there."""
    upload_id, first = r2.bucket.create(KEY, headers={}, now=r2.now()), content[:PART]
    blob = Blob(size=PART, md5=md5(first), sha256=sha256(first), content=first)
    r2.bucket.put_part(KEY, upload_id, 1, blob)
    return Progress(upload_id=upload_id, part_size=PART, size=len(content), source_etag=f'"{md5(content)}-0"')


def resumed(r2: FakeR2, content: bytes, *faults: Fault) -> TransferResult:
    progress = begun(r2, content)
    r2.fail(*faults)
    storage = storage_for(r2, **QUICK)
    with serving(Behaviour(content)) as source:
        done = storage.transfer(source_url=source.url, key=KEY, progress=progress)
    storage.close()
    assert not any(fault.times for fault in r2.faults), "a fault that never happened"
    assert done.fetched == len(content) - PART
    assert done.sha256 == sha256(content)
    return done


def test_a_list_of_parts_that_was_cut_short_is_not_believed() -> None:
    with strict_r2() as r2:
        resumed(r2, CONTENT, Fault(operation="ListParts", kind="answered", answer=cut_short))
        assert r2.requests["ListParts"] == 2


def with_an_odd_part_first(response: Response) -> Response:
    odd = b'<Part><PartNumber>2</PartNumber><ETag>"odd"</ETag><Size>7</Size></Part>'
    return replace(response, body=response.body.replace(b"<Part>", odd + b"<Part>", 1))


def test_a_part_in_a_list_is_the_one_that_its_number_names_whatever_the_order() -> None:
    with strict_r2() as r2:
        resumed(r2, CONTENT, Fault(operation="ListParts", kind="answered", answer=with_an_odd_part_first))
        assert r2.requests["UploadPart"] == 2


def whole_object(response: Response, content: bytes) -> Response:
    headers = {name: value for name, value in response.headers.items() if name != "content-range"}
    return replace(response, status=200, headers=headers, body=content)


@pytest.mark.parametrize("cut", [0, 2 * PART + 9])
def test_reading_back_takes_the_whole_object_where_a_range_was_asked_for(cut: int) -> None:
    def whole(response: Response) -> Response:
        return whole_object(response, CONTENT)

    def broken_off(response: Response) -> Response:
        length = str(len(response.body))
        return replace(response, headers={**response.headers, "content-length": length}, body=response.body[:cut])

    early = [Fault(operation="GetObject", kind="answered", answer=broken_off)] if cut else []
    with strict_r2() as r2:
        resumed(r2, CONTENT, *early, Fault(operation="GetObject", kind="answered", answer=whole))
        assert r2.requests["GetObject"] == 1 + len(early)


@pytest.mark.parametrize(
    "answer",
    [
        lambda response: replace(response, headers={**response.headers, "content-range": f"bytes 1-9/{3 * PART}"}),
        lambda response: replace(response, headers={**response.headers, "etag": '"another"'}),
        without("content-range"),
    ],
    ids=["another range", "another version", "no range"],
)
def test_reading_back_asks_again_for_what_is_not_what_it_asked_for(answer: Answer) -> None:
    with strict_r2() as r2:
        resumed(r2, CONTENT, Fault(operation="GetObject", kind="answered", answer=answer))
        assert r2.requests["GetObject"] == 2


@pytest.mark.parametrize(
    "first_byte", [lambda response: response, lambda response: whole_object(response, b"picture")], ids=["206", "200"]
)
def test_a_head_without_a_size_is_followed_by_the_first_byte(first_byte: Answer) -> None:
    with strict_r2() as r2:
        storage = storage_for(r2, **QUICK)
        storage.upload_file(key=KEY, body=b"picture")
        r2.fail(Fault(operation="HeadObject", kind="answered", answer=without("content-length")))
        r2.fail(Fault(operation="GetObject", kind="answered", answer=first_byte))
        assert storage.head(KEY) == StoredObject(size=7, etag=md5(b"picture"))
        storage.close()


def test_a_size_that_is_told_nowhere_is_a_storage_error() -> None:
    with strict_r2() as r2:
        storage = storage_for(r2, **QUICK)
        storage.upload_file(key=KEY, body=b"picture")
        r2.fail(Fault(operation="HeadObject", kind="answered", answer=without("content-length")))
        r2.fail(Fault(operation="GetObject", kind="answered", answer=without("content-range")))
        with pytest.raises(StorageError, match="size"):
            find_object(storage._bucket, KEY, deadline=Deadline(5))
        storage.close()


def test_a_part_that_is_answered_without_an_etag_is_sent_again() -> None:
    with strict_r2() as r2:
        mirrored(r2, CONTENT, Fault(operation="UploadPart", kind="answered", answer=without("etag")))
        assert r2.requests["UploadPart"] == 4


def test_parts_that_are_never_given_an_etag_are_a_storage_error() -> None:
    with strict_r2() as r2, serving(Behaviour(CONTENT)) as source:
        r2.fail(Fault(operation="UploadPart", kind="answered", answer=without("etag"), times=1000))
        storage = storage_for(r2, **QUICK)
        with pytest.raises(StorageError, match="without an ETag"):
            storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.bucket.uploads == {}


def test_a_condition_that_is_not_implemented_is_left_out_from_then_on() -> None:
    not_implemented = error("NotImplemented", status=501)
    with strict_r2() as r2:
        storage = storage_for(r2, **QUICK)
        refusal = Fault(operation="PutObject", kind="refused", answer=not_implemented)
        mirrored(r2, ONE_PART, refusal, storage=storage)
        assert r2.requests["PutObject"] == 2
        mirrored(r2, film(PART, seed=1), storage=storage)
        assert r2.requests["PutObject"] == 3


def test_all_uploads_to_a_key_are_aborted_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that was lost may have begun an upload that is on the second page of them."""
    monkeypatch.setattr("local.r2.operations.UPLOADS_A_PAGE", 2)
    with strict_r2() as r2:
        for _ in range(5):
            r2.bucket.create(KEY, headers={}, now=r2.now())
        mirrored(r2, CONTENT, Fault(operation="CreateMultipartUpload", kind="lost"))
        assert r2.requests["ListMultipartUploads"] >= 3

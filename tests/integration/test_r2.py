"""The fake R2 refuses what R2 refuses; a fake that takes everything would prove nothing."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from clipferry.aws.sigv4 import UNSIGNED_PAYLOAD, Credentials, sign
from local.r2.bucket import MIN_PART
from local.r2.faults import Fault
from local.r2.server import FakeR2


def client(r2: FakeR2, **changes: Any) -> Any:
    options: dict[str, Any] = {
        "endpoint_url": r2.url,
        "region_name": "auto",
        "aws_access_key_id": r2.access_key,
        "aws_secret_access_key": r2.secret_key,
    }
    settled = Config(
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        signature_version="s3v4",
    )
    return boto3.client("s3", config=settled, **(options | changes))


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]["Code"]


def send(r2: FakeR2, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> HTTPResponse:
    place = urlsplit(url)
    connection = HTTPConnection("127.0.0.1", urlsplit(r2.url).port)
    connection.request(method, f"{place.path}?{place.query}" if place.query else place.path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def put(r2: FakeR2, body: bytes = b"x", *, now: datetime | None = None, **headers: str) -> int:
    url = f"{r2.url}/{r2.name}/k"
    signed = sign(
        method="PUT",
        url=url,
        region="auto",
        service="s3",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        payload_sha256=UNSIGNED_PAYLOAD,
        credentials=Credentials(access_key=r2.access_key, secret_key=r2.secret_key),
        now=now or datetime.now(UTC),
    )
    return send(r2, "PUT", url, signed, body).status


def test_what_boto3_signs_is_taken_read_listed_and_deleted(r2: FakeR2) -> None:
    s3 = client(r2)
    s3.put_object(Bucket=r2.name, Key="a b/ä.mp4", Body=b"film", ContentType="video/mp4")
    found = s3.get_object(Bucket=r2.name, Key="a b/ä.mp4", Range="bytes=1-2")
    assert (found["Body"].read(), found["ContentType"]) == (b"il", "video/mp4")
    assert s3.get_object(Bucket=r2.name, Key="a b/ä.mp4", Range="bytes=-3")["Body"].read() == b"ilm"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=r2.name)["Contents"]] == ["a b/ä.mp4"]
    s3.delete_object(Bucket=r2.name, Key="a b/ä.mp4")
    assert r2.bucket.objects == {}


def test_our_own_signature_is_taken_and_a_tampered_or_old_one_is_not(r2: FakeR2) -> None:
    assert put(r2) == 200
    assert put(r2, now=datetime.now(UTC) - timedelta(minutes=16)) == 403
    assert send(r2, "PUT", f"{r2.url}/{r2.name}/k", {}, b"x").status == 401
    assert code(client(r2, aws_secret_access_key="wrong").list_objects_v2, Bucket=r2.name) == "SignatureDoesNotMatch"
    assert code(client(r2, aws_access_key_id="wrong").list_objects_v2, Bucket=r2.name) == "InvalidAccessKeyId"


def test_a_presigned_url_is_good_for_its_request_and_its_time(r2: FakeR2) -> None:
    target = {"Bucket": r2.name, "Key": "k", "ContentType": "image/png"}
    url = client(r2).generate_presigned_url("put_object", Params=target, ExpiresIn=60)
    assert send(r2, "PUT", url, {"Content-Type": "image/png"}, b"png").status == 200
    assert send(r2, "PUT", url, {"Content-Type": "text/html"}, b"png").status == 403
    assert send(r2, "PUT", url.replace("/k?", "/other?"), {"Content-Type": "image/png"}, b"png").status == 403
    r2.now = lambda: datetime.now(UTC) + timedelta(seconds=61)
    assert send(r2, "PUT", url, {"Content-Type": "image/png"}, b"png").status == 403


def test_chunked_payloads_as_boto3_sends_them_by_default_are_refused(r2: FakeR2) -> None:
    assert put(r2, Content_Encoding="aws-chunked") == 501


@pytest.mark.parametrize(
    "unsupported",
    [{"ACL": "public-read"}, {"Tagging": "a=b"}, {"ServerSideEncryption": "aws:kms"}, {"ExpectedBucketOwner": "me"}],
)
def test_what_r2_does_not_implement_is_refused(r2: FakeR2, unsupported: dict[str, str]) -> None:
    assert code(client(r2).put_object, Bucket=r2.name, Key="k", Body=b"x", **unsupported) == "NotImplemented"


def test_conditions_are_kept(r2: FakeR2) -> None:
    assert put(r2, If_None_Match="*") == 200
    assert put(r2, If_None_Match="*") == 412
    assert put(r2, If_Match='"nonsense"') == 412
    assert put(r2, If_Match=f'"{hashlib.md5(b"x").hexdigest()}"') == 200


def test_content_md5_is_checked(r2: FakeR2) -> None:
    assert put(r2, Content_MD5=base64.b64encode(hashlib.md5(b"x").digest()).decode()) == 200
    assert put(r2, Content_MD5=base64.b64encode(hashlib.md5(b"y").digest()).decode()) == 400


def test_a_put_needs_its_length(r2: FakeR2) -> None:
    connection = HTTPConnection("127.0.0.1", urlsplit(r2.url).port)
    connection.putrequest("PUT", f"/{r2.name}/k")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_one_write_a_second_for_each_key() -> None:
    with FakeR2(one_write_a_second=True) as r2:
        assert (put(r2), put(r2)) == (200, 429)


@pytest.mark.parametrize(
    ("sizes", "refusal"),
    [
        ([MIN_PART, MIN_PART, 5], None),
        ([MIN_PART], None),
        ([5], None),
        ([MIN_PART - 1, 5], "EntityTooSmall"),
        ([MIN_PART, MIN_PART + 1, 5], "InvalidPart"),
        ([MIN_PART, MIN_PART + 1], "InvalidPart"),
    ],
)
def test_parts_are_equal_but_for_the_last(r2: FakeR2, sizes: list[int], refusal: str | None) -> None:
    s3, target = client(r2), {"Bucket": r2.name, "Key": "k"}
    target["UploadId"] = s3.create_multipart_upload(**target)["UploadId"]
    done = [
        {"PartNumber": number, "ETag": s3.upload_part(**target, PartNumber=number, Body=bytes(size))["ETag"]}
        for number, size in enumerate(sizes, start=1)
    ]
    assert [part["Size"] for part in s3.list_parts(**target)["Parts"]] == sizes
    if refusal:
        assert code(s3.complete_multipart_upload, **target, MultipartUpload={"Parts": done}) == refusal
        s3.abort_multipart_upload(**target)
        assert code(s3.upload_part, **target, PartNumber=1, Body=b"x") == "NoSuchUpload"
    else:
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": done})
        assert r2.bucket.objects["k"].etag.endswith(f"-{len(sizes)}")
        assert code(s3.abort_multipart_upload, **target) == "NoSuchUpload"


def test_faults_happen_as_often_as_they_were_ordered(r2: FakeR2) -> None:
    r2.fail(Fault(operation="PutObject", kind="503", times=2, skip=1))
    assert [put(r2) for _ in range(4)] == [200, 503, 503, 200]


def test_a_lost_answer_is_of_a_request_that_was_done(r2: FakeR2) -> None:
    r2.fail(Fault(operation="PutObject", kind="lost"))
    with pytest.raises(RemoteDisconnected):
        put(r2)
    assert r2.bucket.objects["k"].content == b"x"

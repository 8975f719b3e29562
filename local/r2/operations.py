"""The operations of S3 that R2 has: each makes a response of a request that was let in, or raises RefusedError."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final
from xml.sax.saxutils import escape, unescape

from local.file_server import asked_range
from local.http.messages import Response
from local.r2.bucket import Blob, R2Bucket
from local.r2.folder import Object
from local.r2.signatures import RefusedError

UPLOADS_A_PAGE: Final = 1000
OBJECTS_A_PAGE: Final = 1000
KEPT_HEADERS: Final = frozenset(
    {"content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires"}
)
"""What R2 calls an object's HTTP metadata ("Workers API reference", R2HTTPMetadata)."""
_CHOSEN: Final = frozenset(f"response-{name}" for name in KEPT_HEADERS)
"""A signed request's own choice of a header (GetObject in the Amazon S3 API Reference)."""
_LISTED_KEY: Final = re.compile(r"<Object><Key>(.*?)</Key></Object>", re.DOTALL)
_LISTED_PART: Final = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of the S3 API. `headers` has lower-case names."""

    method: str
    bucket: R2Bucket
    key: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: Blob
    now: datetime

    @property
    def kept_headers(self) -> dict[str, str]:
        """The headers that an object is stored with and served with."""
        given = {name: value for name, value in self.headers.items() if name in KEPT_HEADERS}
        return {"content-type": "application/octet-stream", **given}


def operation_name(method: str, key: str, parameters: Mapping[str, str]) -> str:
    """S3's name for what is asked; NotImplemented for what the fake doesn't have."""
    has_uploads = "uploads" in parameters
    if not key:
        found = {"HEAD": "HeadBucket", "GET": "ListMultipartUploads" if has_uploads else "ListObjects"}
        found["POST"] = "DeleteObjects" if "delete" in parameters else "NotImplemented"
    elif "uploadId" in parameters:
        found = {
            "PUT": "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
            "GET": "ListParts",
        }
    else:
        found = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
        found["POST"] = "CreateMultipartUpload" if has_uploads else "NotImplemented"
    return found.get(method, "NotImplemented")


def _not_implemented(call: Call) -> Response:
    raise RefusedError(501, "NotImplemented", f"{call.method} {'&'.join(call.parameters)}")


def _head_bucket(_call: Call) -> Response:
    return Response(status=200)


def _put_object(call: Call) -> Response:
    stored = call.bucket.put(call.key, call.body, headers=call.kept_headers, conditions=call.headers)
    return Response(status=200, headers={"etag": f'"{stored.etag}"'})


def _create_multipart_upload(call: Call) -> Response:
    upload_id = call.bucket.create(call.key, headers=call.kept_headers, now=call.now)
    return _xml("InitiateMultipartUploadResult", f"<UploadId>{escape(upload_id)}</UploadId>")


def _upload_part(call: Call) -> Response:
    number = int(call.parameters["partNumber"])
    etag = call.bucket.put_part(call.key, call.parameters["uploadId"], number, call.body)
    return Response(status=200, headers={"etag": f'"{etag}"'})


def _complete_multipart_upload(call: Call) -> Response:
    listed = [_listed(part) for part in _LISTED_PART.findall((call.body.content or b"").decode())]
    stored = call.bucket.complete(call.key, call.parameters["uploadId"], listed, conditions=call.headers)
    return _xml("CompleteMultipartUploadResult", f"<ETag>&quot;{stored.etag}&quot;</ETag>")


def _abort_multipart_upload(call: Call) -> Response:
    call.bucket.abort(call.key, call.parameters["uploadId"])
    return Response(status=204)


def _list_parts(call: Call) -> Response:
    """Lists at most 1,000 at a time, as S3 does."""
    parts = sorted(call.bucket.upload(call.key, call.parameters["uploadId"]).parts.items())
    after, limit = int(call.parameters.get("part-number-marker", "0")), int(call.parameters.get("max-parts", "1000"))
    rest = [(number, part) for number, part in parts if number > after]
    page = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{part.md5}&quot;</ETag><Size>{part.size}</Size></Part>"
        for number, part in rest[:limit]
    )
    more = "true" if len(rest) > limit else "false"
    return _xml("ListPartsResult", f"<IsTruncated>{more}</IsTruncated>{page}")


def _list_multipart_uploads(call: Call) -> Response:
    """Lists at most 1,000 at a time by key and id, as S3 does."""
    prefix, limit = call.parameters.get("prefix", ""), int(call.parameters.get("max-uploads", UPLOADS_A_PAGE))
    after = (call.parameters.get("key-marker", ""), call.parameters.get("upload-id-marker", ""))
    found = sorted((upload.key, upload_id) for upload_id, upload in call.bucket.uploads.items())
    rest = [place for place in found if place[0].startswith(prefix) and place > after]
    page = "".join(
        f"<Upload><Key>{escape(key)}</Key><UploadId>{escape(upload_id)}</UploadId>"
        f"<Initiated>{call.bucket.uploads[upload_id].begun:%Y-%m-%dT%H:%M:%S.000Z}</Initiated></Upload>"
        for key, upload_id in rest[:limit]
    )
    more = "<IsTruncated>false</IsTruncated>"
    if len(rest) > limit:
        key, upload_id = map(escape, rest[limit - 1])
        more = f"<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{upload_id}</NextUploadIdMarker>"
        more += "<IsTruncated>true</IsTruncated>"
    return _xml("ListMultipartUploadsResult", more + page)


def _list_objects(call: Call) -> Response:
    """Lists at most 1,000 at a time by key, as S3 does; without continuation tokens."""
    prefix, after = call.parameters.get("prefix", ""), call.parameters.get("start-after", "")
    found = sorted(call.bucket.objects.items())
    rest = [(key, stored) for key, stored in found if key.startswith(prefix) and key > after]
    page = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{stored.size}</Size>"
        f"<LastModified>{stored.modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
        for key, stored in rest[:OBJECTS_A_PAGE]
    )
    more = "true" if len(rest) > OBJECTS_A_PAGE else "false"
    return _xml("ListBucketResult", f"<IsTruncated>{more}</IsTruncated>{page}")


def _delete_objects(call: Call) -> Response:
    """Deletes at most 1,000; the body's hash has to be there, as S3 demands."""
    keys = _LISTED_KEY.findall((call.body.content or b"").decode())
    if "content-md5" not in call.headers:
        raise RefusedError(400, "InvalidRequest", "Missing required header for this request: Content-MD5")
    if not 1 <= len(keys) <= OBJECTS_A_PAGE:
        raise RefusedError(400, "MalformedXML", "(10040)")
    for key in keys:
        call.bucket.delete(unescape(key))
    return _xml("DeleteResult", "")


def _delete_object(call: Call) -> Response:
    call.bucket.delete(call.key)
    return Response(status=204)


def _head_object(call: Call) -> Response:
    found = call.bucket.object(call.key)
    return Response(status=200, headers={**_description(found), "content-length": str(found.size)})


def _get_object(call: Call) -> Response:
    found = call.bucket.object(call.key)
    kept = found.content
    content = kept if kept is not None else bytes(found.size)
    if call.headers.get("if-match", found.etag).strip('"') not in (found.etag, "*"):
        raise RefusedError(412, "PreconditionFailed", "(10031)")
    chosen = {name.removeprefix("response-"): value for name, value in call.parameters.items() if name in _CHOSEN}
    asked = asked_range(call.headers.get("range", ""), found.size)
    if asked is None:
        return Response(status=200, headers={**_description(found), **chosen}, body=content)
    start, end = asked
    if start >= found.size:
        raise RefusedError(416, "InvalidRange", "(10039)")
    headers = {**_description(found), **chosen, "content-range": f"bytes {start}-{end - 1}/{found.size}"}
    return Response(status=206, headers=headers, body=content[start:end])


OPERATIONS: Final[Mapping[str, Callable[[Call], Response]]] = {
    "NotImplemented": _not_implemented,
    "HeadBucket": _head_bucket,
    "ListObjects": _list_objects,
    "DeleteObjects": _delete_objects,
    "PutObject": _put_object,
    "GetObject": _get_object,
    "HeadObject": _head_object,
    "DeleteObject": _delete_object,
    "CreateMultipartUpload": _create_multipart_upload,
    "UploadPart": _upload_part,
    "ListParts": _list_parts,
    "CompleteMultipartUpload": _complete_multipart_upload,
    "AbortMultipartUpload": _abort_multipart_upload,
    "ListMultipartUploads": _list_multipart_uploads,
}


def _description(found: Object) -> dict[str, str]:
    modified = format_datetime(found.modified, usegmt=True)
    return {"etag": f'"{found.etag}"', "last-modified": modified, **found.headers, "accept-ranges": "bytes"}


def _xml(name: str, content: str) -> Response:
    return Response(status=200, body=f'<?xml version="1.0" encoding="UTF-8"?><{name}>{content}</{name}>'.encode())


def _listed(part: str) -> tuple[int, str]:
    number, etag = re.search(r"<PartNumber>(\d+)</PartNumber>", part), re.search(r"<ETag>(.*?)</ETag>", part)
    if number is None or etag is None:
        raise RefusedError(400, "MalformedXML", "(10040)")
    return int(number[1]), unescape(etag[1], {"&quot;": '"'}).strip('"')

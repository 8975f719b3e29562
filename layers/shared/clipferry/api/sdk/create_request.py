"""Reads a request of `/v1/videos`, as JSON or as a form, into a request for a video."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from clipferry.api.generate_body import LONGEST_URL
from clipferry.api.generate_request import order_request
from clipferry.api.requests import headers, parse, raw_body
from clipferry.api.sdk.create_body import CreateVideo
from clipferry.api.sdk.multipart_form import Form, read_form
from clipferry.api.sdk.sizes import ratio_and_quality
from clipferry.catalog import Catalog
from clipferry.errors import InvalidRequestError
from clipferry.usecases.create_video import VideoRequest

LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes; API Gateway takes 10 MB, and Lambda events of 6 MB."""
REFERENCE: Final = "input_reference"
_NUMBERS: Final = ("duration", "seed", "outputNumber")
_FLAGS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What was asked for. `picture` is the first frame's bytes, where it came with the request."""

    body: CreateVideo
    picture: bytes | None = None


def read(event: APIGatewayProxyEventV2) -> Creation:
    """Reads the request; raises InvalidRequestError that names every field at fault."""
    content, content_type = raw_body(event), headers(event).get("content-type", "")
    if len(content) > LARGEST_BODY:
        raise InvalidRequestError.for_field("body", "too_long", f"must be at most {LARGEST_BODY} bytes")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        body = parse(content, CreateVideo)
        return Creation(body=body, picture=_inline_picture(body))
    form = read_form(content, content_type)
    body = parse(json.dumps(_values(form)).encode(), CreateVideo)
    return Creation(body=body, picture=form.files.get(REFERENCE, _inline_picture(body)))


def video_request(
    creation: Creation,
    models: Catalog,
    *,
    picture_url: str | None,
    allow_loopback: bool,
    may_name_webhook: bool = False,
) -> VideoRequest:
    """Reads a request that its model can make, as `generate` does; faults are named by the fields that were sent.

    `picture_url` is where the request's own picture is.
    """
    body, sent = creation.body, {}
    update: dict[str, Any] = {}
    if body.seconds is not None:
        _refuse_both(body, "seconds", "duration")
        update["duration"], sent["duration"] = body.seconds, "seconds"
    if body.size is not None:
        _refuse_both(body, "size", "aspectRatio", "quality")
        update["aspectRatio"], update["quality"] = ratio_and_quality(body.size, models.get(body.model))
        sent |= {"aspectRatio": "size", "quality": "size"}
    if picture_url or body.input_reference:
        _refuse_both(body, REFERENCE, "imageUrl")
        update["imageUrl"] = picture_url or (body.input_reference and body.input_reference.image_url)
        sent["imageUrl"] = REFERENCE
    try:
        return order_request(
            body.model_copy(update=update), models, allow_loopback=allow_loopback, may_name_webhook=may_name_webhook
        )
    except InvalidRequestError as error:
        raise _renamed(error, sent) from None


def _values(form: Form) -> dict[str, Any]:
    """The form's fields as JSON has them: numbers and flags that came as text are read."""
    unknown = [name for name in form.files if name != REFERENCE]
    if unknown:
        raise InvalidRequestError.for_field(unknown[0][:100], "unknown_field", "there is no such file")
    if REFERENCE in form.files and REFERENCE in form.fields:
        raise InvalidRequestError.for_field(REFERENCE, "contradiction", "is sent as a file and as an address")
    return {name: _value(name, value) for name, value in form.fields.items()}


def _value(name: str, value: Any) -> Any:
    if name in _NUMBERS and isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return _FLAGS.get(value, value) if name == "generateAudio" and isinstance(value, str) else value


def _inline_picture(body: CreateVideo) -> bytes | None:
    """The bytes of a data URL (RFC 2397); None for another address."""
    url = body.input_reference.image_url if body.input_reference else ""
    scheme, _, rest = url.partition(":")
    if scheme.lower() != "data":
        if len(url) > LONGEST_URL:
            raise InvalidRequestError.for_field(REFERENCE, "too_long", f"must be at most {LONGEST_URL} characters")
        return None
    kind, comma, content = rest.partition(",")
    try:
        if comma and kind.lower().endswith(";base64"):
            return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise InvalidRequestError.for_field(REFERENCE, "invalid_url", "must be a data URL in Base64")


def _refuse_both(body: CreateVideo, name: str, *others: str) -> None:
    for other in others:
        if getattr(body, other) is not None:
            raise InvalidRequestError.for_field(other, "contradiction", f"is said by {name} already")


def _renamed(error: InvalidRequestError, sent: dict[str, str]) -> InvalidRequestError:
    if not error.details or "fields" not in error.details:
        return error
    fields = [{**fault, "path": sent.get(fault["path"], fault["path"])} for fault in error.details["fields"]]
    return type(error)(str(error), details={**error.details, "fields": fields})

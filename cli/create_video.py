"""`clipferry videos create`: orders a video through the HTTP API, as a front end would."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from cli import database, local_stack
from cli.one_video import follow
from cli.output import Json, print_records, stop
from clipferry.errors import ClipferryError
from clipferry.models import VideoStatus
from clipferry.net.http_client import send_request

TOTAL_SECONDS = 30.0
"""API Gateway ends a request after that."""
_PATH = "/api/v1/video/generate"


class OrderRefusedError(ClipferryError):
    """The API refused the order."""

    code = "ORDER_REFUSED"


def create(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What is to be seen.")],
    model: Annotated[str, typer.Option(help="The model's id, from `GET /api/v1/config/models`.")] = "seedance-2.0",
    duration: Annotated[int | None, typer.Option(metavar="SECONDS", help="The model's own unless set.")] = None,
    aspect_ratio: Annotated[str | None, typer.Option(metavar="RATIO", help="Such as 16:9.")] = None,
    quality: Annotated[str | None, typer.Option(help="Such as 720p.")] = None,
    image: Annotated[str | None, typer.Option(metavar="URL", help="The first frame.")] = None,
    api: Annotated[
        str, typer.Option("--api", metavar="URL", envvar="CLIPFERRY_API_URL", help="The API; without it `make dev`'s.")
    ] = "",
    port: Annotated[str, typer.Option(metavar="PORT", help="Which local stack, if several run.")] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Go on until it has ended; needs the database, too.")] = False,
    as_json: Json = False,
) -> None:
    """Orders a video: at the local stack as the development user, or at --api with the key in CLIPFERRY_API_KEY.

    It costs the user's credits. Exit status 1 if the order is refused, or with --watch if the video fails.
    """
    url, token = _place(api, port)
    options = {"duration": duration, "aspectRatio": aspect_ratio, "quality": quality, "imageUrl": image}
    order = {"prompt": prompt, "model": model} | {name: value for name, value in options.items() if value is not None}
    created = _order(url, token, order)
    print_records([created], as_json=as_json, title="Ordered")
    if watch:
        with database.connect() as db:
            ended = follow(db, created["videoUuid"], as_json=as_json)
        raise typer.Exit(0 if ended is VideoStatus.COMPLETED else 1)


def _place(api: str, port: str) -> tuple[str, str]:
    """Returns the API's address and a token for it."""
    if not api:
        stack = local_stack.the_one(port, otherwise=", or name an API with --api")
        if stack.token:
            return stack.url, stack.token
        api = stack.url
    key = os.environ.get("CLIPFERRY_API_KEY")
    if not key:
        stop("Set CLIPFERRY_API_KEY to a key of the API: `clipferry keys create USER` makes one.")
    return api, key


def _order(url: str, token: str, order: dict[str, Any]) -> dict[str, Any]:
    answer = send_request(
        "POST",
        url.rstrip("/") + _PATH,
        plain_http=urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1"),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        body=json.dumps(order).encode(),
        timeout=TOTAL_SECONDS,
    )
    try:
        content = json.loads(answer.body)
        if content["success"]:
            return content["data"]
        error = content["error"]
        faults = [f"{field['path']}: {field['message']}" for field in (error.get("details") or {}).get("fields", ())]
        reason = "; ".join(faults or [error["message"]])
    except (ValueError, LookupError, TypeError, AttributeError):
        reason = "the answer isn't Clipferry's"
    raise OrderRefusedError(f"{answer.status}: {reason}")

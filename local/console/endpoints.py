"""What only the console may ask: who it is, a video's timeline, and how the fake providers behave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from clipferry.db import timeline
from clipferry.db.connection import Database
from clipferry.errors import ClipferryError, ForbiddenError, InvalidRequestError, NotFoundError
from local.console.fault_controls import Misbehaviour
from local.http.messages import Request, Responder, Response
from local.providers.base import FakeProvider

LOCAL: Final = "/local/"
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def endpoints(
    *, database_url: str, token: str | None, fakes: Mapping[str, FakeProvider], reconcile_seconds: float
) -> Responder:
    """In the envelope of the HTTP API. `fakes` are those that can be switched, by name."""
    behaviours = {name: Misbehaviour(fake) for name, fake in fakes.items()}

    def data_for(request: Request) -> Any:
        match request.method, request.path.removeprefix(LOCAL).split("/"):
            case "GET", ["session"]:
                return {"token": token, "providers": list(fakes), "reconcileSeconds": reconcile_seconds}
            case "GET", ["videos", uuid, "timeline"]:
                return _timeline(database_url, unquote(uuid))
            case "GET", ["providers", name] if name in behaviours:
                return behaviours[name].shown()
            case "PUT", ["providers", name] if name in behaviours:
                behaviours[name].change(_json_object(request))
                return behaviours[name].shown()
        raise NotFoundError(request.path)

    def respond(request: Request) -> Response:
        try:
            _check_sender(request)
            return _reply(200, {"success": True, "data": data_for(request)})
        except ClipferryError as error:
            refusal = error.as_answer()
            return _reply(refusal["status"], {"success": False, "error": refusal["error"]})

    return respond


def _check_sender(request: Request) -> None:
    """A site that has its own name resolve to 127.0.0.1 shows in Host; another page of this machine, in Origin."""
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in _THIS_MACHINE or origin not in ("", f"http://{host}"):
        raise ForbiddenError(f"host {host!r}, origin {origin!r}")


def _timeline(database_url: str, uuid: str) -> list[dict[str, Any]]:
    """What `clipferry explain` prints, by the same query."""
    if not uuid.isprintable():
        raise NotFoundError("not a video's id")
    with closing(Database(database_url)) as database, database.transaction() as tx:
        found = timeline.of_video(tx, uuid)
    return [asdict(moment) | {"at": _plain(moment.at)} for moment in found.all()]


def _plain(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json_object(request: Request) -> dict[str, Any]:
    """A page elsewhere can't send this type without asking first, and it is never told that it may."""
    if request.headers.get_content_type() != "application/json":
        raise InvalidRequestError("not JSON")
    try:
        found = json.loads(request.body or b"")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidRequestError("not a JSON object")
    return found


def _reply(status: int, content: dict[str, Any]) -> Response:
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(status=status, headers=headers, body=json.dumps(content).encode())

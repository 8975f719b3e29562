"""The endpoints that only the console may use: its session, a video's timeline, the fake providers' faults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from clipferry.db import timeline
from clipferry.db.connection import Database
from clipferry.errors import ClipferryError, ForbiddenError, InvalidRequestError, NotFoundError
from local.console import records
from local.console.fault_controls import FaultControls
from local.http.messages import Request, Responder, Response
from local.providers.base import FakeProvider
from local.providers.json_bodies import read_object

LOCAL: Final = "/local/"
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def endpoints(
    *,
    database_url: str,
    token: str | None,
    fakes: Mapping[str, FakeProvider],
    reconcile_seconds: float,
    misconfigured: Callable[[], str | None] = lambda: None,
) -> Responder:
    """Answers in the envelope of the HTTP API. `fakes` are the providers whose faults can be set, by name."""
    controls = {name: FaultControls(fake) for name, fake in fakes.items()}

    def data_for(request: Request) -> Any:
        match request.method, request.path.removeprefix(LOCAL).split("/"):
            case "GET", ["session"]:
                return {"token": token, "providers": list(fakes), "reconcileSeconds": reconcile_seconds}
            case "GET", ["misconfigured"]:
                return {"detail": misconfigured()}
            case "GET", ["videos", uuid, "timeline"]:
                return _timeline(database_url, _known(uuid))
            case "GET", ["videos", uuid, "records"]:
                with closing(Database(database_url)) as database:
                    return records.read(database, _known(uuid), fakes)
            case "GET", ["providers", name] if name in controls:
                return controls[name].state()
            case "PUT", ["providers", name] if name in controls:
                controls[name].change(_json_object(request))
                return controls[name].state()
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
    """Refuses a site whose own name resolves to 127.0.0.1 (by Host), and other pages of this machine (by Origin)."""
    host, origin = request.headers.get("Host", ""), request.headers.get("Origin", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in _THIS_MACHINE or origin not in ("", f"http://{host}"):
        raise ForbiddenError(f"host {host!r}, origin {origin!r}")


def _known(quoted: str) -> str:
    uuid = unquote(quoted)
    if not uuid.isprintable():
        raise NotFoundError("not a video's id")
    return uuid


def _timeline(database_url: str, uuid: str) -> list[dict[str, Any]]:
    """Returns the events that `clipferry explain` prints, from the same query."""
    with closing(Database(database_url)) as database, database.transaction() as tx:
        found = timeline.read(tx, uuid)
    return [asdict(moment) | {"at": _plain(moment.at)} for moment in found.all()]


def _plain(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json_object(request: Request) -> dict[str, Any]:
    """Requires JSON: another site's page can't send this type without a preflight, which is never allowed."""
    if request.headers.get_content_type() != "application/json":
        raise InvalidRequestError("not JSON")
    found = read_object(request.body or b"")
    if found is None:
        raise InvalidRequestError("not a JSON object")
    return found


def _reply(status: int, content: dict[str, Any]) -> Response:
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(status=status, headers=headers, body=json.dumps(content).encode())

"""`clipferry webhooks`: lists what was sent, shows an event, sends it again, and tests the owner's endpoint."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from cli import database
from cli.confirmation import Yes, confirm
from cli.output import Json, print_json, print_records, print_result, stop
from cli.settings import open_dependencies
from clipferry.db import webhook_deliveries, webhook_endpoints
from clipferry.db.webhook_deliveries import Delivery
from clipferry.dependencies import Dependencies
from clipferry.errors import NetworkError
from clipferry.verdicts import DeliveryState
from clipferry.webhooks import signature as webhook_signature

app = typer.Typer(no_args_is_help=True, help="Lists webhooks, shows one, sends it again, and tests your endpoint.")

_LISTED: Final = ("event_id", "kind", "video_uuid", "url", "state", "attempts", "next_attempt_at", "last_status")


@app.command("list")
def list_(
    state: Annotated[
        DeliveryState | None, typer.Option(case_sensitive=False, help="List deliveries in this state only.")
    ] = None,
    video: Annotated[str | None, typer.Option(metavar="UUID", help="List this video's webhooks only.")] = None,
    endpoints: Annotated[bool, typer.Option("--endpoints", help="List the endpoints instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The largest number of rows.")] = 20,
    as_json: Json = False,
) -> None:
    """Lists deliveries, newest first: each is an event for one endpoint."""
    with database.connect() as db, db.transaction() as tx:
        known = webhook_endpoints.list_all(tx, limit=limit)
        found = webhook_deliveries.latest(tx, state=state, video_uuid=video, limit=limit)
    if endpoints:
        print_records(known.all(), as_json=as_json, title="Endpoints", empty="There are no endpoints.")
        return
    print_records(found.all(), as_json=as_json, title="Webhooks", empty="There are no webhooks.", columns=_LISTED)


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="The event's id, evt_…")],
    as_json: Json = False,
) -> None:
    """Shows an event's body, as it is sent, and what became of it at each endpoint. Exit status 1 for an unknown id."""
    with database.connect() as db, db.transaction() as tx:
        reading = webhook_deliveries.event(tx, event_id)
        found = webhook_deliveries.of_event(tx, event_id)
    event, deliveries = reading.first(), found.all()
    if event is None:
        stop(f"There is no event {event_id}.", status=1)
    if as_json:
        print_json({"body": json.loads(event["body"]), "deliveries": [asdict(delivery) for delivery in deliveries]})
        return
    happened = {"at": event["created_at"], "what": event["kind"], "detail": event["body"]}
    print_records([happened, *map(_moment, deliveries)], as_json=False, title=event_id)


@app.command()
def replay(
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="EVENT…", help="The events' ids, evt_…")] = None,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="All that were given up, or fell to a switched-off endpoint.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Sends events again, under their ids and with their bodies, within two minutes. Exit status 1 if there are none.

    They go to every endpoint that is on. A receiver knows an event that it has had by its id.
    """
    chosen = event_ids or []
    if not chosen and not undelivered:
        stop("Name events, or say --undelivered.")
    what = "all that wasn't delivered" if undelivered else f"{len(chosen)} event{'s'[: len(chosen) > 1]}"
    confirm(f"Send {what} again?", yes)
    with database.connect() as db:
        rows = db.run(webhook_deliveries.replay, chosen, undelivered=undelivered).all()
    print_records(rows, as_json=as_json, title="To be sent again", empty="There is nothing to send again.")
    raise typer.Exit(0 if rows else 1)


@app.command("test")
def send_test(as_json: Json = False) -> None:
    """Sends a signed event of the type `webhook.test` to WEBHOOK_URL, from here, and shows the answer.

    Needs all settings. An endpoint that was switched off and answers 2xx is on again. Exit status 1 for other answers.
    """
    with open_dependencies() as dependencies:
        url = dependencies.settings.webhook_url
        if url is None:
            stop("Set WEBHOOK_URL and WEBHOOK_SECRET.")
        event_id, began = f"evt_{secrets.token_hex(16)}", time.monotonic()
        try:
            status, error = _send_test(url, event_id, dependencies), None
        except NetworkError as failure:
            status, error = None, str(failure)
        accepted = status is not None and 200 <= status < 300
        if accepted:
            with dependencies.database.transaction() as tx:
                webhook_endpoints.switch_on(tx, url)
    seconds = round(time.monotonic() - began, 3)
    sentence = f"{url} answered {status} in {seconds} s." if error is None else f"{url} gave no answer: {error}"
    print_result(
        sentence, as_json=as_json, url=url, event_id=event_id, status=status, error=error, accepted=accepted,
        seconds=seconds,
    )  # fmt: skip
    raise typer.Exit(0 if accepted else 1)


def _send_test(url: str, event_id: str, dependencies: Dependencies) -> int:
    now = datetime.now(UTC)
    body = json.dumps({"type": "webhook.test", "timestamp": now.isoformat(), "data": {}}).encode()
    signed = webhook_signature.headers(
        dependencies.settings.webhook_secrets, event_id=event_id, timestamp=int(now.timestamp()), body=body
    )
    return dependencies.post_webhook(url, {"Content-Type": "application/json", **signed}, body).status


def _moment(delivery: Delivery) -> dict[str, Any]:
    answer = delivery.last_error or delivery.last_status
    detail = f"{delivery.attempts} attempts, the last answer {answer}" if delivery.attempts else None
    return {"at": delivery.attempted_at, "what": f"{delivery.state}: {delivery.url}", "detail": detail}

"""POST /api/v1/video/callback/{provider}: a provider says that a task has changed."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from clipferry import runtime
from clipferry.api import callback_request
from clipferry.api.app import build_app, reply
from clipferry.usecases.receive_callback import receive_callback

app = build_app()


@app.post("/api/v1/video/callback/<provider>")
def callback(provider: str) -> Response[str]:
    dependencies = runtime.dependencies()
    receive_callback(
        callback_request.read(app.current_event, provider),
        database=dependencies.database,
        context=dependencies.advance_context,
        secrets=dependencies.settings.callback_secrets,
        now=runtime.now(),
    )
    return reply(HTTPStatus.OK, {"received": True})


lambda_handler = runtime.http_handler(app)

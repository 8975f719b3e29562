"""POST /api/v1/video/callback/{provider}: a provider rings."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import api, runtime
from clipferry.contract import callbacks
from clipferry.observability import logger
from clipferry.usecases.receive_callback import receive_callback

app = api.build_app()


@app.post("/api/v1/video/callback/<provider>")
def callback(provider: str) -> Response[str]:
    receive_callback(
        callbacks.read(app.current_event, provider),
        database=runtime.database(),
        providers=runtime.providers(),
        secrets=runtime.settings().callback_secrets,
        advance=runtime.advance(),
        now=runtime.now(),
    )
    return api.reply(HTTPStatus.OK, {"received": True})


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

"""POST /api/v1/video/callback/{provider}: a provider rings."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from clipferry import runtime
from clipferry.api import app as http
from clipferry.api import callback_request
from clipferry.observability import logger
from clipferry.usecases.receive_callback import receive_callback

app = http.build_app()


@app.post("/api/v1/video/callback/<provider>")
def callback(provider: str) -> Response[str]:
    needs = runtime.dependencies()
    receive_callback(
        callback_request.read(app.current_event, provider),
        database=needs.database,
        providers=needs.providers,
        secrets=needs.settings.callback_secrets,
        queue=needs.mirror_queue,
        polling=needs.polling,
        now=runtime.now(),
    )
    return http.reply(HTTPStatus.OK, {"received": True})


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
@runtime.invocation
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

"""The local API Gateway: HTTP in, events to the functions behind the template's routes, their answers out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from local.http.messages import NoResponse, Request, Responder, Response
from local.http.server import HttpServer, responding
from local.lambda_runtime import cors, responses, routes
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import Invoke
from local.sam_template.resources import Cors

logger = logging.getLogger(__name__)

BODY_LIMIT: Final = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: not raisable."""
HEADER_LIMIT: Final = 10_240
"""Bytes of the request line and all headers; same page."""
EVENT_LIMIT: Final = 6 * 1024 * 1024
"""Bytes, for Lambda: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""

_TOO_LARGE: Final = responses.message(413, "Request Entity Too Large")
_HEADERS_TOO_LARGE: Final = responses.message(431, "Request Header Fields Too Large")
_NOT_FOUND: Final = responses.message(404, "Not Found")
_FAILED: Final = responses.message(500, "Internal Server Error")


class Gateway:
    """Listens on 127.0.0.1 from the moment it is made; answers once `start` was called.

    At most `workers` requests run at once, each on a thread that stays: an instance of a function, kept warm.
    """

    def __init__(
        self,
        *,
        table: Iterable[routes.Route],
        port: int = 0,
        rules: Cors | None = None,
        workers: int = 16,
    ) -> None:
        """Raises PortTakenError. Port 0 is a free one."""
        self._routes = tuple(table)
        self._invoke: Mapping[str, Invoke] = {}
        self._cors = rules
        self._mounts: dict[str, Responder] = {}
        self._server = HttpServer(port=port, finishes_requests=True)
        self._workers = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="function")

    @property
    def url(self) -> str:
        return self._server.url

    def mount(self, path: str, responder: Responder) -> None:
        """Serves `path`, ahead of every route: for what isn't in the template. `/a/` is all that lies under it."""
        self._mounts[path] = responder

    def start(self, invoke: Mapping[str, Invoke]) -> None:
        """`invoke` has every function of the table, by its logical id."""
        self._invoke = invoke
        self._server.start(responding(self._respond, body_limit=BODY_LIMIT))

    def close(self) -> None:
        """Lets running requests finish; afterwards there is no thread and no socket left."""
        self._server.close()
        self._workers.shutdown()

    def _respond(self, request: Request) -> Response | NoResponse:
        if _header_bytes(request) > HEADER_LIMIT:
            return _HEADERS_TOO_LARGE
        if request.body is None:
            return _TOO_LARGE
        for path, responder in self._mounts.items():
            if request.path == path or (_is_folder(path) and request.path.startswith(path)):
                return responder(request)
        origin = request.headers.get("Origin")
        if self._cors is None or not origin:
            return self._route(request)
        if request.method == "OPTIONS" and request.headers.get("Access-Control-Request-Method"):
            return _with_cors(self._preflight(request), cors.preflight_headers(self._cors, origin))
        return _with_cors(self._route(request), cors.response_headers(self._cors, origin))

    def _preflight(self, request: Request) -> Response:
        """API Gateway answers it by itself, unless a route takes it: ANY does, and `$default`."""
        return self._route(request) if routes.find(self._routes, "OPTIONS", request.path) else Response(status=204)

    def _route(self, request: Request) -> Response:
        route = routes.find(self._routes, request.method, request.path)
        if route is None:
            return _NOT_FOUND
        event = self._event(request, route.key)
        if len(request.body or b"") > EVENT_LIMIT // 2 and len(json.dumps(event)) > EVENT_LIMIT:
            return _TOO_LARGE
        try:
            answer = self._workers.submit(self._invoke[route.function], event).result()
            return responses.from_function(answer)
        except Exception:
            logger.exception("%s failed on %s", route.function, route.key)
            return _FAILED

    def _event(self, request: Request, route_key: str) -> dict[str, Any]:
        forwarded = (
            ("x-forwarded-for", request.source_ip),
            ("x-forwarded-port", str(self._server.port)),
            ("x-forwarded-proto", "http"),
        )
        return http_event(
            request.method,
            request.path,
            route_key=route_key,
            query=request.query,
            headers=(*request.headers.items(), *forwarded),
            body=request.body,
            domain=request.headers.get("Host") or f"127.0.0.1:{self._server.port}",
            source_ip=request.source_ip,
        )


def _header_bytes(request: Request) -> int:
    line = f"{request.method} {request.path}?{request.query} HTTP/1.1"
    return len(line) + sum(len(f"{name}: {value}\r\n") for name, value in request.headers.items())


def _is_folder(path: str) -> bool:
    """The root is a page of its own: the routes lie under it."""
    return path.endswith("/") and path != "/"


def _with_cors(response: Response, added: Mapping[str, str]) -> Response:
    """The API's own CORS headers replace the function's."""
    kept = {name: value for name, value in response.headers.items() if not name.startswith("access-control-")}
    return replace(response, headers={**kept, **added})

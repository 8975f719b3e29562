"""The local API Gateway: HTTP in, events to the functions behind the template's routes, their answers out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from local.lambda_runtime import cors, responses, routes
from local.lambda_runtime.events import http_event
from local.lambda_runtime.http_server import TOO_LARGE, Answer, HttpRequest, HttpServer
from local.lambda_runtime.lambda_context import Invoke
from local.lambda_runtime.responses import HttpResponse
from local.sam_template.resources import Cors

logger = logging.getLogger(__name__)

EVENT_LIMIT: Final = 6 * 1024 * 1024
"""Bytes, for Lambda: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""

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
        self._mounts: dict[str, Answer] = {}
        self._server = HttpServer(port=port, answer=self._answer)
        self._workers = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="function")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def mount(self, path: str, answer: Answer) -> None:
        """Serves `path`, ahead of every route: for what isn't in the template. `/a/` is all that lies under it."""
        self._mounts[path] = answer

    def start(self, invoke: Mapping[str, Invoke]) -> None:
        """`invoke` has every function of the table, by its logical id."""
        self._invoke = invoke
        self._server.start()

    def close(self) -> None:
        """Lets running requests finish; afterwards there is no thread and no socket left."""
        self._server.close()
        self._workers.shutdown()

    def _answer(self, request: HttpRequest) -> HttpResponse:
        for path, answer in self._mounts.items():
            if request.path == path or (_is_folder(path) and request.path.startswith(path)):
                return answer(request)
        origin = request.header("origin")
        if self._cors is None or not origin:
            return self._route(request)
        if request.method == "OPTIONS" and request.header("access-control-request-method"):
            return _replaced(self._preflight(request), cors.preflight_headers(self._cors, origin))
        return _replaced(self._route(request), cors.response_headers(self._cors, origin))

    def _preflight(self, request: HttpRequest) -> HttpResponse:
        """API Gateway answers it by itself, unless a route takes it: ANY does, and `$default`."""
        return self._route(request) if routes.find(self._routes, "OPTIONS", request.path) else HttpResponse(status=204)

    def _route(self, request: HttpRequest) -> HttpResponse:
        found = routes.find(self._routes, request.method, request.path)
        if found is None:
            return _NOT_FOUND
        route, _ = found
        event = self._event(request, route.key)
        if len(request.body) > EVENT_LIMIT // 2 and len(json.dumps(event)) > EVENT_LIMIT:
            return TOO_LARGE
        try:
            answer = self._workers.submit(self._invoke[route.function], event).result()
            return responses.from_function(answer)
        except Exception:
            logger.exception("%s failed on %s", route.function, route.key)
            return _FAILED

    def _event(self, request: HttpRequest, route_key: str) -> dict[str, Any]:
        forwarded = (
            ("x-forwarded-for", request.source_ip),
            ("x-forwarded-port", str(self._server.server_port)),
            ("x-forwarded-proto", "http"),
        )
        return http_event(
            request.method,
            request.path,
            route_key=route_key,
            query=request.query,
            headers=(*request.headers, *forwarded),
            body=request.body,
            domain=request.header("host") or f"127.0.0.1:{self._server.server_port}",
            source_ip=request.source_ip,
        )


def _is_folder(path: str) -> bool:
    """The root is a page of its own: the routes lie under it."""
    return path.endswith("/") and path != "/"


def _replaced(response: HttpResponse, added: Mapping[str, str]) -> HttpResponse:
    """The API's own CORS headers in the place of the function's."""
    kept = tuple(pair for pair in response.headers if not pair[0].startswith("access-control-"))
    return replace(response, headers=kept + tuple(added.items()))

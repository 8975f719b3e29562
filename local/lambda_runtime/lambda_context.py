"""One invocation as Lambda makes it: a context, JSON in, JSON out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from local.sam_template.intrinsics import ACCOUNT, REGION
from local.sam_template.resources import Function

Handler = Callable[[Any, Any], Any]
Invoke = Callable[[Mapping[str, Any]], Any]
"""Calls one function with an event; raises what its handler raises, TypeError when its answer isn't JSON."""

_ARN: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"


@dataclass(frozen=True, kw_only=True)
class LambdaContext:
    """A Python handler's second argument. Time runs, but nothing happens at its end."""

    function_name: str
    timeout_seconds: float
    memory_limit_in_mb: int = 512
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))
    identity: None = None
    client_context: None = None
    _started: float = field(default_factory=time.monotonic)

    @property
    def invoked_function_arn(self) -> str:
        return f"{_ARN}:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        return "local"

    def get_remaining_time_in_millis(self) -> int:
        remaining = self.timeout_seconds - (time.monotonic() - self._started)
        return max(0, round(remaining * 1000))


def invoker(function: Function, handler: Handler) -> Invoke:
    """Calls `handler` as Lambda would: both sides see JSON, never each other's objects."""

    def invoke(event: Mapping[str, Any]) -> Any:
        context = LambdaContext(
            function_name=function.name,
            timeout_seconds=function.timeout_seconds,
            memory_limit_in_mb=function.memory_mb,
        )
        return json.loads(json.dumps(handler(json.loads(json.dumps(event)), context)))

    return invoke

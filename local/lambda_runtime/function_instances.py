"""Threads as instances of a function: each has its own copy of the state that two instances don't share.

Lambda gives an instance one event at a time, and Powertools counts on it: its router keeps the current event on a
class, its logger the current keys on the formatter. Here many threads are in one process, so both are kept per thread,
and every thread has its own copy of the handler's module.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import MappingProxyType
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import BaseRouter
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from local.lambda_runtime.lambda_context import Handler
from local.sam_template.resources import Function

_thread = threading.local()


def load(function: Function) -> Handler:
    """The function's handler, imported now, and once more by every thread that calls it. Raises ImportError."""
    import_module(function.module)
    _separate_threads()
    copies = threading.local()

    def handler(event: Any, context: Any) -> Any:
        if not hasattr(copies, "handler"):
            copies.handler = _copy(function)
        return copies.handler(event, context)

    return handler


def _copy(function: Function) -> Handler:
    spec = find_spec(function.module)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no module {function.module}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, function.attribute)


def _per_thread(name: str) -> property:
    return property(lambda _: getattr(_thread, name), lambda _, value: setattr(_thread, name, value))


class _RouterClass(type(BaseRouter)):
    """A metaclass, because the router assigns `BaseRouter.current_event = …` on the class."""

    current_event = _per_thread("current_event")
    lambda_context = _per_thread("lambda_context")


class _PerThreadKeys:
    """An attribute with a value for each thread, which begins with the first value that was set.

    A thread that runs in another's context, as a worker of one call does, shares its value.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._keys = ContextVar[Mapping[int, dict[str, Any]]](name, default=MappingProxyType({}))

    def __get__(self, formatter: Any, _owner: Any) -> dict[str, Any]:
        if id(formatter) not in self._keys.get():
            self._keep(formatter, dict(vars(formatter)[self._name]))
        return self._keys.get()[id(formatter)]

    def __set__(self, formatter: Any, keys: dict[str, Any]) -> None:
        vars(formatter).setdefault(self._name, keys)
        self._keep(formatter, keys)

    def _keep(self, formatter: Any, keys: dict[str, Any]) -> None:
        self._keys.set({**self._keys.get(), id(formatter): keys})


def _separate_threads() -> None:
    if type(BaseRouter) is _RouterClass:
        return
    for name in ("current_event", "lambda_context"):
        setattr(BaseRouter, name, _per_thread(name))
    BaseRouter.__class__ = _RouterClass  # pyright: ignore[reportAttributeAccessIssue]
    LambdaPowertoolsFormatter.log_format = _PerThreadKeys("log_format")  # pyright: ignore[reportAttributeAccessIssue]

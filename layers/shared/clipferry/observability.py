"""One JSON line per event, and metrics in the embedded metric format that CloudWatch reads from the same log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE: Final = "Clipferry"

logger: Final = Logger(service="clipferry", utc=True)


_silence = threading.Event()


@contextmanager
def muted() -> Iterator[None]:
    """For a command line, whose output is its own: nothing is logged or counted meanwhile."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    _silence.set()
    try:
        yield
    finally:
        _silence.clear()
        logger.setLevel(level)


def count(name: str, value: float = 1, *, unit: MetricUnit = MetricUnit.Count, **dimensions: str) -> None:
    """Adds `value` to the metric `name`; a dimension has few values (a provider, a code), never an id."""
    if _silence.is_set():
        return
    with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
        for dimension, setting in dimensions.items():
            metric.add_dimension(name=dimension, value=setting)

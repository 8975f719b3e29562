"""One JSON line per event, and metrics in the embedded metric format that CloudWatch reads from the same log."""

from __future__ import annotations

from typing import Final

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE: Final = "Clipferry"

logger: Final = Logger(service="clipferry", utc=True)


def count(name: str, value: float = 1, *, unit: MetricUnit = MetricUnit.Count, **dimensions: str) -> None:
    """Adds `value` to the metric `name`; a dimension has few values (a provider, a code), never an id."""
    with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
        for dimension, setting in dimensions.items():
            metric.add_dimension(name=dimension, value=setting)

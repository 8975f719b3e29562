"""CloudWatch's arithmetic, as far as the template's alarms need it: when one is on, given what was counted and when.

Missing values count as 0; a division by zero has no value, nor has a period in which nothing was counted ("Using
metric math" and "Evaluating an alarm" in its user guide). An alarm's periods lie as on the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import gt, lt
from statistics import fmean
from typing import Any

from tests.contract.rules.alarms import QUERY

STATISTICS = {"Sum": sum, "Average": fmean, "Maximum": max}


@dataclass(frozen=True, slots=True)
class Counted:
    """`value` was added to `metric`, `at` seconds after the test began."""

    at: float
    metric: str
    value: float = 1
    dimensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Alarm:
    """An alarm of the template, its intrinsic functions resolved."""

    properties: dict[str, Any]

    def on(self, counted: Iterable[Counted], *, hours: float) -> list[float]:
        """The ends of the periods, in hours, after which the alarm is on."""
        kept = list(counted)
        values = [self._value(kept, number) for number in range(round(hours * 3600 / self.period))]
        looked_at = int(self.properties["EvaluationPeriods"])
        needed = int(self.properties.get("DatapointsToAlarm", looked_at))
        bad = [value is not None and self._is_breaching(value) for value in values]
        return [
            (number + 1) * self.period / 3600
            for number in range(len(bad))
            if sum(bad[max(0, number + 1 - looked_at) : number + 1]) >= needed
        ]

    @property
    def period(self) -> int:
        given = [q.get("Period") or q.get("MetricStat", {}).get("Period") for q in self._queries]
        return next(period for period in given if period)

    @property
    def _queries(self) -> list[dict[str, Any]]:
        own = self.properties
        stat = {"Metric": own, "Stat": own.get("Statistic"), "Period": own.get("Period")}
        return own.get("Metrics") or [{"Id": "own", "MetricStat": stat}]

    def _is_breaching(self, value: float) -> bool:
        threshold = float(self.properties["Threshold"])
        return {"GreaterThanThreshold": gt, "LessThanThreshold": lt}[self.properties["ComparisonOperator"]](
            value, threshold
        )

    def _value(self, counted: list[Counted], number: int) -> float | None:
        within = [one for one in counted if int(one.at // self.period) == number]
        series = {q["Id"]: _measured(q, within) for q in self._queries}
        if not any(value is not None for value in series.values()):
            return None
        expressions = {q["Id"]: q["Expression"] for q in self._queries if series[q["Id"]] is None and "Expression" in q}
        names = {name: value or 0 for name, value in series.items()}
        for name, text in [*reversed(expressions.items())]:  # those that others are made of come later
            try:
                names[name] = eval(text, {"__builtins__": {}, "IF": _if}, names)
            except ZeroDivisionError:
                return None
        [shown] = [q["Id"] for q in self._queries if q.get("ReturnData", True)]
        return names[shown]


def _measured(query: dict[str, Any], within: list[Counted]) -> float | None:
    """The value of a series or a query; None for an expression, and for what has no values."""
    values = list(_values(query, within))
    if not values:
        return None
    stat = query["MetricStat"]["Stat"] if "MetricStat" in query else "Average"
    return STATISTICS[stat](values)


def _values(query: dict[str, Any], within: list[Counted]) -> Iterator[float]:
    asked = QUERY.match(query.get("Expression", ""))
    for one in within:
        if asked and asked[0].startswith("SELECT AVG") and one.metric == asked[1]:
            yield one.value
        elif "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            named = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions", [])}
            if (one.metric, one.dimensions) == (metric["MetricName"], named):
                yield one.value


def _if(condition: float, then: float, otherwise: float) -> float:
    return then if condition else otherwise

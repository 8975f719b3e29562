"""Logs and metrics, both as lines of JSON; the metrics are in the embedded metric format of CloudWatch."""

from clipferry.observability.log import (
    NAMESPACE,
    NAMESPACE_VARIABLE,
    add_redactions,
    clear_redactions,
    count,
    disabled,
    logger,
    set_log_context,
)

__all__ = [
    "NAMESPACE",
    "NAMESPACE_VARIABLE",
    "add_redactions",
    "clear_redactions",
    "count",
    "disabled",
    "logger",
    "set_log_context",
]

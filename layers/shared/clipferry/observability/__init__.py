"""Logs and metrics, both as lines of JSON; the metrics are in the embedded metric format of CloudWatch."""

from clipferry.observability.log import (
    NAMESPACE,
    NAMESPACE_VARIABLE,
    count,
    disabled,
    logger,
    set_log_context,
)
from clipferry.observability.redaction import add_redactions, clear_redactions, quote, redact_body, redact_fields

__all__ = [
    "NAMESPACE",
    "NAMESPACE_VARIABLE",
    "add_redactions",
    "clear_redactions",
    "count",
    "disabled",
    "logger",
    "quote",
    "redact_body",
    "redact_fields",
    "set_log_context",
]

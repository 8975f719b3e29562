"""How long a server asks us to wait before the next try (Retry-After, RFC 9110 §10.2.3)."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

_SECONDS = r"[0-9]{1,9}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = rf"[A-Za-z]{{3}}, ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT"


def retry_after(value: str, now: float | None = None) -> float | None:
    """Returns the seconds that the header's value names, or that are left until its date; None for a wrong one.

    `now` is the Unix time, the clock's if it isn't given.
    """
    if re.fullmatch(_SECONDS, value):
        return float(value)
    found = re.fullmatch(_DATE, value)
    if found is None:
        return None
    day, month, year, hour, minute, second = found.groups()
    try:
        numbers = (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), min(int(second), 59))
        moment = datetime(*numbers, tzinfo=UTC)
    except ValueError:
        return None
    return max(moment.timestamp() - (time.time() if now is None else now), 0.0)

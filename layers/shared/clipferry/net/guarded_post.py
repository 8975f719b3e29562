"""POST to an address that nobody vouches for: checked and pinned like the guarded GET, and bounded in every direction.

Only the answer's head is read. A body, however long or slow, costs nothing, and a redirect is an answer like others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clipferry.errors import NoAnswerError, RequestNotSentError, SourceError
from clipferry.net.connection import connect
from clipferry.net.deadline import Deadline
from clipferry.net.public_urls import check_url
from clipferry.net.safe_get import Rules, resolve_checked

TOTAL_SECONDS: Final = 15.0
"""From the name's look-up to the answer's head; the look-up itself ends by the system's own limits."""


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """The answer's status, and its `Retry-After` as it was written."""

    status: int
    retry_after: str | None


def post(
    url: str, *, headers: Mapping[str, str], body: bytes, rules: Rules, seconds: float = TOTAL_SECONDS
) -> PostAnswer:
    """Posts `body` and returns the answer, whatever its status. Nothing is sent twice.

    Raises RequestNotSentError when nothing was sent, also because the address isn't public HTTPS, and NoAnswerError
    when it was sent and no answer came in `seconds`.
    """
    deadline = Deadline(seconds)
    try:
        origin, target = check_url(url, ())
        addresses = resolve_checked(origin, rules.resolve, allow_loopback=rules.allow_loopback)
        connection = connect(
            origin, addresses, deadline=Deadline(min(rules.connect_timeout, deadline.remaining())), tls=rules.tls
        )
    except (SourceError, OSError) as error:
        raise RequestNotSentError(f"{type(error).__name__}: {error}") from error
    connection.deadline = deadline
    try:
        response = connection.request("POST", target, headers={**headers, "Connection": "close"}, body=body)
        return PostAnswer(response.status, response.headers.get("Retry-After") or None)
    except (OSError, ValueError) as error:
        raise NoAnswerError(f"{origin.name}: {type(error).__name__}: {error}") from error
    finally:
        connection.close()

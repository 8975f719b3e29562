"""`metadata[name]=value` of a query: the pair that a list is of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from clipferry.errors import InvalidRequestError

_NAMED: Final = re.compile(r"metadata\[([^\x00\[\]]{1,40})\]")
_LONGEST_VALUE: Final = 500


def metadata_filter(query: Mapping[str, str]) -> tuple[str, str] | None:
    """The pair, None without one. One at a time: an index finds a pair, and no two of them."""
    given = [name for name in query if name.partition("[")[0] == "metadata"]
    if not given:
        return None
    named = _NAMED.fullmatch(given[0])
    if named is None or len(given) > 1:
        raise InvalidRequestError.for_field("metadata", "invalid", "must be one metadata[name]=value")
    value = query[given[0]]
    if len(value) > _LONGEST_VALUE or "\x00" in value:
        raise InvalidRequestError.for_field("metadata", "invalid", f"a value has at most {_LONGEST_VALUE} characters")
    return named[1], value

"""What a provider says that a task cost, in the currency in which it says so."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

_LARGEST: Final = 1_000_000
_MOST_DECIMALS: Final = 50
"""Far more than a price has, and far fewer than PostgreSQL's `numeric` takes."""


class Currency(StrEnum):
    """USD where the answer has dollars. Credits and units are the provider's own: its price list has their worth."""

    USD = "USD"
    CREDITS = "credits"
    UNITS = "units"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCost:
    amount: Decimal
    currency: Currency


def read_cost(value: object, currency: Currency) -> ProviderCost | None:
    """Reads a number, or a text that is one; None for anything else, and for what no video costs."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip())
    except ArithmeticError:
        return None
    exponent = amount.as_tuple().exponent  # a letter for what is no number
    is_sensible = isinstance(exponent, int) and exponent >= -_MOST_DECIMALS and 0 <= amount < _LARGEST
    return ProviderCost(amount=amount, currency=currency) if is_sensible else None

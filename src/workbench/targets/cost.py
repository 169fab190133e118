"""What serving costs, as far as it can be told beforehand."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cost", "Line"]


@dataclass(frozen=True)
class Line:
    """One line of a bill: ``quantity`` times ``price``, both per month and in the table's currency.

    Attributes:
        what: "n1-standard-2, 1 replica".
        quantity: how much a month.
        unit: of what: "h", "DBU", "1000 tokens".
        price: of one.
        source: the page that says so.
    """

    what: str
    quantity: float
    unit: str
    price: float
    source: str

    @property
    def amount(self) -> float:
        """A month's."""
        return self.quantity * self.price


@dataclass(frozen=True)
class Cost:
    """A month's bill.

    Attributes:
        lines: what is paid for.
        currency: ISO 4217.
        day: the date of the prices, ISO 8601.
        unknown: what could not be priced, in words; the sum is a lower bound then.
    """

    lines: tuple[Line, ...]
    currency: str
    day: str
    unknown: tuple[str, ...] = ()

    @property
    def monthly(self) -> float:
        """The sum."""
        return sum(line.amount for line in self.lines)

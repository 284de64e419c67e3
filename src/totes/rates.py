"""The contract of a table of exchange rates."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from totes.table import TableContract

RATE_COLUMNS = ("date", "character varying", "numeric", "date")


class RatesContract(TableContract):
    """A table of exchange rates, which comes from no source: people fill it.

    It has four columns, in this order: a day, a currency's code, units of that currency per unit of
    the `base` currency, and the day on which that rate was published.
    """

    base: str

    @model_validator(mode="after")
    def _columns_are_those_of_rates(self) -> Self:
        if tuple(column.type.name for column in self.columns.values()) != RATE_COLUMNS:
            raise ValueError(f"the columns of rates are {', '.join(RATE_COLUMNS)}, in this order")
        if self.key != tuple(self.columns)[:2]:
            raise ValueError("the key of rates is the day and the currency's code")
        return self

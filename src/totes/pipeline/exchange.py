"""Exchange rates, which come from a file and not from the source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from totes import rates, warehouse
from totes.config import Settings
from totes.errors import ConfigurationError


@dataclass(frozen=True)
class RatesTaken:
    """What a file of rates had: days from `first` to `last`, and currencies besides the base.

    `changed` counts the rows of the table that are new or other than before.
    """

    table: str
    days: int
    currencies: int
    first: date
    last: date
    changed: int


def take_rates(settings: Settings, path: Path) -> RatesTaken:
    """Put the exchange rates in a file into the warehouse, to those that are there."""
    contract = settings.data_model().rates
    if contract is None:
        raise ConfigurationError(
            "the data model has no table of exchange rates",
            hint="a contract in its folder rates/ makes one",
        )
    found = rates.read(path, contract.base)
    with warehouse.open_warehouse(settings.dsn("warehouse")) as connection:
        changed = warehouse.put_in(connection, contract, found)
    days = {rate.published for rate in found}
    currencies = {rate.currency for rate in found} - {contract.base}
    return RatesTaken(contract.name, len(days), len(currencies), min(days), max(days), changed)

"""How exchange rates that were taken in are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from totes.pipeline import RatesTaken


def rates_document(taken: RatesTaken) -> dict[str, Any]:
    """It as JSON."""
    return {
        "table": taken.table,
        "days": taken.days,
        "currencies": taken.currencies,
        "first": taken.first.isoformat(),
        "last": taken.last.isoformat(),
        "changed": taken.changed,
    }


def show_rates(taken: RatesTaken) -> None:
    """It in a line."""
    click.echo(
        f"rates    {taken.days:,} days, {taken.first} to {taken.last}, of {taken.currencies} "
        f"currencies: {taken.changed:,} rows of {taken.table} are new or corrected"
    )

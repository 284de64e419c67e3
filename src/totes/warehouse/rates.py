"""Exchange rates in the warehouse: what people hand in, and each day that it holds for.

Rates are published on working days. The table has a row for each of the days after as well, until
the next is published, so that a view finds a day's rate by equality.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from totes.errors import ConfigurationError
from totes.rates import Rate, RatesContract
from totes.warehouse.load import PATIENCE
from totes.warehouse.relations import SCHEMA, kinds, misfit

LONGEST_GAP = 7  # days for which a rate holds if none follows

PUBLISHED = """
    insert into {table} as held ({columns})
    select published, currency, rate, published from totes_published
    {upsert}
"""
FILLED = """
    insert into {table} as held ({columns})
    select filled.day::date, rate.currency, rate.rate, rate.published
    from (
        select
            {published} as published,
            {currency} as currency,
            {rate} as rate,
            lead({published}) over (partition by {currency} order by {published}) as next
        from {table}
        where {day} = {published}
    ) as rate
    cross join lateral generate_series(
        rate.published + 1, least(rate.published + {gap}, rate.next - 1), interval '1 day'
    ) as filled (day)
    {upsert}
"""
UPSERT = """
    on conflict ({day}, {currency}) do update
    set {rate} = excluded.{rate}, {published} = excluded.{published}
    where (held.{rate}, held.{published}) is distinct from (excluded.{rate}, excluded.{published})
"""


def put_in(connection: psycopg.Connection, contract: RatesContract, rates: Sequence[Rate]) -> int:
    """Add rates to those that the warehouse has, and correct those; all or nothing.

    Returns how many rows of the table are new or other than before. Raises ConfigurationError if
    the warehouse has no such table.
    """
    _check(connection, contract)
    day, currency, rate, published = map(sql.Identifier, contract.columns)
    parts: dict[str, sql.Composable] = {
        "table": sql.Identifier(SCHEMA, contract.name),
        "columns": sql.SQL(", ").join((day, currency, rate, published)),
        "day": day,
        "currency": currency,
        "rate": rate,
        "published": published,
        "gap": sql.Literal(LONGEST_GAP),
    }
    parts["upsert"] = sql.SQL(UPSERT).format(**parts)
    with connection.transaction():
        wait = sql.SQL("set local lock_timeout = {}").format(sql.Literal(PATIENCE))
        connection.execute(wait)
        # of two at once, one waits for the other; whoever queries does not wait
        lock = sql.SQL("lock table {table} in share row exclusive mode")
        connection.execute(lock.format(**parts))
        _stage(connection, rates)
        changed = connection.execute(sql.SQL(PUBLISHED).format(**parts)).rowcount
        changed += connection.execute(sql.SQL(FILLED).format(**parts)).rowcount
        connection.execute(sql.SQL("analyze {table}").format(**parts))
    return changed


def _check(connection: psycopg.Connection, contract: RatesContract) -> None:
    if kinds(connection, [contract.name]).get(contract.name) != "r":
        raise ConfigurationError(
            f"the warehouse has no table {contract.name}",
            hint="totes load makes it in a new warehouse, totes rebuild --yes in an older one",
        )
    if wrong := misfit(connection, contract.name, contract.columns):
        raise ConfigurationError(wrong, hint=f"drop table {contract.name}; totes rebuild --yes")


def _stage(connection: psycopg.Connection, rates: Sequence[Rate]) -> None:
    connection.execute(
        "create temp table totes_published (published date, currency text, rate numeric) "
        "on commit drop"
    )
    with connection.cursor() as cursor, cursor.copy("copy totes_published from stdin") as copy:
        for rate in rates:
            copy.write_row(rate)

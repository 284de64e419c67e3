"""Runs that nothing disturbs: what there is before one, and what there must be after any other.

A first run, or a second one that finds all kinds of changes at the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.crash import killed_at
from tests.proxy import Proxy, proxy_to
from tests.world import Stock, World
from totes import lake, pipeline

SCENARIOS = ("first", "second")
ENDS = ("source", "warehouse")
FACTS = ("fact_payment", "fact_purchase_order", "fact_sales_order")
TABLES = (
    *"dim_currency dim_counterparty dim_date dim_design dim_location dim_payment_type".split(),
    *"dim_staff dim_transaction".split(),
    *FACTS,
)
TRADE = (
    "insert into currency values ('JPY', 7, '2023-05-01', '2023-05-01')",
    "update sales_order set units_sold = 2000, currency_id = 7 where sales_order_id = 2",
    "update payment set paid = true, last_updated = '2023-05-02 12:00' where payment_id = 8",
    "delete from payment where payment_id = 31",
    "update department set department_name = 'Vente'",
    "update sales_order set agreed_payment_date = 'soon' where sales_order_id = 14",
)

Contents = dict[tuple[str, ...], list[tuple[Any, ...]]]


def port_of(dsn: str) -> int:
    return int(str(conninfo_to_dict(dsn)["port"]))


def through(proxy: Proxy, world: World, end: str) -> World:
    """The same world, one end of which is reached through the proxy."""
    dsn: str = getattr(world, end)
    near: Any = {end: dsn.replace(f":{port_of(dsn)}/", f":{proxy.port}/")}
    return replace(world, **near)


def contents(world: World) -> Contents:
    """Everything in the warehouse and in both lakes but the times at which things were seen."""
    return loaded(world) | archived(world)


def loaded(world: World) -> Contents:
    """Everything in the warehouse but the times at which things were seen."""
    found: Contents = {}
    with psycopg.connect(world.warehouse) as connection:
        for table in TABLES:
            rows = connection.execute(f"select * from {table}").fetchall()
            found["warehouse", table] = _timeless(table, rows)
        ledger = connection.execute("select batch, rows from totes.ledger order by batch")
        found["warehouse", "ledger"] = ledger.fetchall()
    return found


def archived(world: World) -> Contents:
    """Every version in both lakes, batch by batch, and which files a table is read from."""
    found: Contents = {}
    for kept in lakes(world):
        head = kept.head()
        for batch in range(1, head.batch + 1 if head else 0):
            for name, table in kept.manifest(batch).tables.items():
                place = (kept.kind, str(batch), name)
                found[place] = [(table.rows, *((f.first, f.last, f.rows) for f in table.state))]
                for layer in kept.layers(table.changes):
                    rows = duckdb.execute(f"select * from '{layer.path}'").fetchall()
                    found[place] += _timeless(name, rows)
    return found


def _timeless(table: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    if table.startswith("fact_"):
        rows = [(*row[:4], *row[6:]) if row[-1] == "delete" else row for row in rows]
    return sorted(rows, key=str)


def lakes(world: World) -> list[lake.Lake]:
    return [
        lake.Lake(world.settings.lake("ingestion"), "ingestion", world.folder),
        lake.Lake(world.settings.lake("processed"), "processed", world.folder),
    ]


def assert_no_half(world: World) -> None:
    """What a reader finds, whatever has happened, is whole: both lakes, and the warehouse."""
    for kept in lakes(world):
        assert lake.audit(kept, lambda done, total: None).damage == []
    if world.ask("select to_regclass('totes.ledger')") == [(None,)]:
        return
    ledger = dict(world.ask("select batch, rows from totes.ledger"))
    facts = world.ask(" union ".join(f"select batch from {fact}" for fact in FACTS))
    assert {batch for (batch,) in facts} <= ledger.keys()


@dataclass(frozen=True)
class Outcome:
    """What a run went through, and what it left.

    `moments` are those at which it could have been killed, `passed` the bytes that went to and from
    each end.
    """

    moments: int
    passed: dict[str, int]
    contents: Contents


class Undisturbed:
    """What there is before a run, and its outcome if nothing disturbs it; found out once."""

    def __init__(self, stock: Stock, folder: Path) -> None:
        self._stock, self._folder = stock, folder
        self._outcomes: dict[str, Outcome] = {}

    def outcome(self, scenario: str) -> Outcome:
        """The outcome of a run; to be asked for while there is no world like before it."""
        if scenario not in self._outcomes:
            self._outcomes[scenario] = self._lived_through(scenario)
        return self._outcomes[scenario]

    @contextmanager
    def before(self, scenario: str, folder: Path) -> Iterator[tuple[World, Outcome]]:
        """Yield a world in which a run has all its work before it, and the outcome of that."""
        outcome = self.outcome(scenario)
        with self._copied(scenario, folder) as world:
            yield world, outcome

    def _copied(self, scenario: str, folder: Path) -> AbstractContextManager[World]:
        return self._stock.copied(f"before_{scenario}_run", BEFORE[scenario], folder)

    def _lived_through(self, scenario: str) -> Outcome:
        with self._copied(scenario, self._folder / scenario) as world:
            port = port_of(world.source)
            with proxy_to(port) as one, proxy_to(port) as two:
                seen = through(two, through(one, world, "source"), "warehouse")
                moments = killed_at(seen, 10**9)
            assert moments
            assert pipeline.verify(world.settings).is_well
            passed = {"source": one.passed, "warehouse": two.passed}
            return Outcome(moments, passed, contents(world))


def _trade(world: World) -> None:
    world.run()
    world.change(*TRADE)


def _nothing(world: World) -> None:
    pass


BEFORE: dict[str, Callable[[World], None]] = {"first": _nothing, "second": _trade}

"""Star = warehouse: every version that the warehouse should hold, against what it does hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from totes import changes, duck, lake, warehouse
from totes.config import Settings
from totes.contract import DataModel, StarContract
from totes.difference import Sum, summed
from totes.errors import DamageError, TotesError, TransientError
from totes.pipeline.comparison import STAR_WAREHOUSE, Comparison, Side, compare, rows_of

if TYPE_CHECKING:
    import psycopg

GROUP = 500  # batches whose change files are read at once: 10,000 of them in seconds, in 60 MB
_T = TypeVar("_T")
Chain = dict[int, tuple[str, str | None]]


def star_and_warehouse(
    settings: Settings,
    model: DataModel,
    processed: lake.Lake,
    chain: Chain,
    work: duck.Workspace,
    done: Callable[[str], None],
) -> tuple[list[Comparison], list[str]]:
    """Compare every column of every version, at one instant of the warehouse; and, as sentences,
    what is wrong with its ledger, whose batches must be those of the lake, whose `chain` is known.
    """
    with warehouse.open_warehouse(settings.dsn("warehouse")) as connection:
        if warehouse.last_applied(connection) is None:
            return [], []
        try:
            with warehouse.held_still(connection, model):
                ledger = warehouse.entries(connection)
                damage = _ledger_damage(processed, chain, ledger)
                if damage:
                    return [], damage
                return _compare(connection, model, processed, len(ledger), work, done), []
        except TransientError:
            raise
        except TotesError as error:
            names = [star.name for star in model.load_order]
            return [Comparison(STAR_WAREHOUSE, name, explained=str(error)) for name in names], []


def _ledger_damage(processed: lake.Lake, chain: Chain, ledger: list[tuple[int, str]]) -> list[str]:
    """What is wrong with the ledger. A load may have been at work since the chain was walked."""
    missing = next((n for n, (batch, _) in enumerate(ledger, 1) if batch != n), None)
    if missing:
        return [f"the warehouse's ledger lacks batch {missing}"]
    try:
        processed.check_chain(len(chain), chain[len(chain)][0] if chain else None, len(ledger))
        wrong = [
            batch
            for batch, digest in ledger
            if digest != (chain[batch][0] if batch in chain else processed.manifest(batch).digest)
        ]
    except DamageError as error:
        return [f"the warehouse holds batch {len(ledger)}: {error}"]
    if not wrong:
        return []
    also = f", and {len(wrong) - 1:,} more" if wrong[1:] else ""
    return [
        f"the warehouse holds batch {wrong[0]} of another lake than {processed.store.url}{also}"
    ]


def _compare(
    connection: psycopg.Connection,
    model: DataModel,
    processed: lake.Lake,
    last: int,
    work: duck.Workspace,
    done: Callable[[str], None],
) -> list[Comparison]:
    facts = [star for star in model.load_order if star.is_fact]
    sums = dict.fromkeys((fact.name for fact in facts), Sum())
    for name, rows in _versions(processed, facts, last):
        sums[name] += summed(work.engine, rows, warehouse.columns_of(model.stars[name]))
    newest = processed.manifest(last)
    compared = []
    for star in model.load_order:
        left = _all_versions(processed, star, last, work)
        if not star.is_fact:
            layers = processed.layers(newest.tables[star.name].state)
            rows = changes.current(layers, star.key, star.types)
            left = rows_of(warehouse.comparable(star, rows))
        compared.append(
            compare(
                STAR_WAREHOUSE,
                star.name,
                work.engine,
                (star.record_id,) if star.record_id else star.key,
                warehouse.columns_of(star),
                left,
                _reading(connection, star, work),
                left_sum=sums.get(star.name),
            )
        )
        done(f"{STAR_WAREHOUSE}: {star.name}")
    return compared


def _reading(connection: psycopg.Connection, star: StarContract, work: duck.Workspace) -> Side:
    def side(use: Callable[[str], _T], /) -> _T:
        return warehouse.read_table(connection, work.engine, star, use)

    return side


def _versions(
    processed: lake.Lake, facts: list[StarContract], last: int
) -> Iterator[tuple[str, str]]:
    """Fact and SQL for its versions of some batches, for all batches up to `last`."""
    for first in range(1, last + 1, GROUP):
        manifests = map(processed.manifest, range(first, min(first + GROUP, last + 1)))
        files: dict[str, list[Path]] = {fact.name: [] for fact in facts}
        for manifest in manifests:
            for fact in facts:
                layers = processed.layers(manifest.tables[fact.name].changes)
                files[fact.name] += [layer.path for layer in layers]
        for fact in facts:
            if files[fact.name]:
                rows = f"select * from {duck.parquet(files[fact.name])}"
                yield fact.name, warehouse.comparable(fact, rows)


def _all_versions(
    processed: lake.Lake, fact: StarContract, last: int, work: duck.Workspace
) -> Side:
    """The side that is all versions of a fact. They are laid out in the engine while it is read."""

    def side(use: Callable[[str], _T], /) -> _T:
        make = "create or replace temp table totes_versions as "
        for _, rows in _versions(processed, [fact], last):
            work.engine.execute(make + rows)
            make = "insert into totes_versions "
        try:
            return use("from totes_versions")
        finally:
            work.engine.execute("drop table totes_versions")

    return side

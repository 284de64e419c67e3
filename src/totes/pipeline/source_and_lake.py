"""Source = lake: every table of the source at one snapshot, against the ingestion lake.

What is pending is captured, laid over the lake to be compared, and not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from totes import changes, duck, extract, lake
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import TotesError
from totes.pipeline.comparison import SOURCE_LAKE, Comparison, compare, rows_of
from totes.pipeline.ingestion import looking
from totes.report import counted, silent

_T = TypeVar("_T")


def source_and_lake(
    settings: Settings,
    model: DataModel,
    ingestion: lake.Lake,
    work: duck.Workspace,
    done: Callable[[str], None],
) -> list[Comparison]:
    """Compare every column of every table. A table that is stopped is unknown, with its problem.

    The newest batch is looked up before the snapshot is taken, so that another run which commits
    meanwhile changes nothing in what is compared. Nothing is compared with a lake that is empty.
    """
    head = ingestion.head()
    if head is None:
        return []
    compared = []
    wishes = extract.Wishes(settings.deletion_limit)
    with looking(settings, model, ingestion, head, work, silent, wishes) as (source, outcomes):
        for name, (table, outcome) in sorted(outcomes.items()):
            if source is None or isinstance(outcome, TotesError):
                compared.append(Comparison(SOURCE_LAKE, name, explained=str(outcome)))
            else:
                held = ingestion.layers(head.tables[name].state) if name in head.tables else []
                compared.append(_compare(source, table, outcome, held, head.batch, work))
            done(f"{SOURCE_LAKE}: {name}")
    return compared


def _compare(
    source: extract.Source,
    table: extract.FoundTable,
    outcome: extract.Captured,
    held: list[changes.Layer],
    batch: int,
    work: duck.Workspace,
) -> Comparison:
    contract, pending = table.contract, outcome.changes
    layers = [] if outcome.anew else held
    if pending:
        layers = [*layers, changes.Layer(pending.path, batch + 1)]
    types = {**table.types, changes.RAW: changes.INGESTED[changes.RAW]}

    def there(use: Callable[[str], _T], /) -> _T:
        return extract.read_whole(source, table, work.engine, use)

    return compare(
        SOURCE_LAKE,
        contract.name,
        work.engine,
        contract.key,
        list(types),
        there,
        rows_of(changes.current(layers, contract.key, types, changes.CHANGE)),
        explained=f"with {counted(pending.rows, 'change')} not yet ingested" if pending else "",
    )

"""Verify: whether what is there is what it should be. Reads, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from totes import changes, duck, extract, lake, warehouse
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import TotesError
from totes.pipeline.ingestion import look
from totes.pipeline.status import quarantined
from totes.report import Progress, counted, silent

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Count:
    """A table counted on two sides, None where it cannot be.

    `explained` says why the sides may differ; `equal` if they are as they should be.
    """

    what: str
    table: str
    left: int | None
    right: int
    equal: bool
    explained: str = ""


@dataclass
class Verification:
    """What `verify` went through. `damage` is what is broken, one sentence each."""

    audits: dict[str, lake.Audit] = field(default_factory=dict)
    counts: list[Count] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.damage and all(count.equal for count in self.counts)


def verify(settings: Settings, progress: Progress = silent) -> Verification:
    """Walk both chains, check every file against its hash, and reconcile source, lakes and
    warehouse by count. Where a lake is damaged, nothing is counted."""
    model = settings.data_model()
    verification = Verification()
    with duck.workspace() as work:
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work.folder)
        processed = lake.Lake(settings.lake("processed"), "processed", work.folder)
        for audited in (processed, ingestion):  # this order: a run may be at work, and ahead of us
            audit = lake.audit(audited, partial(progress, "verify", f"the {audited.kind} lake"))
            verification.audits[audited.kind] = audit
            verification.damage += audit.damage
        if not verification.damage:
            _check_origins(verification)
        if not verification.damage:
            verification.counts += _source_counts(settings, model, ingestion, work)
            verification.counts += _star_counts(model, ingestion, processed, work.engine)
            verification.counts += _warehouse_counts(settings, model, processed)
    return verification


def _check_origins(verification: Verification) -> None:
    """Every processed batch must have been made from the ingestion batch of its number."""
    ingested = verification.audits["ingestion"].chain
    for number, (_, source) in verification.audits["processed"].chain.items():
        if number not in ingested or ingested[number][0] != source:
            verification.damage.append(
                f"processed batch {number} was not made from ingestion batch {number}"
            )


def _source_counts(
    settings: Settings,
    model: DataModel,
    ingestion: lake.Lake,
    work: duck.Workspace,
) -> list[Count]:
    """Source against lake, at one snapshot: what is pending is captured to be counted, not kept."""
    head = ingestion.head()
    if head is None:
        return []
    _, outcomes = look(settings, model, ingestion, head, work, silent, extract.Wishes())
    counts = []
    for name, (_, outcome) in sorted(outcomes.items()):
        held = _current_rows(model, ingestion, head, name, work.engine)
        if isinstance(outcome, TotesError):
            counts.append(Count("source = lake", name, None, held, False, str(outcome)))
            continue
        pending = outcome.changes
        net = pending.inserted - pending.deleted if pending else 0
        said = f"{counted(pending.rows, 'change')} not yet ingested" if pending else ""
        counts.append(
            Count("source = lake", name, outcome.rows, held, outcome.rows == held + net, said)
        )
    return counts


def _current_rows(
    model: DataModel,
    ingestion: lake.Lake,
    head: lake.Manifest,
    name: str,
    engine: DuckDBPyConnection,
) -> int:
    table = head.tables.get(name)
    if table is None or not table.state:
        return 0
    layers = ingestion.layers(table.state)
    key = model.sources[name].key
    types = {part: model.sources[name].types[part] for part in key}
    return duck.count(engine, changes.current(layers, key, types, changes.CHANGE))


def _star_counts(
    model: DataModel, ingestion: lake.Lake, processed: lake.Lake, engine: DuckDBPyConnection
) -> list[Count]:
    """Source tables in the one lake against the star tables that they drive in the other."""
    head = processed.head()
    if head is None:
        return []
    origin = ingestion.manifest(head.batch)
    refused = quarantined(processed, engine)
    counts = []
    for contract in model.load_order:
        driver = origin.tables.get(contract.driven_by[0])
        if driver is None:
            continue
        rows = head.tables[contract.name].rows
        missing = driver.rows - rows
        # a dimension keeps what is gone from the source; what is in quarantine is in no star
        equal = missing <= refused.get(contract.name, 0) and (missing >= 0 or not contract.is_fact)
        said = (
            "of these in quarantine" if missing > 0 else "kept though gone" if missing < 0 else ""
        )
        counts.append(
            Count(
                "lake = star",
                contract.name,
                driver.rows,
                rows,
                equal,
                f"{abs(missing)} {said}" if said else "",
            )
        )
    return counts


def _warehouse_counts(settings: Settings, model: DataModel, processed: lake.Lake) -> list[Count]:
    with warehouse.open_warehouse(settings.dsn("warehouse")) as connection:
        last = warehouse.last_applied(connection)
        if last is None:
            return []
        held = warehouse.live_rows(connection, model)
    tables = processed.manifest(last.batch).tables
    return [
        Count("star = warehouse", name, tables[name].rows, rows, tables[name].rows == rows)
        for name, rows in held.items()
    ]

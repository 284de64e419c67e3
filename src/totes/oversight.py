"""Oversight: what is there and how fresh it is, and whether it is what it should be.

With `pipeline`, the only module that sees all the stages; it reads, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from totes import changes, duck, extract, lake, star, warehouse
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import TotesError
from totes.pipeline import look, workspace
from totes.report import Progress, silent

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass
class StageStatus:
    """Where one stage is: its newest batch (0 for none), the source time that it is true of, and
    per table how many rows there are. `error` says why the stage could not be asked."""

    batch: int = 0
    true_at: datetime | None = None
    rows: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    error: TotesError | None = None


@dataclass
class Status:
    """All three stages; `quarantine` counts the rows in it by model."""

    ingestion: StageStatus
    processed: StageStatus
    warehouse: StageStatus
    quarantine: dict[str, int]
    now: datetime

    @property
    def freshness(self) -> float | None:
        """Seconds between now and the source time that the warehouse is known to be true of."""
        true_at = self.warehouse.true_at
        return max(0.0, (self.now - true_at).total_seconds()) if true_at else None

    @property
    def is_well(self) -> bool:
        stages = (self.ingestion, self.processed, self.warehouse)
        return not any(stage.error or stage.problems for stage in stages)


def status(settings: Settings) -> Status:
    """Ask every stage where it is. A stage that cannot be asked has its error in its place."""
    model = settings.data_model()
    quarantine: dict[str, int] = {}
    with workspace() as (work, engine):

        def processed() -> StageStatus:
            made = lake.Lake(settings.lake("processed"), "processed", work)
            quarantine.update(_quarantined(made, engine))
            return _lake_status(made)

        return Status(
            ingestion=_asked(
                lambda: _lake_status(lake.Lake(settings.lake("ingestion"), "ingestion", work))
            ),
            processed=_asked(processed),
            warehouse=_asked(lambda: _warehouse_status(settings, model)),
            quarantine=quarantine,
            now=datetime.now(UTC).replace(tzinfo=None),
        )


def _asked(ask: Callable[[], StageStatus]) -> StageStatus:
    try:
        return ask()
    except TotesError as error:
        return StageStatus(error=error)


def _lake_status(asked: lake.Lake) -> StageStatus:
    head = asked.head()
    if head is None:
        return StageStatus()
    tables = {name: table for name, table in head.tables.items() if name != star.QUARANTINE}
    return StageStatus(
        batch=head.batch,
        true_at=head.snapshot.taken_at,
        rows={name: table.rows for name, table in tables.items()},
        problems={name: t.problem.message for name, t in tables.items() if t.problem},
    )


def _quarantined(processed: lake.Lake, engine: DuckDBPyConnection) -> dict[str, int]:
    head = processed.head()
    table = head.tables.get(star.QUARANTINE) if head else None
    if not table or not table.rows:
        return {}
    pending = changes.current(processed.layers(table.state), star.QUARANTINE_KEY, ["model"])
    counted = f"select model, count(*) from ({pending}) group by all order by all"
    return dict(engine.execute(counted).fetchall())


def _warehouse_status(settings: Settings, model: DataModel) -> StageStatus:
    with warehouse.open_warehouse(settings.dsn("warehouse")) as connection:
        fresh = warehouse.freshness(connection)
        if fresh is None:
            return StageStatus()
        return StageStatus(fresh.batch, fresh.true_at, warehouse.versions(connection, model))


@dataclass(frozen=True)
class Count:
    """A table counted on two sides. `explained` says why the sides may differ; `equal` if they
    are as they should be."""

    what: str
    table: str
    left: int
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
    with workspace() as (work, engine):
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work)
        processed = lake.Lake(settings.lake("processed"), "processed", work)
        for audited in (ingestion, processed):
            audit = lake.audit(audited, partial(progress, "verify", f"the {audited.kind} lake"))
            verification.audits[audited.kind] = audit
            verification.damage += audit.damage
        if not verification.damage:
            _check_origins(verification)
            verification.counts += _source_counts(settings, model, ingestion, (work, engine))
            verification.counts += _star_counts(model, ingestion, processed)
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
    tools: tuple[Path, DuckDBPyConnection],
) -> list[Count]:
    """Source against lake, at one snapshot: what is pending is captured to be counted, not kept."""
    head = ingestion.head()
    if head is None:
        return []
    _, outcomes = look(settings, model, ingestion, head, tools, silent)
    counts = []
    for name, (_, outcome) in sorted(outcomes.items()):
        held = _current_rows(model, ingestion, head, name, tools[1])
        if isinstance(outcome, TotesError):
            counts.append(Count("source = lake", name, -1, held, False, str(outcome)))
            continue
        pending = outcome.changes
        net = pending.inserted - pending.deleted if pending else 0
        said = f"{pending.rows} changes not yet ingested" if pending else ""
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
    return duck.count(engine, changes.current(layers, key, key, extract.CHANGE))


def _star_counts(model: DataModel, ingestion: lake.Lake, processed: lake.Lake) -> list[Count]:
    """Source tables in the one lake against the star tables that they drive in the other."""
    head = processed.head()
    if head is None:
        return []
    origin = ingestion.manifest(head.batch)
    refused = head.tables[star.QUARANTINE].rows
    counts = []
    for contract in model.load_order:
        driver = origin.tables.get(contract.driven_by[0])
        if driver is None:
            continue
        rows = head.tables[contract.name].rows
        missing = driver.rows - rows
        # a dimension keeps what is gone from the source; what is in quarantine is in no star
        equal = missing <= refused and (missing >= 0 or not contract.is_fact)
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

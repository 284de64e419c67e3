"""Status: what is there, and how fresh it is. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from totes import changes, duck, lake, star, warehouse
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import TotesError


@dataclass
class StageStatus:
    """Where one stage is: its newest batch (0 for none), the source time that it is true of, and
    per table how many rows there are, what stopped it, and what is worth a note. `error` says why
    the stage could not be asked."""

    batch: int = 0
    true_at: datetime | None = None
    rows: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
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
    with duck.workspace(settings.memory) as work:

        def processed() -> StageStatus:
            made = lake.Lake(settings.lake("processed"), "processed", work.folder)
            quarantine.update(quarantined(made, work))
            return _lake_status(made)

        return Status(
            ingestion=_asked(
                lambda: _lake_status(
                    lake.Lake(settings.lake("ingestion"), "ingestion", work.folder)
                )
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
        notes={name: t.notes for name, t in tables.items() if t.notes},
    )


def quarantined(processed: lake.Lake, work: duck.Workspace) -> dict[str, int]:
    """Model → rows in quarantine."""
    head = processed.head()
    table = head.tables.get(star.QUARANTINE) if head else None
    if not table or not table.rows:
        return {}
    columns = {"model": "VARCHAR", "key": "VARCHAR"}
    pending = changes.current(processed.layers(table.state), star.QUARANTINE_KEY, columns)
    counted = f"select model, count(*) from ({pending}) group by all order by all"
    return dict(work.engine.execute(counted).fetchall())


def _warehouse_status(settings: Settings, model: DataModel) -> StageStatus:
    with warehouse.open_warehouse(settings.dsn("warehouse")) as connection:
        fresh = warehouse.freshness(connection)
        if fresh is None:
            return StageStatus()
        return StageStatus(fresh.batch, fresh.true_at, warehouse.versions(connection, model))

"""Status: what is there, and how fresh it is. Reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from totes import duck, lake, star, warehouse
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import TotesError
from totes.pipeline.batches import check_made_of
from totes.pipeline.refusals import Refusals, refusals


@dataclass
class StageStatus:
    """Where one stage is: its newest batch (0 for none), the source time that it is true of, and
    per table how many rows there are, what stopped it and what to do about that, what is worth a
    note, and why all its rows are read each time, where they are. `bytes` (lakes) are those of the
    files that a table's current rows are read from. `error` says why the stage could not be asked.
    """

    batch: int = 0
    true_at: datetime | None = None
    rows: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    always: dict[str, tuple[str, ...]] = field(default_factory=dict)
    error: TotesError | None = None


@dataclass(frozen=True)
class BatchStatus:
    """What a batch of the ingestion lake took in, and the source time of its snapshot."""

    batch: int
    taken_at: datetime
    inserted: int
    updated: int
    deleted: int
    bytes: int
    stopped: tuple[str, ...]


@dataclass
class Status:
    """All three stages at the time `now`, naive UTC; `refusals` is what is in quarantine, by model,
    and `batches` are the last of the ingestion lake, newest first."""

    ingestion: StageStatus
    processed: StageStatus
    warehouse: StageStatus
    refusals: dict[str, Refusals]
    batches: list[BatchStatus]
    now: datetime

    @property
    def stages(self) -> dict[str, StageStatus]:
        """The stages by the names that people know them by."""
        return {
            "ingestion lake": self.ingestion,
            "processed lake": self.processed,
            "warehouse": self.warehouse,
        }

    @property
    def quarantine(self) -> dict[str, int]:
        """Model → rows in quarantine."""
        return {model: found.rows for model, found in self.refusals.items()}

    @property
    def freshness(self) -> float | None:
        """Seconds between now and the source time that the warehouse is known to be true of."""
        return self.age(self.warehouse)

    def age(self, stage: StageStatus) -> float | None:
        """Seconds between now and the source time that a stage is true of; None if it has none."""
        true_at = stage.true_at
        return max(0.0, (self.now - true_at).total_seconds()) if true_at else None

    @property
    def is_well(self) -> bool:
        return not any(stage.error or stage.problems for stage in self.stages.values())


def status(settings: Settings, *, batches: int = 0) -> Status:
    """Ask every stage where it is; and what the last `batches` were, which are read for it.

    A stage that cannot be asked has its error in its place.
    """
    model = settings.data_model()
    refused: dict[str, Refusals] = {}
    late: list[BatchStatus] = []
    with duck.workspace(settings.most_memory) as work:

        def ingestion() -> StageStatus:
            asked = lake.Lake(settings.lake("ingestion"), "ingestion", work.folder)
            head = asked.head()
            if head and batches:
                late.extend(map(_batch_status, asked.latest(head, batches)))
            return _lake_status(head)

        def processed() -> StageStatus:
            asked = lake.Lake(settings.lake("processed"), "processed", work.folder)
            head = asked.head()
            check_made_of(model, head)
            if head:
                refused.update(refusals(asked, head, work))
            return _lake_status(head)

        return Status(
            ingestion=_asked(ingestion),
            processed=_asked(processed),
            warehouse=_asked(lambda: _warehouse_status(settings, model)),
            refusals=refused,
            batches=late,
            now=datetime.now(UTC).replace(tzinfo=None),
        )


def _asked(ask: Callable[[], StageStatus]) -> StageStatus:
    try:
        return ask()
    except TotesError as error:
        return StageStatus(error=error)


def _lake_status(head: lake.Manifest | None) -> StageStatus:
    if head is None:
        return StageStatus()
    tables = {name: table for name, table in head.tables.items() if name != star.QUARANTINE}
    problems = head.problems
    return StageStatus(
        batch=head.batch,
        true_at=head.snapshot.taken_at,
        rows={name: table.rows for name, table in tables.items()},
        bytes={name: sum(file.bytes for file in table.state) for name, table in tables.items()},
        problems={name: problem.message for name, problem in problems.items()},
        hints={name: problem.hint for name, problem in problems.items() if problem.hint},
        notes={name: t.notes for name, t in tables.items() if t.notes},
        always={name: t.always for name, t in tables.items() if t.always},
    )


def _batch_status(manifest: lake.Manifest) -> BatchStatus:
    tables = manifest.tables.values()
    return BatchStatus(
        batch=manifest.batch,
        taken_at=manifest.snapshot.taken_at,
        inserted=sum(table.inserted for table in tables),
        updated=sum(table.updated for table in tables),
        deleted=sum(table.deleted for table in tables),
        bytes=sum(file.bytes for table in tables for file in table.changes),
        stopped=tuple(manifest.problems),
    )


def _warehouse_status(settings: Settings, model: DataModel) -> StageStatus:
    with warehouse.open_warehouse(settings.dsn("warehouse")) as connection:
        fresh = warehouse.freshness(connection)
        if fresh is None:
            return StageStatus()
        return StageStatus(fresh.batch, fresh.true_at, warehouse.versions(connection, model))

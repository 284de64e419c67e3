"""Load: from the processed lake to the warehouse; and rebuild, which is to load it all anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from totes import duck, lake, star, warehouse
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import ConfigurationError, DamageError, TransientError
from totes.pipeline.batches import EMPTY, check_made_of, table_report
from totes.pipeline.deadline import Deadline
from totes.pipeline.patience import reported
from totes.pipeline.refusals import refusals
from totes.report import Progress, Report, silent, steps

# Of what is in quarantine the warehouse tells that many reasons, of so many rows, so far each.
REASONS, AMONG, LONGEST = 3, 100, 1000


def check_warehouse(settings: Settings) -> None:
    """Raise ConfigurationError if the warehouse's setting will never do."""
    try:
        with warehouse.open_warehouse(settings.dsn("warehouse")):
            pass
    except TransientError:
        return


def load(
    settings: Settings,
    progress: Progress = silent,
    *,
    true_at: datetime | None = None,
    deadline: Deadline | None = None,
) -> Report:
    """Apply every processed batch that the warehouse does not hold yet, in order.

    `true_at` is a source time at which the lakes were known to hold everything: noted as such, once
    all is applied. Batches for which there is no time before the deadline are left to the next
    call.
    """
    report, by = Report("load"), deadline or Deadline()
    return reported(report, progress, lambda: _load(settings, report, progress, true_at, by), by)


def _load(
    settings: Settings,
    report: Report,
    progress: Progress,
    true_at: datetime | None,
    deadline: Deadline,
) -> None:
    model = settings.data_model()
    with (
        duck.workspace(settings.memory) as work,
        warehouse.open_warehouse(settings.dsn("warehouse")) as connection,
    ):
        processed = lake.Lake(settings.lake("processed"), "processed", work.folder)
        last = warehouse.last_applied(connection)
        head = processed.head()  # after `last`: another load may be at work, and ahead of us
        check_made_of(model, head)
        report.at = last.batch if last else 0
        if last:
            _check_lake(processed, head, last)
        pending = range(report.at + 1, head.batch + 1 if head else 0)
        processed.check_chain(report.at, last.manifest if last else None, report.at + len(pending))
        done = steps(progress, "load", len(pending) * len(model.stars))
        for number in deadline.in_time(pending):
            manifest = processed.manifest(number)
            waits_other = bool(manifest.tables.get(star.QUARANTINE, EMPTY).changes)
            batch = handed_over(processed, manifest, work, refused=waits_other)
            if warehouse.apply(connection, model, work.engine, batch, done):
                report.batches.append(manifest.batch)
                _count_loaded(report, model, manifest)
            report.at = manifest.batch
        report.pending = max(0, pending.stop - 1 - report.at)
        if true_at and report.at and not report.pending:
            warehouse.vouch(connection, report.at, true_at)
        fresh = warehouse.freshness(connection)
        report.true_at = fresh.true_at if fresh else None


def _check_lake(processed: lake.Lake, head: lake.Manifest | None, last: warehouse.Applied) -> None:
    """Raise DamageError if what the warehouse holds does not come from this lake."""
    if head is None or head.batch < last.batch:
        raise DamageError(
            f"the warehouse holds batch {last.batch}, and {processed.store.url} ends at batch "
            f"{head.batch if head else 0}",
            hint="is TOTES_PROCESSED the lake that it was loaded from?",
        )
    if processed.manifest(last.batch).digest != last.manifest:
        raise DamageError(
            f"the warehouse holds batch {last.batch} of another lake than {processed.store.url}",
            hint=warehouse.REBUILD_HINT,
        )


def handed_over(
    processed: lake.Lake, manifest: lake.Manifest, work: duck.Workspace, *, refused: bool
) -> warehouse.Batch:
    """A batch as the warehouse takes it, if `refused` with what is in quarantine after it."""

    def files() -> dict[str, list[Path]]:
        return {
            name: [layer.path for layer in processed.layers(table.changes)]
            for name, table in manifest.tables.items()
            if table.changes and name != star.QUARANTINE
        }

    def waiting() -> dict[str, warehouse.Refused]:
        told = {}
        for model, found in refusals(processed, manifest, work, AMONG).items():
            reasons = dict.fromkeys(reason[:LONGEST] for _, reason in found.first)
            told[model] = warehouse.Refused(found.rows, list(reasons)[:REASONS])
        return told

    rows = sum(
        f.rows for n, t in manifest.tables.items() if n != star.QUARANTINE for f in t.changes
    )
    return warehouse.Batch(
        number=manifest.batch,
        manifest=manifest.digest,
        previous=manifest.previous,
        snapshot=manifest.snapshot,
        whole=manifest.whole,
        stopped={
            name: warehouse.Stopped(problem.message, problem.hint)
            for name, problem in manifest.stopped.items()
        },
        rows=rows,
        archived_at=_naive(manifest.archived_at) if manifest.archived_at else None,
        processed_at=_naive(manifest.written_at),
        quarantined=manifest.tables.get(star.QUARANTINE, EMPTY).rows,
        files=files,
        refused=waiting if refused else None,
    )


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def _count_loaded(report: Report, model: DataModel, manifest: lake.Manifest) -> None:
    for name in model.stars:
        table = manifest.tables[name]
        if table.changes:
            report.add(name, table_report(table))


def rebuild(settings: Settings, progress: Progress = silent, *, as_of: int | None = None) -> Report:
    """Make the warehouse anew from the processed lake alone, up to batch `as_of` or the newest."""
    report = Report("rebuild")
    return reported(report, progress, lambda: _rebuild(settings, report, progress, as_of))


def _rebuild(settings: Settings, report: Report, progress: Progress, as_of: int | None) -> None:
    report.batches.clear()  # of an attempt that was rolled back, all of it
    report.tables.clear()
    model = settings.data_model()
    with (
        duck.workspace(settings.memory) as work,
        warehouse.open_warehouse(settings.dsn("warehouse")) as connection,
    ):
        processed = lake.Lake(settings.lake("processed"), "processed", work.folder)
        head = processed.head()
        check_made_of(model, head)
        newest = head.batch if head else 0
        until = newest if as_of is None else as_of
        if not 1 <= until <= newest:
            raise ConfigurationError(
                f"there is no batch {until} in {processed.store.url}: it holds 1 to {newest}"
                if newest
                else f"there is no batch in {processed.store.url} to rebuild from",
                hint="totes status says which batches there are; totes run makes them",
            )

        processed.check_chain(0, None, newest)

        def batches() -> Iterator[warehouse.Batch]:
            for number in range(1, until + 1):
                manifest = processed.manifest(number)
                yield handed_over(processed, manifest, work, refused=number == until)
                report.batches.append(number)
                _count_loaded(report, model, manifest)

        done = steps(progress, "rebuild", until * len(model.stars))
        warehouse.rebuild(connection, model, work.engine, batches(), done)
        report.at = until

"""Process: from the ingestion lake to the processed lake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial

from totes import duck, lake, star
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import ConfigurationError, DamageError
from totes.pipeline.batches import (
    ANEW,
    EMPTY,
    check_made_of,
    check_still_there,
    commit,
    table_report,
)
from totes.pipeline.deadline import Deadline
from totes.pipeline.patience import reported
from totes.report import Progress, Report, silent, steps


def process(
    settings: Settings, progress: Progress = silent, *, deadline: Deadline | None = None
) -> Report:
    """Remodel every ingestion batch that the processed lake does not have yet, in order.

    Those for which there is no time before the deadline are left to the next call.
    """
    report, by = Report("process"), deadline or Deadline()
    return reported(report, progress, lambda: _process(settings, report, progress, by), by)


def _process(settings: Settings, report: Report, progress: Progress, deadline: Deadline) -> None:
    model = settings.data_model()
    if not model.stars:  # a processed lake that was made of nothing would never take a star
        raise ConfigurationError(
            f"the data model in {model.folder} has no star table",
            hint="write star/TABLE.toml and star/TABLE.sql; totes ingest archives without them",
        )
    with duck.workspace(settings.memory) as work:
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work.folder)
        processed = lake.Lake(settings.lake("processed"), "processed", work.folder)
        newest, head = ingestion.head(), processed.head()
        check_still_there(processed, head, report)
        report.at = head.batch if head else 0
        check_processed(model, ingestion, head)
        pending = range(report.at + 1, newest.batch + 1 if newest else 0)
        ingestion.check_chain(report.at, head.source if head else None, report.at + len(pending))
        done = steps(progress, "process", len(pending) * len(model.stars))
        for number in deadline.in_time(pending):
            batch = ingestion.manifest(number)
            draft = processed.draft(head, batch.snapshot, work)
            made = _build(model, ingestion, batch, head, processed, draft, done)
            if commit(draft, report, batch):
                for name, table in made.items():
                    report.add(name, table_report(table))
            else:
                report.at = batch.batch
            head = processed.manifest(batch.batch)
            # a backlog must not fill the disk
            shutil.rmtree(work.folder / f"star-{batch.batch}", ignore_errors=True)
        report.pending = max(0, pending.stop - 1 - report.at)
        report.quarantined = head.tables.get(star.QUARANTINE, EMPTY).rows if head else 0


def check_processed(model: DataModel, ingestion: lake.Lake, head: lake.Manifest | None) -> None:
    """Raise if the processed lake is not this ingestion lake's, or of another data model."""
    if head is None:
        return
    if ingestion.manifest(head.batch).digest != head.source:
        raise DamageError(
            f"batch {head.batch} of the processed lake was not made from this ingestion lake's",
            hint=f"do TOTES_INGESTION and TOTES_PROCESSED belong together? else {ANEW}",
        )
    check_made_of(model, head)


def _build(
    model: DataModel,
    ingestion: lake.Lake,
    batch: lake.Manifest,
    head: lake.Manifest | None,
    processed: lake.Lake,
    draft: lake.Draft,
    done: Callable[[str], None],
) -> dict[str, lake.Table]:
    """Build one batch of the star into `draft`; the tables that it changes."""
    sources = sources_of(model, ingestion, batch)
    before = head.tables if head else {}
    held = {
        name: star.Held(
            state=partial(processed.layers, before.get(name, EMPTY).state),
            last_id=before.get(name, EMPTY).last_id,
        )
        for name in [*model.stars, star.QUARANTINE]
    }
    folder = draft.work.folder / f"star-{batch.batch}"
    built = star.build(
        model, sources, held, draft.work.engine, folder, batch.batch, batch.snapshot, done
    )
    return {
        name: _record_built(draft, name, model, built.get(name))
        for name in [*model.stars, star.QUARANTINE]
        if name in built or head is None
    }


def sources_of(
    model: DataModel, ingestion: lake.Lake, batch: lake.Manifest, *, whole: bool = False
) -> dict[str, star.SourceTable]:
    """The source tables at `batch`, with what it changed, or with the whole state as the change."""
    sources = {}
    for name, contract in model.sources.items():
        table = batch.tables.get(name, EMPTY)
        sources[name] = star.SourceTable(
            contract=contract,
            key=table.key or contract.key,
            changes=ingestion.layers(table.state if whole else table.changes),
            deletes=whole or table.deleted > 0,
            state=partial(ingestion.layers, table.state),
        )
    return sources


def _record_built(
    draft: lake.Draft, name: str, model: DataModel, built: star.Built | None
) -> lake.Table:
    key, columns, fingerprint = star.layout(model, name)
    before = draft.tables.get(name) or lake.Table(contract=fingerprint)
    changes = built.changes if built else None
    added = changes.inserted - changes.deleted if changes else 0
    return draft.record(
        name,
        changes,
        key=key,
        columns=columns,
        contract=fingerprint,
        rows=before.rows + added,
        last_id=built.last_id if built else 0,
    )

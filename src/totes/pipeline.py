"""The story: ingest, process, load. With `oversight`, the only module that sees all the stages.

Each stage finds by itself where it is, takes all that is pending, in order, and can be run again at
any time: what is done already is found done.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from totes import duck, extract, lake, star, warehouse
from totes.changes import Snapshot
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import ConfigurationError, DamageError, TotesError
from totes.report import Progress, Report, TableReport, silent, steps

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


Outcomes = dict[str, tuple[extract.FoundTable, extract.Captured | TotesError]]


@contextmanager
def workspace() -> Iterator[tuple[Path, DuckDBPyConnection]]:
    """Yield a folder and an engine of this run's own; both are gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="totes-") as folder:
        work = Path(folder)
        with duck.engine(work) as engine:
            yield work, engine


@contextmanager
def _timed(report: Report) -> Iterator[None]:
    began = time.perf_counter()
    yield
    report.seconds = time.perf_counter() - began


def ingest(settings: Settings, progress: Progress = silent) -> Report:
    """Archive what changed at the source since the last batch, as the next batch.

    Writes nothing if nothing changed. A table that does not fit its contract is left out, and is
    in the report with its problem; but the first batch is whole or not at all, and raises.
    """
    report = Report("ingest")
    model = settings.data_model()
    with _timed(report), workspace() as (work, engine):
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work)
        head = ingestion.head()
        snapshot, captured = look(settings, model, ingestion, head, (work, engine), progress)
        report.taken_at = snapshot.taken_at
        if head is None:
            for _, outcome in captured.values():
                if isinstance(outcome, TotesError):
                    raise outcome
        report.at = head.batch if head else 0
        draft = ingestion.draft(head, snapshot, engine, work)
        for name, (table, outcome) in captured.items():
            _record_capture(draft, report, model, table, outcome)
            progress("ingest", f"{name} archived", len(captured), len(captured))
        if head is None or _is_news(head, draft, report):
            _commit(draft, report, None)
    return report


def look(
    settings: Settings,
    model: DataModel,
    ingestion: lake.Lake,
    head: lake.Manifest | None,
    tools: tuple[Path, DuckDBPyConnection],
    progress: Progress,
) -> tuple[Snapshot, Outcomes]:
    """Capture every table, against batch `head`, at one snapshot of the source, and keep nothing.

    Each table comes with its outcome, or with the problem that stopped it. Where there is no batch
    yet and a table does not fit its contract, no other table is read.
    """
    known = _known(ingestion, head)
    work, engine = tools
    with extract.open_source(settings.dsn("source")) as source:
        found = extract.check_tables(source, model.sources.values())
        outcomes: Outcomes = {t: (f, f.problem) for t, f in found.items() if f.problem}

        def done(name: str, outcome: extract.Captured | TotesError) -> None:
            outcomes[name] = (found[name], outcome)
            progress("ingest", name, len(outcomes), len(found))

        if head or not outcomes:
            sound = {name: table for name, table in found.items() if not table.problem}
            extract.capture(source, sound, known, engine, work / "captured", done)
    return source.snapshot, outcomes


def _known(ingestion: lake.Lake, head: lake.Manifest | None) -> dict[str, extract.Known]:
    """What the lake holds of each table, up to which snapshot."""
    return {
        name: extract.Known(
            cursor=table.cursor,
            oid=table.oid,
            contract=table.contract,
            rows=table.rows,
            layers=partial(ingestion.layers, table.state),
        )
        for name, table in (head.tables.items() if head else ())
        if table.cursor is not None
    }


def _record_capture(
    draft: lake.Draft,
    report: Report,
    model: DataModel,
    table: extract.FoundTable,
    outcome: extract.Captured | TotesError,
) -> None:
    contract = table.contract
    columns = [*contract.columns, extract.XID, extract.CHANGE]
    if isinstance(outcome, TotesError):
        problem = lake.Problem(message=str(outcome), hint=outcome.hint)
        draft.record(contract.name, None, key=contract.key, columns=columns, problem=problem)
        report.tables[contract.name] = TableReport(problem=outcome)
        return
    recorded = draft.record(
        contract.name,
        outcome.changes,
        key=contract.key,
        columns=columns,
        contract=contract.fingerprint,
        rows=outcome.rows,
        cursor=draft.snapshot,
        oid=table.oid,
    )
    if outcome.changes or outcome.full:
        report.tables[contract.name] = _table_report(recorded)
        report.tables[contract.name].note = outcome.full


def _table_report(table: lake.Table) -> TableReport:
    written = sum(file.bytes for file in table.changes)
    return TableReport(table.inserted, table.updated, table.deleted, written)


def _is_news(head: lake.Manifest, draft: lake.Draft, report: Report) -> bool:
    """Whether there is anything to commit: a change, a new cursor, a problem come or gone."""
    problems = [
        {n: t.problem for n, t in tables.items() if t.problem}
        for tables in (head.tables, draft.tables)
    ]
    return problems[0] != problems[1] or any(not t.problem for t in report.tables.values())


def _commit(draft: lake.Draft, report: Report, source: lake.Manifest | None) -> bool:
    """Commit a batch; False, said in the report, where another run was faster."""
    try:
        draft.commit(source)
    except lake.TakenError as taken:
        report.note = str(taken)
        return False
    report.batches.append(draft.batch)
    report.at = draft.batch
    return True


def process(settings: Settings, progress: Progress = silent) -> Report:
    """Remodel every ingestion batch that the processed lake does not have yet, in order."""
    report = Report("process")
    model = settings.data_model()
    with _timed(report), workspace() as (work, engine):
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work)
        processed = lake.Lake(settings.lake("processed"), "processed", work)
        newest, head = ingestion.head(), processed.head()
        report.at = head.batch if head else 0
        _check_processed(model, ingestion, head)
        pending = newest.batch - report.at if newest else 0
        done = steps(progress, "process", pending * len(model.stars))
        while newest and report.at < newest.batch:
            batch = ingestion.manifest(report.at + 1)
            draft = processed.draft(head, batch.snapshot, engine, work)
            made = _build(model, ingestion, batch, head, processed, draft, done)
            if _commit(draft, report, batch):
                for name, table in made.items():
                    report.add(name, _table_report(table))
            else:
                report.at = batch.batch
            head = processed.manifest(batch.batch)
    return report


def _check_processed(model: DataModel, ingestion: lake.Lake, head: lake.Manifest | None) -> None:
    """Raise if the processed lake is not this ingestion lake's, or of another data model."""
    if head is None:
        return
    anew = "name an empty TOTES_PROCESSED, run totes process, then totes rebuild --yes"
    if ingestion.manifest(head.batch).digest != head.source:
        raise DamageError(
            f"batch {head.batch} of the processed lake was not made from this ingestion lake's",
            hint=f"do TOTES_INGESTION and TOTES_PROCESSED belong together? else {anew}",
        )
    for contract in model.stars.values():
        table = head.tables.get(contract.name)
        if table is None or table.contract != contract.fingerprint:
            raise ConfigurationError(
                f"the processed lake was made with another {contract.name} than the data model's",
                hint=anew,
            )


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
    empty = lake.Table(contract="")
    sources = {
        name: star.SourceTable(
            contract=contract,
            changes=ingestion.layers(batch.tables.get(name, empty).changes),
            state=partial(ingestion.layers, batch.tables.get(name, empty).state),
        )
        for name, contract in model.sources.items()
    }
    before = head.tables if head else {}
    held = {
        name: star.Held(
            state=partial(processed.layers, before.get(name, empty).state),
            last_id=before.get(name, empty).last_id,
        )
        for name in [*model.stars, star.QUARANTINE]
    }
    folder = draft.work / f"star-{batch.batch}"
    built = star.build(
        model, sources, held, draft.engine, folder, batch.batch, batch.snapshot, done
    )
    return {
        name: _record_built(draft, name, model, built.get(name))
        for name in [*model.stars, star.QUARANTINE]
        if name in built or head is None
    }


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


def load(
    settings: Settings, progress: Progress = silent, *, true_at: datetime | None = None
) -> Report:
    """Apply every processed batch that the warehouse does not hold yet, in order.

    `true_at` is a source time at which the lakes were known to hold everything: noted as such.
    """
    report = Report("load")
    model = settings.data_model()
    with (
        _timed(report),
        workspace() as (work, engine),
        warehouse.open_warehouse(settings.dsn("warehouse")) as connection,
    ):
        processed = lake.Lake(settings.lake("processed"), "processed", work)
        head = processed.head()
        last = warehouse.last_applied(connection)
        report.at = last.batch if last else 0
        if last and (not head or processed.manifest(last.batch).digest != last.manifest):
            raise DamageError(
                f"the warehouse holds batch {last.batch} of another lake than TOTES_PROCESSED",
                hint=warehouse.REBUILD_HINT,
            )
        pending = head.batch - report.at if head else 0
        done = steps(progress, "load", pending * len(model.stars))
        while head and report.at < head.batch:
            manifest = processed.manifest(report.at + 1)
            if warehouse.apply(connection, model, engine, handed_over(processed, manifest), done):
                report.batches.append(manifest.batch)
                _count_loaded(report, model, manifest)
            report.at = manifest.batch
        if true_at and report.at:
            warehouse.vouch(connection, true_at)
    return report


def handed_over(processed: lake.Lake, manifest: lake.Manifest) -> warehouse.Batch:
    def files() -> dict[str, list[Path]]:
        return {
            name: [layer.path for layer in processed.layers(table.changes)]
            for name, table in manifest.tables.items()
            if table.changes and name != star.QUARANTINE
        }

    rows = sum(
        f.rows for n, t in manifest.tables.items() if n != star.QUARANTINE for f in t.changes
    )
    return warehouse.Batch(
        number=manifest.batch,
        manifest=manifest.digest,
        previous=manifest.previous,
        taken_at=manifest.snapshot.taken_at,
        rows=rows,
        files=files,
    )


def _count_loaded(report: Report, model: DataModel, manifest: lake.Manifest) -> None:
    for name in model.stars:
        table = manifest.tables[name]
        if table.changes:
            report.add(name, _table_report(table))


def rebuild(settings: Settings, progress: Progress = silent, *, as_of: int | None = None) -> Report:
    """Make the warehouse anew from the processed lake alone, up to batch `as_of` or the newest."""
    report = Report("rebuild")
    model = settings.data_model()
    with (
        _timed(report),
        workspace() as (work, engine),
        warehouse.open_warehouse(settings.dsn("warehouse")) as connection,
    ):
        processed = lake.Lake(settings.lake("processed"), "processed", work)
        head = processed.head()
        newest = head.batch if head else 0
        until = newest if as_of is None else as_of
        if not 1 <= until <= newest:
            raise ConfigurationError(
                f"there is no batch {until} in {processed.store.url}: it holds 1 to {newest}"
                if newest
                else f"there is no batch in {processed.store.url} to rebuild from",
                hint="totes status says which batches there are; totes run makes them",
            )

        def batches() -> Iterator[warehouse.Batch]:
            for number in range(1, until + 1):
                manifest = processed.manifest(number)
                yield handed_over(processed, manifest)
                report.batches.append(number)
                _count_loaded(report, model, manifest)

        done = steps(progress, "rebuild", until * len(model.stars))
        warehouse.rebuild(connection, model, engine, batches(), done)
        report.at = until
    return report


def run(settings: Settings, progress: Progress = silent) -> list[Report]:
    """Ingest, process and load, once; a report of each. Begins nothing if a setting is missing."""
    settings.require_all()
    ingested = ingest(settings, progress)
    processed = process(settings, progress)
    is_whole = processed.at == ingested.at and not ingested.problems
    loaded = load(settings, progress, true_at=ingested.taken_at if is_whole else None)
    return [ingested, processed, loaded]

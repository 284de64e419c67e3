"""Ingest: from the source to the ingestion lake."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType

from totes import duck, extract, lake
from totes.changes import CHANGE, INGESTED, Snapshot, current
from totes.config import Settings
from totes.contract import DataModel, SourceContract
from totes.errors import ConfigurationError, TotesError
from totes.pipeline.batches import check_still_there, commit, table_report
from totes.pipeline.deadline import Deadline
from totes.pipeline.patience import reported
from totes.report import Progress, Report, TableReport, silent

Outcomes = dict[str, tuple[extract.FoundTable, extract.Captured | TotesError]]


def ingest(
    settings: Settings,
    progress: Progress = silent,
    *,
    confirmed: Collection[str] = (),
    again: Mapping[str, str] = MappingProxyType({}),
    always: bool = False,
    deadline: Deadline | None = None,
) -> Report:
    """Archive what changed at the source since the last batch, as the next batch.

    Writes nothing if nothing changed, unless it is to `always`. However many rows of the tables in
    `confirmed` are gone, it is right. The tables in `again`, with the reason why, are compared with
    the lake row by row, whatever their cursor says. A table that does not fit its contract is left
    out, and is in the report with its problem; but the first batch is whole or not at all, and
    raises. The session on the source does not outlast the deadline.
    """
    report, by = Report("ingest"), deadline or Deadline()
    wishes = extract.Wishes(settings.deletion_limit, confirmed, again)
    return reported(
        report, progress, lambda: _ingest(settings, report, progress, wishes, always, by), by
    )


def _ingest(
    settings: Settings,
    report: Report,
    progress: Progress,
    wishes: extract.Wishes,
    always: bool,
    deadline: Deadline,
) -> None:
    report.tables.clear()  # of an attempt that came to nothing
    model = settings.data_model()
    _check_confirmed(model, wishes)
    with duck.workspace(settings.memory) as work:
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work.folder)
        head = ingestion.head()
        check_still_there(ingestion, head, report)
        report.at = head.batch if head else 0
        _check_model(model, ingestion, head)
        with looking(
            settings, model, ingestion, head, work, progress, wishes, within=deadline.left
        ) as looked:
            source, captured = looked
        problems = [outcome for _, outcome in captured.values() if isinstance(outcome, TotesError)]
        if source is None or (head is None and problems):
            raise problems[0]
        report.taken_at = source.snapshot.taken_at
        draft = ingestion.draft(head, _after(head, source.snapshot), work)
        for name, (table, outcome) in sorted(captured.items()):
            _record_capture(draft, report, model, table, outcome)
            progress("ingest", f"{name} archived", len(captured), len(captured))
        if always or head is None or _is_news(head, draft, report):
            commit(draft, report, None)


def _check_confirmed(model: DataModel, wishes: extract.Wishes) -> None:
    for name in wishes.confirmed:
        if name not in model.sources:
            raise ConfigurationError(
                f"{name} is no source table: its deletions cannot be confirmed",
                hint=f"one of {', '.join(model.sources)}",
            )


def _check_model(model: DataModel, ingestion: lake.Lake, head: lake.Manifest | None) -> None:
    """Raise ConfigurationError if a lake holds nothing that the data model has: it is another's."""
    if head and model.sources.keys().isdisjoint(head.tables):
        first = ", ".join(sorted(head.tables)[:3])
        raise ConfigurationError(
            f"{ingestion.store.url} has {first} and so on, and the data model in {model.folder} "
            f"none of them",
            hint="name the right data model in TOTES_MODEL (without it: totesys), or another lake",
        )


def _after(head: lake.Manifest | None, snapshot: Snapshot) -> Snapshot:
    """The snapshot, at a time after that of the batch before, should the source's clock go back."""
    if head is None:
        return snapshot
    earliest = head.snapshot.taken_at + timedelta(microseconds=1)
    return snapshot.model_copy(update={"taken_at": max(snapshot.taken_at, earliest)})


@contextmanager
def looking(
    settings: Settings,
    model: DataModel,
    ingestion: lake.Lake,
    head: lake.Manifest | None,
    work: duck.Workspace,
    progress: Progress,
    wishes: extract.Wishes,
    *,
    within: float = math.inf,
) -> Iterator[tuple[extract.Source | None, Outcomes]]:
    """Capture every table, against batch `head`, at one snapshot of the source, and keep nothing.

    Each table comes with its outcome, or with the problem that stopped it. Where there is no batch
    yet and a table does not fit its contract, nothing is read, and there is no snapshot. What is
    yielded can be asked for more of the same snapshot until the block ends, or for so many seconds.
    """
    known = _known(model, ingestion, head)
    for name in wishes.again.keys() & known.keys():
        known[name] = _counted_anew(model.sources[name], known[name], work)
    with extract.open_source(settings.dsn("source"), within) as connection:
        there = extract.check_tables(connection, model.sources.values())
        contracts = [table.contract for table in there.values() if not table.problem]
        if head is None and len(contracts) < len(there):
            yield None, {name: (t, t.problem) for name, t in there.items() if t.problem}
            return
        names = [(contract.schema_name, contract.source_table) for contract in contracts]
        source = extract.take_snapshot(connection, names, within)
        # once more, now that nobody can alter them; what has come since must wait for the next run
        found = there | extract.check_tables(connection, contracts)
        outcomes: Outcomes = {t: (f, f.problem) for t, f in found.items() if f.problem}

        def done(name: str, outcome: extract.Captured | TotesError) -> None:
            outcomes[name] = (found[name], outcome)
            progress("ingest", name, len(outcomes), len(found))

        sound = [table for table in found.values() if not table.problem]
        usable = {t.contract.name: t for t in extract.with_catalogue(connection, sound)}
        found |= usable
        join = partial(extract.join_snapshot, settings.dsn("source"), source.snapshot, within)
        extract.capture(source, usable, known, work, done, wishes, join)
        if any(
            isinstance(o, extract.Captured) and (o.changes or o.full) for _, o in outcomes.values()
        ):
            source = replace(source, snapshot=source.durable)
        yield source, outcomes


def _known(
    model: DataModel, ingestion: lake.Lake, head: lake.Manifest | None
) -> dict[str, extract.Known]:
    """What the lake holds of each table, up to which snapshot."""
    return {
        name: extract.Known(
            cursor=table.cursor,
            oid=table.oid,
            contract=table.contract,
            key=table.key or model.sources[name].key,
            extra=table.extra,
            catalogue=table.catalogue,
            rows=table.rows,
            layers=partial(ingestion.layers, table.state),
        )
        for name, table in (head.tables.items() if head else ())
        if table.cursor is not None and name in model.sources
    }


def _counted_anew(
    contract: SourceContract, known: extract.Known, work: duck.Workspace
) -> extract.Known:
    """A table that is compared whole: its rows are counted in the lake's files, as the count in the
    manifest may be what is wrong."""
    keys = {part: contract.types.get(part, "VARCHAR") for part in known.key}
    return replace(
        known, rows=duck.count(work.engine, current(known.layers(), known.key, keys, CHANGE))
    )


def _record_capture(
    draft: lake.Draft,
    report: Report,
    model: DataModel,
    table: extract.FoundTable,
    outcome: extract.Captured | TotesError,
) -> None:
    contract = table.contract
    before = draft.tables[contract.name].notes if contract.name in draft.tables else ()
    columns = {**table.types, **INGESTED}
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
        anew=outcome.anew,
        contract=contract.fingerprint,
        rows=outcome.rows,
        cursor=draft.snapshot,
        oid=table.oid,
        extra=table.extra,
        notes=table.notes,
        catalogue=table.catalogue,
        always=table.always,
    )
    news = [note for note in table.notes if note not in before]
    if outcome.changes or outcome.full or news:
        report.tables[contract.name] = table_report(recorded)
        said = [outcome.full] if outcome.full else []
        report.tables[contract.name].note = "; ".join(said + news) or None


def _is_news(head: lake.Manifest, draft: lake.Draft, report: Report) -> bool:
    """Whether there is anything to commit: a change, a new cursor, a problem or a note come or
    gone."""
    said = [
        {name: (table.problem, table.notes) for name, table in tables.items()}
        for tables in (head.tables, draft.tables)
    ]
    return said[0] != said[1] or any(not t.problem for t in report.tables.values())

"""Quarantine: the rows that wait outside the star, why they do, and another try for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from totes import duck, lake, star
from totes.config import Settings
from totes.contract import DataModel
from totes.errors import ConfigurationError
from totes.pipeline.running import run
from totes.report import Progress, Report, silent

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class WaitingRow:
    """A row in quarantine: `key` and `row` are JSON, `row` the whole source row as it is by now.

    `since` is the batch that first refused it. Where an older version of it stands, that one is
    current in the star meanwhile.
    """

    model: str
    source: str
    key: str
    reason: str
    since: int
    row: str
    older_version_stands: bool


@dataclass(frozen=True)
class Quarantine:
    """The quarantine after a batch (0: there is none yet): how many rows wait, and these or some
    of them."""

    batch: int
    total: int
    rows: list[WaitingRow]


@dataclass(frozen=True)
class Retried:
    """What came of another try: of the rows `tried`, how many are `back` in the star, and how many
    are `gone` from the source; and how many are in quarantine now, new ones with them."""

    reports: list[Report]
    tried: int = 0
    back: int = 0
    gone: int = 0
    left: int = 0


def quarantined_rows(
    settings: Settings, model: str | None = None, *, limit: int | None = None
) -> Quarantine:
    """The rows in quarantine, by model, those first that wait longest; at most `limit` of them.

    Reads the processed lake, and writes nothing. Raises ConfigurationError for a `model` that the
    data model does not have.
    """
    known = settings.data_model()
    if model is not None and model not in known.stars:
        raise ConfigurationError(
            f"there is no model {model}", hint=f"one of: {', '.join(sorted(known.stars))}"
        )
    with duck.workspace(settings.most_memory) as work:
        processed = lake.Lake(settings.lake("processed"), "processed", work.folder)
        head = processed.head()
        if head is None:
            return Quarantine(0, 0, [])
        engine = work.engine
        of_model = "true" if model is None else f"model = {duck.text(model)}"
        engine.execute(
            f"create temp table totes_waiting as select * from ({_waiting(processed, head)}) "
            f"where {of_model}"
        )
        total = duck.count(engine, "from totes_waiting")
        # a longer key is a greater number
        engine.execute(
            f"create temp table totes_listed as from totes_waiting "
            f"order by model, since, length(key), key limit {total if limit is None else limit}"
        )
        return Quarantine(head.batch, total, _listed(known, processed, head, engine))


def _waiting(processed: lake.Lake, manifest: lake.Manifest) -> str:
    """SQL for the rows that are in quarantine after a batch."""
    table = manifest.tables.get(star.QUARANTINE)
    return star.waiting(processed.layers(table.state) if table else [])


def _listed(
    model: DataModel, processed: lake.Lake, head: lake.Manifest, engine: DuckDBPyConnection
) -> list[WaitingRow]:
    """The rows of `totes_listed`, each with whether an older version of it stands."""
    engine.execute("create temp table totes_standing (model varchar, key varchar)")
    for name in _models_in(engine, "totes_listed"):
        if name not in model.stars:  # it was taken out of the data model since
            continue
        contract = model.stars[name]
        source = model.sources[contract.driven_by[0]]
        layers = processed.layers(head.tables[name].state)
        found = star.standing(contract, source, layers, "from totes_listed")
        engine.execute(f"insert into totes_standing {found}")
    rows = engine.execute(
        "select model, source, key, reason, since, row, "
        "exists (from totes_standing as s where s.model = l.model and s.key = l.key) "
        "from totes_listed as l order by model, since, length(key), key"
    ).fetchall()
    return [WaitingRow(*row) for row in rows]


def _models_in(engine: DuckDBPyConnection, table: str) -> Sequence[str]:
    found = engine.execute(f"select distinct model from {table} order by model").fetchall()
    return [name for (name,) in found]


def retry(settings: Settings, progress: Progress = silent) -> Retried:
    """Try all rows in quarantine again, in a batch of its own, although the source is as it was.

    That is of use when the data model's reference data were mended. What changed at the source is
    taken along, as by any run. An empty quarantine is left alone: nothing is read from the source,
    and no batch is made.
    """
    settings.require_all()
    with duck.workspace(settings.most_memory) as work:
        before = lake.Lake(settings.lake("processed"), "processed", work.folder).head()
    table = before.tables.get(star.QUARANTINE) if before else None
    if before is None or table is None or not table.rows:
        return Retried([])
    return _outcome(settings, before, run(settings, progress, always=True))


def _outcome(settings: Settings, before: lake.Manifest, reports: list[Report]) -> Retried:
    """What became of the rows that were in quarantine `before`."""
    model = settings.data_model()
    with duck.workspace(settings.most_memory) as work:
        engine = work.engine
        ingestion = lake.Lake(settings.lake("ingestion"), "ingestion", work.folder)
        processed = lake.Lake(settings.lake("processed"), "processed", work.folder)
        after = processed.head() or before
        for name, manifest in (("totes_before", before), ("totes_after", after)):
            engine.execute(f"create temp table {name} as {_waiting(processed, manifest)}")
        engine.execute(
            "create temp table totes_out as "
            "from totes_before anti join totes_after using (model, key)"
        )
        tables = ingestion.manifest(after.batch).tables
        back = 0
        for name in _models_in(engine, "totes_out"):
            source = model.sources[model.stars[name].driven_by[0]]
            there = star.there(source, ingestion.layers(tables[source.name].state))
            out = f"from totes_out where model = {duck.text(name)} and key in ({there})"
            back += duck.count(engine, out)
        tried, out_of_it, left = (
            duck.count(engine, f"from {name}")
            for name in ("totes_before", "totes_out", "totes_after")
        )
    return Retried(reports, tried=tried, back=back, gone=out_of_it - back, left=left)

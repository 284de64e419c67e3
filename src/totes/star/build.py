"""Build: what a batch of the ingestion lake changes in the stars.

A model's SELECT is run over just the rows of its driving table that changed, unless a table that it
looks things up in changed as well: then over all of them. What comes out is compared with what the
star held, so that a row that was touched but not changed makes no new version. The outcome is a
pure function of the ingestion batches so far: rows are numbered and written in key order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from totes import duck
from totes.changes import Changes, Layer, Snapshot, newest
from totes.contract import DataModel, StarContract
from totes.errors import ModelError
from totes.profiling import measured
from totes.star import quarantine
from totes.star.inputs import SourceTable, lay_out, read_by, reads_twice, reference
from totes.star.strict import judge, keys_of, too_long

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Held:
    """A star table, or the quarantine, before this batch, and the last record id it gave out.

    `known` has the rows that references may lead to, where these are not those of `state`.
    """

    state: Callable[[], Sequence[Layer]]
    last_id: int = 0
    known: Callable[[], Sequence[Layer]] | None = None


@dataclass(frozen=True)
class Built:
    """What a batch changes in one star table; `last_id` is the last record id given out by now."""

    changes: Changes
    last_id: int


def layout(model: DataModel, name: str) -> tuple[tuple[str, ...], dict[str, str], str]:
    """A processed table's key, its change files' columns, and its contract's fingerprint."""
    if name == quarantine.QUARANTINE:
        return quarantine.KEY, quarantine.COLUMNS, quarantine.QUARANTINE
    star = model.stars[name]
    return star.key, star.types, star.fingerprint


def build(
    model: DataModel,
    sources: dict[str, SourceTable],
    held: dict[str, Held],
    engine: DuckDBPyConnection,
    folder: Path,
    batch: int,
    snapshot: Snapshot,
    done: Callable[[str], None],
) -> dict[str, Built]:
    """Build every star table's changes, and the quarantine's, as change files in `folder`.

    Tables that this batch does not change are not in the outcome. `done` is told of each star table
    once it has been seen to. Raises ModelError where a model's SQL and its contract disagree.
    """
    waiting = quarantine.open_quarantine(engine, held[quarantine.QUARANTINE].state())
    for name, path in model.references.items():
        lay_out(engine, name, reference(path))
    built: dict[str, Built] = {}
    for star in model.build_order:
        builder = _Builder(model, star, sources, held, built, engine, batch, snapshot)
        with _blaming(star):
            if builder.drive(retry=star.name in waiting):
                builder.judge()
                if made := builder.versions(folder / f"{star.name}.parquet"):
                    built[star.name] = made
        done(star.name)
    if changes := _refusals(engine, folder / "quarantine.parquet"):
        built[quarantine.QUARANTINE] = Built(changes, 0)
    return built


@contextmanager
def _blaming(star: StarContract) -> Iterator[None]:
    """Say which model it was whose SQL the engine would not run."""
    import duckdb  # only for its errors; whoever opened the engine has loaded it

    try:
        yield
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise  # not the model's fault
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"{star.name}.sql: {reason}", hint="mend the model, or the row that it fails on"
        ) from error


def _refusals(engine: DuckDBPyConnection, path: Path) -> Changes | None:
    if not duck.count(engine, "from totes_refused"):
        return None
    return _write(engine, f"from totes_refused order by {duck.names(quarantine.KEY)}", path)


def _write(engine: DuckDBPyConnection, query: str, path: Path) -> Changes | None:
    """Write a change file and count its changes; None, and no file, where there are no rows."""
    if not duck.write_parquet(engine, query, path):
        path.unlink()
        return None
    counted = f"select change, count(*) from {duck.parquet([path])} group by all"
    counts = dict(engine.execute(counted).fetchall())
    return Changes(path, *(counts.get(change, 0) for change in ("insert", "update", "delete")))


@dataclass
class _Builder:
    model: DataModel
    star: StarContract
    sources: dict[str, SourceTable]
    held: dict[str, Held]
    built: dict[str, Built]
    engine: DuckDBPyConnection
    batch: int
    snapshot: Snapshot

    @property
    def driver(self) -> SourceTable | None:
        """The source table that drives the model; None for one that is built from star tables."""
        return self.sources.get(self.star.driven_by[0])

    @measured("lay out what models read")
    def drive(self, *, retry: bool) -> bool:
        """Lay out what the SELECT reads; False if this batch cannot change what it gives."""
        read = read_by(self.star, self.model, self.engine)
        looked_up = [self.sources[t] for t in read - set(self.star.driven_by) if t in self.sources]
        if self.driver is None:
            if looked_up:
                raise self._wrong(
                    f"reads {looked_up[0].contract.name}; one that is driven by star tables may "
                    f"look things up in reference data only"
                )
            return self._drive_by_stars()
        everything = any(table.changes for table in looked_up)
        if self.driver.changes and reads_twice(self.star, self.driver.contract.name, self.engine):
            everything = True  # it looks things up in its own driving table
        if not (everything or self.driver.changes or retry):
            return False
        for table in looked_up:
            lay_out(self.engine, table.contract.name, table.current_rows())
        rows = self.driver.current_rows() if everything else self.driver.changed_rows()
        if retry and not everything:
            rows += f" union {quarantine.retried(self.star, self.driver)}"
        quarantine.divide(self.engine, self.star, self.driver, rows)
        return True

    def _drive_by_stars(self) -> bool:
        for name in self.star.driven_by:
            star = self.model.stars[name]
            if name in self.built:
                rows = f"select * from {duck.parquet([self.built[name].changes.path])}"
            else:
                rows = duck.no_rows(star.types)
            lay_out(self.engine, name, rows)
        return any(name in self.built for name in self.star.driven_by)

    @measured("run the models")
    def judge(self) -> None:
        """Make `totes_judged` of the SELECT's rows: the contract's values, and a reason or NULL.

        Beside them stands the driving row's key, as the SELECT returned it.
        """
        described = self.engine.execute(f"describe {self.star.sql}").fetchall()
        raw_types = {name: kind for name, kind, *_ in described}
        if list(raw_types) != list(self.star.selected):
            raise self._wrong(
                f"returns {', '.join(raw_types)}; its contract says {', '.join(self.star.selected)}"
            )
        awaited = self.model.awaited(self.star)
        judged = {
            name: judge(name, column, raw_types[name], self._keys(awaited.get(name)))
            for name, column in self.star.selected.items()
        }
        values = ", ".join(f"{column.value} as {duck.name(n)}" for n, column in judged.items())
        reasons = ", ".join([*(column.reason for column in judged.values()), too_long(self.star)])
        names = self.driver.contract.key if self.driver else None
        key = quarantine.key_of({n: raw_types[n] for n in self.star.key}, "raw", names)
        self.engine.execute(
            f"create or replace temp table totes_judged as select {values}, {key} as totes_key, "
            f"nullif(concat_ws('; ', {reasons}), '') as totes_reason from ({self.star.sql}) as raw"
        )
        self._refuse_twins()
        self._check_grain()

    def _keys(self, table: str | None) -> str | None:
        """SQL for all keys of a star table, with those of this batch; None for no table."""
        if table is None:
            return None
        key = duck.names(self.model.stars[table].key)
        held = self.held[table]
        files = [layer.path for layer in (held.known or held.state)()]
        if table in self.built:
            files.append(self.built[table].changes.path)
        return f"select {key} from {duck.parquet(files)}" if files else "select null where false"

    def _check_grain(self) -> None:
        if self.driver is None:
            refused = "select totes_reason from totes_judged where totes_reason is not null limit 1"
            for (reason,) in self.engine.execute(refused).fetchall():
                raise self._wrong(f"made a row that its contract refuses: {reason}")
            return
        given = duck.count(self.engine, f"from {duck.name(self.driver.contract.name)}")
        made = duck.count(self.engine, "from totes_judged")
        if given != made:
            raise self._wrong(
                f"made {made} rows of {given} in {self.driver.contract.name}, and should make one "
                f"of each: left join what is looked up, on its key"
            )
        quarantine.check_key(self.engine, self.star, self.driver)

    def _refuse_twins(self) -> None:
        """Refuse the rows that would be one row of the star: the warehouse takes no such batch."""
        key = duck.names(self.star.key)
        shown = ", ".join(f"cast({duck.name(part)} as varchar)" for part in self.star.key)
        reason = (
            f"{duck.text(', '.join(self.star.key) + ': ')} || concat_ws(', ', {shown}) "
            f"|| ' is the key of more than one row'"
        )
        self.engine.execute(
            f"update totes_judged set totes_reason = {reason} "
            f"where totes_reason is null and ({key}) in (select ({key}) from totes_judged "
            f"where totes_reason is null group by {key} having count(*) > 1)"
        )

    def _wrong(self, what: str) -> ModelError:
        hint = f"mend {self.star.name}.sql or {self.star.name}.toml in {self.model.folder}"
        return ModelError(f"{self.star.name}.sql {what}", hint=hint)

    @measured("number and write versions")
    def versions(self, path: Path) -> Built | None:
        """Write what is new in the star: `judged` against what was held, and the deletions."""
        star, held = self.star, self.held[self.star.name]
        if self.driver is not None:
            quarantine.settle(self.engine, star, self.driver, self.batch)
        columns = list(star.selected)
        layers = held.state()
        if layers:
            query = self._against(newest(layers, star.key, star.types))
        else:
            query = (
                f"select {duck.names(columns)}, 'insert' as change "
                f"from totes_judged where totes_reason is null"
            )
        numbered = {
            name: f"cast({held.last_id} + row_number() over (order by {duck.names(star.key)}) "
            f"as {column.type.modelled}) as {duck.name(name)}"
            for name, column in star.columns.items()
            if name == star.record_id
        }
        selected = ", ".join(numbered.get(name, duck.name(name)) for name in star.columns)
        changes = _write(
            self.engine,
            f"select {selected}, cast({self.batch} as bigint) as batch, change "
            f"from ({query}) order by {duck.names(star.key)}",
            path,
        )
        return Built(changes, held.last_id + changes.rows) if changes else None

    def _against(self, old: str) -> str:
        """SQL for what `judged` and the batch's deletions change in the rows of `old`."""
        star = self.star
        columns = list(star.selected)
        matched = duck.matched(star.key, star.key, "new", "old")
        there = f"(old.{duck.name(star.key[0])} is not null and old.change <> 'delete')"
        query = (
            f"select {duck.names(columns, of='new')}, "
            f"case when {there} then 'update' else 'insert' end as change "
            f"from totes_judged as new left join ({old}) as old on {matched} "
            f"where new.totes_reason is null and not coalesce({there} and "
            f"row({duck.names(columns, of='new')}) is not distinct from "
            f"row({duck.names(columns, of='old')}), false)"
        )
        if star.is_fact and self.driver is not None and self.driver.deletes:
            query += f" union all {self._deletions(old, self.driver)}"
        return query

    def _deletions(self, old: str, driver: SourceTable) -> str:
        """SQL for the last versions of what the batch deleted from the driving table."""
        seen = duck.text(self.snapshot.taken_at.isoformat(sep=" "))
        values = ", ".join(
            f"cast(timestamp {seen} as {column.type.modelled}) as {duck.name(name)}"
            if column.when_deleted
            else f"old.{duck.name(name)}"
            for name, column in self.star.selected.items()
        )
        key = self.star.key
        gone = keys_of(self.star, driver.contract, driver.deleted_keys())
        if any(
            self.star.types[a] != driver.contract.types[b]
            for a, b in zip(key, driver.contract.key, strict=True)
        ):
            # two keys there, 1 and 1.0, may be one here, and one of them still be there
            alive = keys_of(self.star, driver.contract, driver.current_rows())
            gone = f"({gone}) except ({alive})"
        return (
            f"select {values}, 'delete' as change from ({old}) as old "
            f"join ({gone}) as gone on {duck.matched(key, key, 'gone', 'old')} "
            f"where old.change <> 'delete'"
        )

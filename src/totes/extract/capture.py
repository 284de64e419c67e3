"""Capture: what is new in the source's tables since a cursor, and what is gone from them.

The cursor is a snapshot. Rows whose writing transaction is not older than that snapshot's oldest
open one are read again; those of them that the lake holds already, by key and 64-bit transaction
id, are dropped. A cursor on `last_updated` would lose every row that was committed late.

Deletions: once inserts and updates are in, the source's keys are among the lake's, so that an equal
count proves that nothing was deleted; only where the counts differ are keys compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from psycopg import sql

from totes import duck
from totes.changes import CHANGE, INGESTED, XID, Changes, Layer, Snapshot, current
from totes.errors import ContractError
from totes.extract.catalog import FoundTable
from totes.extract.source import SETTING, Source
from totes.postgres import copied_out, one_line, speaking_to

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_T = TypeVar("_T")
_UNEXPLAINED = Changes(Path())  # what _compare gives where rows do not add up


@dataclass(frozen=True)
class Known:
    """What the lake holds of a table: up to which snapshot, how many rows, and which change files.

    `layers` is called only where there is something to compare with, as it may have to fetch them.
    """

    cursor: Snapshot
    oid: int
    contract: str
    rows: int
    layers: Callable[[], Sequence[Layer]]


@dataclass(frozen=True)
class Captured:
    """A table at the snapshot: its changes if there are any, and how many rows it has.

    `full` says why the whole table was read, where it was.
    """

    rows: int
    changes: Changes | None = None
    full: str | None = None


def why_full(table: FoundTable, known: Known | None, snapshot: Snapshot) -> str | None:
    """Why a table must be read whole: its cursor says nothing about this database. Else None."""
    if known is None:
        return "first capture"
    cursor = known.cursor
    reasons = {
        "the contract changed": known.contract != table.contract.fingerprint,
        "another database system": cursor.system != snapshot.system,
        "another timeline of the database system": cursor.timeline != snapshot.timeline,
        "another database": cursor.database != snapshot.database,
        "the table was made anew": known.oid != table.oid,
        "transaction ids went backwards": snapshot.xmax < cursor.xmax,
        "too many transactions since the last capture": snapshot.xmax - cursor.xmin >= 1 << 31,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def capture(
    source: Source,
    tables: dict[str, FoundTable],
    known: dict[str, Known],
    engine: DuckDBPyConnection,
    folder: Path,
    done: Callable[[str, Captured | ContractError], None],
    again: Mapping[str, str],
) -> None:
    """Capture `tables` at the source's snapshot, each into a change file in `folder`.

    Those in `again`, table → why, are read whole even if their cursor is good. Calls `done` for
    each as soon as it is known, with what was captured or, where a table's values do not fit its
    contract, with the error that stops that table alone.
    """
    full = {
        name: why_full(t, known.get(name), source.snapshot) or again.get(name)
        for name, t in tables.items()
    }
    counts = _probe(source, [t for name, t in tables.items() if not full[name]], known)
    for name, table in tables.items():
        reader = _Reader(source, table, known.get(name), engine, folder / f"{name}.parquet")
        try:
            with source.connection.transaction():  # a savepoint: what fails, fails for one table
                reason = full[name]
                outcome = reader.whole(reason) if reason else reader.since(*counts[name])
        except ContractError as error:
            done(name, error)
        else:
            done(name, outcome)


def read_whole(
    source: Source, table: FoundTable, engine: DuckDBPyConnection, use: Callable[[str], _T]
) -> _T:
    """Call `use` with SQL for all rows of a table at the snapshot, typed as the lake has them.

    They can be read once. Raises ContractError where a value does not fit the contract.
    """
    with source.connection.transaction():  # a savepoint: what fails, fails for one table
        return _Reader(source, table, None, engine, Path())._fetch(use)


def _probe(
    source: Source, tables: list[FoundTable], known: dict[str, Known]
) -> dict[str, tuple[int, int]]:
    """Table → (rows, rows that may have changed), in one round trip and one scan of each table."""
    if not tables:
        return {}
    queries = [
        sql.SQL("select {}, count(*), count(*) filter (where {}) from {}").format(
            sql.Literal(table.contract.name),
            source.changed_since(known[table.contract.name].cursor),
            _relation(table),
        )
        for table in tables
    ]
    with speaking_to(SETTING):
        rows = source.connection.execute(sql.SQL(" union all ").join(queries)).fetchall()
    return {name: (total, changed) for name, total, changed in rows}


def _relation(table: FoundTable) -> sql.Composable:
    return sql.Identifier(table.contract.schema_name, table.contract.source_table)


@dataclass
class _Reader:
    """Reads one table. Its engine tables are made anew by each, and dropped with the engine."""

    source: Source
    table: FoundTable
    known: Known | None
    engine: DuckDBPyConnection
    target: Path

    @property
    def columns(self) -> list[str]:
        return list(self.table.contract.columns)

    @property
    def key(self) -> tuple[str, ...]:
        return self.table.contract.key

    def whole(self, reason: str) -> Captured:
        """Capture every row; against a lake that knows the table, only what truly differs."""
        if self.known is None:
            rows = self._fetch(
                lambda fetched: duck.write_parquet(
                    self.engine, f"select *, 'insert' as {CHANGE} from ({fetched})", self.target
                )
            )
            self._keys_are_unique(duck.parquet([self.target]))
            changes = Changes(self.target, inserted=rows) if rows else None
            return Captured(rows, changes, reason)
        self._fetch(self._keep)
        total = duck.count(self.engine, "from totes_fetched")
        changes = self._compare(self.known, total, differs=self._other_values)
        if changes is _UNEXPLAINED:
            raise ContractError(
                f"{self.table.contract.name}: its {total} rows and the lake's do not add up",
                hint="totes verify looks at the lake; is the key unique at the source?",
            )
        return Captured(total, changes, reason)

    def since(self, total: int, changed: int) -> Captured:
        """Capture what the cursor did not see. `total` and `changed` are counts of the snapshot."""
        if self.known is None:
            raise AssertionError("a table without a cursor is captured whole")
        if not changed and total == self.known.rows:
            return Captured(total)
        self._fetch(self._keep, self.source.changed_since(self.known.cursor))
        # the same id and other values: ids of another cluster, from before a move
        differs = f"f.{XID} <> l.{XID} or {self._other_values}"
        changes = self._compare(self.known, total, differs=differs)
        if changes is _UNEXPLAINED:  # rows came without being written: a partition was attached
            return self.whole("rows are there that no transaction has written")
        return Captured(total, changes)

    def _compare(self, known: Known, total: int, *, differs: str) -> Changes | None:
        """Write what was fetched and the lake has not, and the deletions, to the target.

        Gives _UNEXPLAINED, and writes nothing of use, if the rows do not add up to `total`.
        """
        types = {**self.table.contract.types, XID: INGESTED[XID]}
        lake = current(known.layers(), self.key, types, CHANGE)
        inserted, updated = self._find_upserts(lake, differs)
        missing = known.rows + inserted - total
        if missing < 0:
            return _UNEXPLAINED
        if not (missing or inserted or updated):
            return None
        changes = "from totes_upserts"
        if missing:
            self._fetch_keys()
            changes += (
                f" union all by name select l.*, 'delete' as {CHANGE} from ({lake}) as l "
                f"where not exists (select 1 from totes_present as f where {self._same_key})"
            )
        rows = duck.write_parquet(self.engine, changes, self.target)
        deleted = rows - inserted - updated
        if deleted != missing:
            return _UNEXPLAINED
        return Changes(self.target, inserted, updated, deleted)

    @property
    def _other_values(self) -> str:
        new, old = (f"row({duck.names(self.columns, of=side)})" for side in "fl")
        return f"{new} is distinct from {old}"

    @property
    def _same_key(self) -> str:
        return duck.matched(self.key, self.key, "f", "l")

    def _find_upserts(self, lake: str, differs: str) -> tuple[int, int]:
        """Make `upserts` of the fetched rows that the lake has not; how many are new, and not."""
        known = f"l.{duck.name(self.key[0])} is not null"
        self.engine.execute(
            f"create or replace temp table totes_upserts as "
            f"select f.*, case when {known} then 'update' else 'insert' end as {CHANGE} "
            f"from totes_fetched as f left join ({lake}) as l on {self._same_key} "
            f"where not ({known}) or ({differs})"
        )
        inserted = duck.count(self.engine, f"from totes_upserts where {CHANGE} = 'insert'")
        return inserted, duck.count(self.engine, "from totes_upserts") - inserted

    def _keep(self, fetched: str) -> None:
        self.engine.execute(f"create or replace temp table totes_fetched as {fetched}")
        self._keys_are_unique("totes_fetched")

    def _fetch_keys(self) -> None:
        keys = ", ".join(f"{self._held(part)} as {duck.name(part)}" for part in self.key)
        query = sql.SQL("select {} from {}").format(_identifiers(self.key), _relation(self.table))
        create = f"create or replace temp table totes_present as select {keys} from "
        self._stream(query, self.key, lambda csv: self.engine.execute(create + csv))

    def _fetch(self, use: Callable[[str], _T], only: sql.Composable | None = None) -> _T:
        """Call `use` with SQL for the source's rows, typed as the lake has them, and their ids."""
        query = sql.SQL("select {}, {} from {} where {}").format(
            _identifiers(self.columns),
            self.source.xid,
            _relation(self.table),
            only or sql.SQL("true"),
        )
        held = [f"{self._held(column)} as {duck.name(column)}" for column in self.columns]
        rows = f"select {', '.join(held)}, cast({XID} as bigint) as {XID} from "
        return self._stream(query, [*self.columns, XID], lambda csv: use(rows + csv))

    def _stream(
        self, query: sql.Composable, columns: Sequence[str], use: Callable[[str], _T]
    ) -> _T:
        """Call `use` with what the engine can read the rows of `query` from, once, all as text."""
        import duckdb  # only for its errors; whoever opened the engine has loaded it

        try:
            with speaking_to(SETTING), copied_out(self.source.connection, query) as path:
                return use(duck.csv(path, columns))
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            raise ContractError(
                f"{self.table.contract.name}: a value cannot be held: {one_line(error)}",
                hint="mend the row at the source, or the column's type in the contract",
            ) from error

    def _held(self, column: str) -> str:
        """SQL that turns what PostgreSQL printed into the lake's type."""
        return duck.parsed(duck.name(column), self.table.contract.columns[column].type.ingested)

    def _keys_are_unique(self, relation: str) -> None:
        """A table without a unique index on its key may hold a key twice, or NULL: look."""
        if self.table.key_is_unique:
            return
        keys = duck.names(self.key)
        missing = " or ".join(f"{duck.name(part)} is null" for part in self.key)
        twice = (
            f"select {keys} from {relation} group by all having count(*) > 1 or {missing} limit 1"
        )
        for row in self.engine.execute(twice).fetchall():
            values = ", ".join("NULL" if value is None else str(value) for value in row)
            raise ContractError(
                f"{self.table.contract.name}: the key {', '.join(self.key)} = {values} is there "
                f"{'and is no key' if None in row else 'more than once'}",
                hint=f"name the real key in source/{self.table.contract.name}.toml",
            )


def _identifiers(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))

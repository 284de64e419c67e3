"""One table: its changes since a cursor, or all its rows; and its deletions.

Rows whose writing transaction is not older than the cursor's oldest open one are read again; those
of them that the lake holds already, by key and 64-bit transaction id, are dropped. Once inserts and
updates are in, the source's keys are among the lake's, so that an equal count proves that nothing
was deleted; only where the counts differ are keys compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from psycopg import sql

from totes import duck
from totes.changes import CHANGE, INGESTED, RAW, XID, Changes, current
from totes.errors import ConfirmationError
from totes.extract.catalog import FoundTable
from totes.extract.cursor import Known
from totes.extract.rows import Rows
from totes.extract.source import WRAP
from totes.profiling import measured
from totes.report import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_UNEXPLAINED = Changes(Path())  # what _compare gives where rows do not add up


@dataclass(frozen=True)
class Wishes:
    """What a person, or a setting, wants of a capture beyond what is new.

    The tables in `again`, with the reason why, are read whole even if their cursor is good. Of a
    table's rows no more than the share `deletion_limit` may be found deleted, unless it is in
    `confirmed`.
    """

    deletion_limit: float = 1.0
    confirmed: Collection[str] = ()
    again: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Captured:
    """A table at the snapshot: its changes if there are any, and how many rows it has.

    `full` says why the whole table was read, where it is not always. `anew` says that the changes
    hold every row, typed or keyed otherwise than before, and that no older file is needed to read
    them.
    """

    rows: int
    changes: Changes | None = None
    full: str | None = None
    anew: bool = False


@dataclass
class Table:
    """Captures one table, with the help of some engine tables."""

    rows: Rows
    known: Known | None
    target: Path
    wishes: Wishes

    @property
    def table(self) -> FoundTable:
        return self.rows.table

    @property
    def engine(self) -> DuckDBPyConnection:
        return self.rows.reader.engine

    def forget(self) -> None:
        """Drop the engine tables, for the next table's sake."""
        for table in ("totes_fetched", "totes_upserts", "totes_present"):
            self.engine.execute(f"drop table if exists {table}")

    @property
    def name(self) -> str:
        return self.table.contract.name

    @property
    def key(self) -> tuple[str, ...]:
        return self.table.contract.key

    def whole(self, reason: str | None) -> Captured:
        """Capture every row; against a lake that knows the table, only what truly differs."""
        self.rows.check_keys()
        if self.known is None:
            total = self.rows.fetch(
                lambda fetched: duck.write_parquet(
                    self.engine, f"select *, 'insert' as {CHANGE} from ({fetched})", self.target
                )
            )
            self.rows.check_fetched(f"from {duck.parquet([self.target])}")
            changes = Changes(self.target, inserted=total) if total else None
            return Captured(total, changes, reason)
        self._fetch()
        total = duck.count(self.engine, "from totes_fetched")
        if self._is_of_another_kind(self.known):
            return Captured(total, self._anew(self.known), reason, anew=True)
        changes = self._compare(self.known, total, differs=self._other_values)
        if changes is _UNEXPLAINED:  # the lake has a key twice, from before that was looked for
            reason = f"the lake's {counted(self.known.rows, 'row')} did not add up"
            return Captured(total, self._anew(self.known), reason, anew=True)
        return Captured(total, changes, reason)

    def since(self, total: int) -> Captured:
        """Capture what the cursor did not see. `total` are the snapshot's rows."""
        if self.known is None:
            raise AssertionError("a table without a cursor is captured whole")
        self.rows.check_keys()
        self._fetch(self.rows.source.changed_since(self.known.cursor))
        # the same id and other values: ids of another cluster, from before a move
        # (and ids that are whole rounds of the 32-bit counter apart are one: a frozen row's, read
        # again when the counter comes by it)
        differs = f"(f.{XID} - l.{XID}) % {WRAP} <> 0 or {self._other_values}"
        changes = self._compare(self.known, total, differs=differs)
        if changes is _UNEXPLAINED:  # rows came without being written: a partition was attached
            return self.whole("rows are there that no transaction has written")
        return Captured(total, changes)

    def _lake(self, known: Known) -> str:
        """SQL for the rows that the lake has, told apart as it does, with the types it has."""
        types = {**self.table.types, XID: INGESTED[XID], RAW: INGESTED[RAW]}
        keyed = {part: "VARCHAR" for part in known.key if part not in types}
        return current(known.layers(), known.key, {**types, **keyed}, CHANGE)

    def _is_of_another_kind(self, known: Known) -> bool:
        """Whether the lake's rows have another key than the contract now, or other types."""
        described = self.engine.execute(f"describe {self._lake(known)}").fetchall()
        types = {name: kind for name, kind, *_ in described}
        return known.key != self.key or any(
            types[column] != kind for column, kind in self.table.types.items()
        )

    def _anew(self, known: Known) -> Changes | None:
        """Write every row, as an update if its key was there, and the deletions, to the target.

        A deletion's values are those that the new types can hold; the older files have them all.
        """
        held = ", ".join(
            f"try_cast({duck.name(column)} as {kind}) as {duck.name(column)}"
            for column, kind in {**self.table.types, **INGESTED}.items()
            if column != CHANGE
        )
        nameless = " or ".join(f"{duck.name(part)} is null" for part in self.key)
        lake = (
            f"select * from (select {held} from ({self._lake(known)})) where not ({nameless}) "
            f"qualify row_number() over (partition by {duck.names(self.key)} order by {XID}) = 1"
        )
        inserted, updated = self._find_upserts(lake, "true")
        gone = (
            f"select l.*, 'delete' as {CHANGE} from ({lake}) as l "
            f"where not exists (select 1 from totes_fetched as f where {self._same_key})"
        )
        rows = duck.write_parquet(
            self.engine, f"from totes_upserts union all by name {gone}", self.target
        )
        deleted = rows - inserted - updated
        if known.key == self.key:
            self._check_deletions(deleted, known.rows)
        return Changes(self.target, inserted, updated, deleted) if rows else None

    @measured("compare with the lake")
    def _compare(self, known: Known, total: int, *, differs: str) -> Changes | None:
        """Write what was fetched and the lake has not, and the deletions, to the target.

        Gives _UNEXPLAINED, and writes nothing of use, if the rows do not add up to `total`.
        """
        lake = self._lake(known)
        inserted, updated = self._find_upserts(lake, differs)
        missing = known.rows + inserted - total
        if missing < 0:
            return _UNEXPLAINED
        if not (missing or inserted or updated):
            return None
        changes = "from totes_upserts"
        if missing:
            self.rows.fetch_keys(
                lambda keys: self.engine.execute(
                    f"create or replace temp table totes_present as {keys}"
                )
            )
            changes += (
                f" union all by name select l.*, 'delete' as {CHANGE} from ({lake}) as l "
                f"where not exists (select 1 from totes_present as f where {self._same_key})"
            )
        rows = duck.write_parquet(self.engine, changes, self.target)
        deleted = rows - inserted - updated
        if deleted != missing:
            return _UNEXPLAINED
        self._check_deletions(deleted, known.rows)
        return Changes(self.target, inserted, updated, deleted)

    def _check_deletions(self, deleted: int, known: int) -> None:
        """Raise ConfirmationError if more rows are gone than may go without a person's word."""
        if deleted <= self.wishes.deletion_limit * known or self.name in self.wishes.confirmed:
            return
        raise ConfirmationError(
            f"{self.name}: {counted(deleted, 'row')} of {known:,} are gone from the source, more "
            f"than {self.wishes.deletion_limit:.0%} of them (TOTES_DELETION_LIMIT)",
            hint=f"if that is right, totes run --confirm-deletions {self.name}",
        )

    @property
    def _other_values(self) -> str:
        columns = [*self.table.types, RAW]
        new, old = (f"row({duck.names(columns, of=side)})" for side in "fl")
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

    def _fetch(self, only: sql.Composable | None = None) -> None:
        """Make `totes_fetched` of the source's rows, or some of them."""
        self.rows.fetch(
            lambda fetched: self.engine.execute(
                f"create or replace temp table totes_fetched as {fetched}"
            ),
            only,
        )
        self.rows.check_fetched("from totes_fetched")

"""The rows of one source table, at the source's snapshot, typed as the lake has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from psycopg import errors, sql

from totes import duck
from totes.changes import INGESTED, RAW, XID
from totes.contract import SourceContract
from totes.copying import copied_out
from totes.errors import ContractError, TransientError
from totes.extract.catalog import FoundTable
from totes.extract.readers import Reader
from totes.extract.server import SETTING
from totes.extract.source import Source
from totes.postgres import one_line, speaking_to
from totes.profiling import measured

_T = TypeVar("_T")

# Types of PostgreSQL that reach further than the engine's: to the year 294276, and not 294246.
WIDER = {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}


def relation(contract: SourceContract) -> sql.Composable:
    """The table at the source, quoted and qualified."""
    return sql.Identifier(contract.schema_name, contract.source_table)


def as_json(values: dict[str, str]) -> str:
    """SQL for a JSON object of those values, name → SQL of a text, that are not NULL; NULL if all
    are."""
    names = {name: duck.text(json.dumps(name, ensure_ascii=False) + ":") for name in values}
    pairs = ", ".join(
        f"{names[name]} || cast(to_json({value}) as varchar)" for name, value in values.items()
    )
    return f"'{{' || nullif(concat_ws(',', {pairs}), '') || '}}'"


@dataclass(frozen=True)
class Rows:
    """Reads one table's rows by COPY, each time anew, always as of the same snapshot."""

    reader: Reader
    table: FoundTable

    @property
    def source(self) -> Source:
        """The session that is read from."""
        return self.reader.source

    def fetch(self, use: Callable[[str], _T], only: sql.Composable | None = None) -> _T:
        """Call `use` with SQL for the rows, which can be read once; it may be called anew.

        They have the table's columns as the lake types them, `_xid`, and `_raw`: a JSON object of
        the values that no lake type can hold, which are NULL in their columns, or NULL. Raises
        ContractError for a value that cannot be held at all.
        """
        columns = list(self.table.types)
        query = sql.SQL("select {}, {} from {} where {}").format(
            self._there(columns),
            self.source.xid,
            relation(self.table.contract),
            only or sql.SQL("true"),
        )
        wider = [name for name in columns if self._may_overflow(name)]
        held = [f"{self._held(column)} as {duck.name(column)}" for column in columns]
        overflown = {n: f"if({self._held(n)} is null, {duck.name(n)}, null)" for n in wider}
        raw = as_json(overflown) if wider else f"cast(null as {INGESTED[RAW]})"
        rows = (
            f"select {', '.join(held)}, cast({XID} as {INGESTED[XID]}) as {XID}, {raw} as {RAW} "
            f"from "
        )
        return self._stream(query, [*columns, XID], lambda csv: use(rows + csv))

    def fetch_keys(self, use: Callable[[str], _T]) -> _T:
        """Call `use` with SQL for the keys of all rows, which can be read once."""
        key = self.table.contract.key
        query = sql.SQL("select {} from {}").format(self._there(key), relation(self.table.contract))
        keys = ", ".join(f"{self._held(part)} as {duck.name(part)}" for part in key)
        return self._stream(query, key, lambda csv: use(f"select {keys} from {csv}"))

    def check_keys(self) -> None:
        """Raise ContractError if a key is there twice, or is NULL, where no index forbids it."""
        if self.table.key_is_unique:
            return
        contract = self.table.contract
        key = self._there(contract.key)
        query = sql.SQL(
            "select {key} from {table} group by {key} "
            "having count(*) > 1 or not ({key}) is not null limit 1"
        )
        with speaking_to(SETTING):
            found = self.source.connection.execute(
                query.format(key=key, table=relation(contract))
            ).fetchone()
        if found is not None:
            self._blame_key(found)

    def check_fetched(self, rows: str) -> None:
        """Raise ContractError if a key is NULL or there twice among rows that were fetched.

        An index that is damaged, as by another version of the system's collations, lets that be.
        """
        key = duck.names(self.table.contract.key)
        null = " or ".join(f"{duck.name(part)} is null" for part in self.table.contract.key)
        found = self.reader.engine.execute(
            f"select {key} from ({rows}) group by {key} having count(*) > 1 or {null} limit 1"
        ).fetchall()
        if found:
            self._blame_key(found[0])

    def _blame_key(self, values: Sequence[object]) -> NoReturn:
        contract = self.table.contract
        shown = ", ".join("NULL" if value is None else str(value) for value in values)
        raise ContractError(
            f"{contract.name}: the key {', '.join(contract.key)} = {shown} is there "
            f"{'and is no key' if None in values else 'more than once'}",
            hint=f"mend these rows at the source (if an index should have kept them apart, REINDEX "
            f"it), or name the real key in source/{contract.name}.toml",
        )

    def _there(self, columns: Iterable[str]) -> sql.Composable:
        names = self.table.there
        return sql.SQL(", ").join(sql.Identifier(names[column]) for column in columns)

    def _may_overflow(self, column: str) -> bool:
        return self.table.types[column] in WIDER and column not in self.table.contract.key

    def _held(self, column: str) -> str:
        """SQL that turns what PostgreSQL printed into the lake's type."""
        value = duck.parsed(duck.name(column), self.table.types[column])
        return f"try({value})" if self._may_overflow(column) else value

    def _stream(
        self, query: sql.Composable, columns: Sequence[str], use: Callable[[str], _T]
    ) -> _T:
        """Call `use` with what the engine can read the rows of `query` from, once, all as text.

        If a row turns out to be longer than usual, call it once more, with all of them again.
        """

        def streamed(longest: int) -> _T:
            rows = copied_out(self.source.connection, query, longest=longest)
            with self.source.connection.transaction(), rows as path:  # a savepoint
                return use(duck.csv(path, columns, longest))

        with speaking_to(SETTING), self._blaming_values(), measured("read the source's rows"):
            try:
                return streamed(duck.USUAL_ROW)
            except OverflowError as error:
                self._want_to_be_alone(error)
                return streamed(duck.LONGEST_ROW)

    def _want_to_be_alone(self, error: Exception) -> None:
        if not self.reader.alone:
            name = self.table.contract.name
            raise TransientError(f"{name}: too long rows to be read beside others") from error

    @contextmanager
    def _blaming_values(self) -> Iterator[None]:
        """Say of which table it was that a value cannot be held, nor its text be read."""
        import duckdb  # only for its errors; whoever opened the engine has loaded it

        try:
            yield
        except (
            duckdb.ConversionException,
            duckdb.InvalidInputException,
            errors.CharacterNotInRepertoire,  # in a database that checks no encoding
            errors.UntranslatableCharacter,
            OverflowError,
        ) as error:
            raise ContractError(
                f"{self.table.contract.name}: a value cannot be held: {one_line(error)}",
                hint="mend the row at the source, or the column's type in the contract",
            ) from error
        except duckdb.OutOfMemoryException as error:
            if not (duck.is_short_of_memory(error) and self.reader.last):
                raise
            self._want_to_be_alone(error)
            raise ContractError(
                f"{self.table.contract.name}: too many long rows for the engine's memory",
                hint="give it more by TOTES_MEMORY, for example 1GB; then run again",
            ) from error

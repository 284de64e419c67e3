"""What a model's SELECT reads: for each table it names, a relation of that name in the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from totes import duck
from totes.changes import Layer, current
from totes.contract import DataModel, SourceContract, StarContract
from totes.errors import ModelError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHANGE = "_change"  # in the ingestion lake's files


@dataclass(frozen=True)
class SourceTable:
    """A source table in the ingestion lake: its current rows, and what this batch changed."""

    contract: SourceContract
    changes: Sequence[Layer]
    state: Callable[[], Sequence[Layer]]

    def current_rows(self) -> str:
        """SQL for the table as it was at the batch's snapshot."""
        columns = list(self.contract.columns)
        layers = self.state()
        if layers:
            return current(layers, self.contract.key, columns, CHANGE)
        return self.no_rows()

    def no_rows(self) -> str:
        """SQL for no row of this table, with its columns and types."""
        columns = ", ".join(
            f"cast(null as {column.type.ingested}) as {duck.name(name)}"
            for name, column in self.contract.columns.items()
        )
        return f"select {columns} where false"

    def changed_rows(self) -> str:
        """SQL for the rows that this batch inserted or updated."""
        if not self.changes:
            return self.no_rows()
        columns = duck.names(self.contract.columns)
        files = duck.parquet(layer.path for layer in self.changes)
        return f"select {columns} from {files} where {CHANGE} <> 'delete'"

    def deleted_keys(self) -> str:
        """SQL for the keys of the rows that this batch deleted."""
        files = duck.parquet(layer.path for layer in self.changes)
        return f"select {duck.names(self.contract.key)} from {files} where {CHANGE} = 'delete'"


def read_by(star: StarContract, model: DataModel, engine: DuckDBPyConnection) -> set[str]:
    """The tables that a model's SELECT reads. Raises ModelError for one that nobody knows."""
    with engine.cursor() as blank:  # one that does not see our views, which it would look into
        tables = set(blank.get_table_names(star.sql))
    for table in tables - set(model.sources) - set(model.references):
        if table not in star.driven_by:
            raise ModelError(
                f"{star.name}.sql reads {table}, which is no source table, no reference data, and "
                f"not in driven_by",
                hint=f"mend {star.name}.sql or {star.name}.toml in {model.folder}",
            )
    return tables


def lay_out(engine: DuckDBPyConnection, table: str, rows: str) -> None:
    """Let `table` in a SELECT stand for `rows`."""
    engine.execute(f"create or replace temp view {duck.name(table)} as {rows}")


def reference(path: Path) -> str:
    """SQL for reference data: a CSV with a header, all of it text."""
    return f"select * from read_csv({duck.text(path)}, header = true, all_varchar = true)"

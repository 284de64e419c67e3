"""What a model's SELECT reads: for each table it names, a relation of that name in the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from totes import duck
from totes.changes import CHANGE, INGESTED, RAW, Layer, current
from totes.contract import DataModel, SourceContract, StarContract
from totes.errors import ModelError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class SourceTable:
    """A source table in the ingestion lake: its current rows, and what this batch changed, which
    `deletes` rows or does not.

    `key` are the columns by which the lake tells its rows apart. All rows come with the contract's
    columns and `_raw`, which holds the values that are NULL in their columns because the lake has
    no type for them.
    """

    contract: SourceContract
    key: tuple[str, ...]
    changes: Sequence[Layer]
    deletes: bool
    state: Callable[[], Sequence[Layer]]

    def current_rows(self) -> str:
        """SQL for the table as it was at the batch's snapshot."""
        return self._rows(self.state())

    def changed_rows(self) -> str:
        """SQL for the rows that this batch inserted or updated."""
        return self._rows(self.changes)

    def deleted_keys(self) -> str:
        """SQL for the keys of the rows that this batch deleted."""
        files = duck.parquet(layer.path for layer in self.changes)
        return f"select {duck.names(self.contract.key)} from {files} where {CHANGE} = 'delete'"

    def _rows(self, layers: Sequence[Layer]) -> str:
        keyed = {part: "VARCHAR" for part in self.key if part not in self.contract.types}
        types = {**self.contract.types, **keyed, RAW: INGESTED[RAW]}
        rows = current(layers, self.key, types, CHANGE)
        return f"select {duck.names([*self.contract.types, RAW])} from ({rows})" if keyed else rows


def read_by(star: StarContract, model: DataModel, engine: DuckDBPyConnection) -> set[str]:
    """The tables that a model's SELECT reads. Raises ModelError for one that nobody knows."""
    tables = set(_named(star, engine))
    for table in tables - set(model.sources) - set(model.references):
        if table not in star.driven_by:
            raise ModelError(
                f"{star.name}.sql reads {table}, which is no source table, no reference data, and "
                f"not in driven_by",
                hint=f"mend {star.name}.sql or {star.name}.toml in {model.folder}",
            )
    return tables


def reads_twice(star: StarContract, table: str, engine: DuckDBPyConnection) -> bool:
    """Whether a model's SELECT reads a table more than once, as a join with itself does."""
    return _named(star, engine).count(table) > 1


def _named(star: StarContract, engine: DuckDBPyConnection) -> list[str]:
    """Each table that a model's SELECT reads, as often as it does.

    They are read off its syntax tree: to ask the engine (get_table_names) is to let it look for the
    columns of tables that are not laid out yet, which `using` makes an error.
    """
    engine.extract_statements(star.sql)  # raises the engine's error where it is no SQL
    serialized = engine.execute("select json_serialize_sql(?)", [star.sql]).fetchall()[0][0]
    tree = json.loads(serialized)
    if tree["error"]:
        raise ModelError(f"{star.name}.sql: {tree['error_message']}", hint="make it one SELECT")
    return list(_tables(tree, frozenset()))


def _tables(node: Any, own: frozenset[str]) -> Iterator[str]:
    """The tables under a node of a syntax tree, but for its `own`, which a WITH made."""
    if isinstance(node, list):
        for part in node:
            yield from _tables(part, own)
    elif isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node["table_name"].casefold() not in own:
            yield node["table_name"]
        for made in node.get("cte_map", {}).get("map", ()):
            name = made["key"].casefold()
            is_recursive = made["value"]["query_node"]["type"] == "RECURSIVE_CTE_NODE"
            yield from _tables(made["value"], own | {name} if is_recursive else own)
            own |= {name}
        for key, part in node.items():
            if key != "cte_map":
                yield from _tables(part, own)


def lay_out(engine: DuckDBPyConnection, table: str, rows: str) -> None:
    """Let `table` in a SELECT stand for `rows`."""
    engine.execute(f"create or replace temp view {duck.name(table)} as {rows}")


def reference(path: Path) -> str:
    """SQL for reference data: a CSV with a header, all of it text."""
    return f"select * from read_csv({duck.text(path)}, header = true, all_varchar = true)"

"""Lineage: of which columns of the source a column of the warehouse is made, read off the SQL.

What counts is what a value is made of, not what rows are joined or filtered by. sqlglot, an extra
dependency, reads the SQL; everything here is derived from the data model alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from totes.contract import DataModel, StarContract
from totes.errors import ConfigurationError, ModelError

if TYPE_CHECKING:
    from sqlglot import Schema, exp
    from sqlglot.optimizer.scope import Scope

ENGINE, WAREHOUSE = "duckdb", "postgres"  # who runs the models, and who the views
OWN_SCHEMA = "totes"
MARKS = ("batch", "change")  # what Totes adds to a fact's columns
Kind = Literal["source", "reference", "rates", "totes"]


class Origin(NamedTuple):
    """A column at which lineage ends: the source's, reference data's, an exchange rate's, or one
    that Totes itself fills."""

    table: str
    column: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


class Step(NamedTuple):
    """A column that a SELECT reads."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True)
class Lineage:
    """What a column of the warehouse is made of: `reads` by its own SELECT, `origins` in the end.

    One without any is a constant, or the time of the question.
    """

    table: str
    column: str
    reads: tuple[Step, ...]
    origins: tuple[Origin, ...]


def lineage(model: DataModel, name: str) -> list[Lineage]:
    """The lineage of a column (`TABLE.COLUMN`), or of all columns of a table or view.

    Raises ConfigurationError if there is no such thing, or no sqlglot, and ModelError for SQL that
    it cannot read.
    """
    return Tracer(model).lineage(name)


class Tracer:
    """Traces the columns of one data model; what has been traced once is known."""

    def __init__(self, model: DataModel) -> None:
        _check_sqlglot()
        self.model = model
        self._reads = cache(self._read)
        self._scopes: dict[str, Scope] = {}

    def lineage(self, name: str) -> list[Lineage]:
        """As the function of that name."""
        table, dot, column = name.partition(".")
        columns = self.tables.get(table)
        if columns is None:
            raise _unknown(f"no table or view {table!r} in the warehouse", table, self.tables)
        if dot and column not in columns:
            raise _unknown(f"no column {column!r} in {table}", column, columns)
        return [self._lineage(table, each) for each in ([column] if dot else columns)]

    def _lineage(self, table: str, column: str) -> Lineage:
        reads = self._reads(table, column)
        return Lineage(table, column, reads, tuple(sorted(self._origins(table, column))))

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """The columns of each table and view of the warehouse, in order."""
        tables = {star.name: _columns(star) for star in self.model.load_order}
        if self.model.rates:
            tables[self.model.rates.name] = list(self.model.rates.columns)
        for view in self.model.view_order:
            select = _qualified(view.name, view.sql, WAREHOUSE, tables)
            tables[view.name] = select.named_selects
        return tables

    @cached_property
    def _read_by_models(self) -> dict[str, list[str]]:
        """The columns of each table that a model may read, in order."""
        tables = {source.name: list(source.columns) for source in self.model.sources.values()}
        for name, path in self.model.references.items():
            with path.open(encoding="utf-8", newline="") as file:
                tables[name] = next(csv.reader(file), [])
        return tables | {star.name: _columns(star) for star in self.model.stars.values()}

    def _read(self, table: str, column: str) -> tuple[Step, ...]:
        """What a column's own SELECT makes it of; nothing for what Totes or people fill."""
        model = self.model
        if table in model.views:
            return _steps(self._scope(table), column, WAREHOUSE, self.tables)
        if table in model.stars and column in model.stars[table].selected:
            return _steps(self._scope(table), column, ENGINE, self._read_by_models)
        return ()

    def _scope(self, table: str) -> Scope:
        from sqlglot.optimizer.scope import build_scope

        if table not in self._scopes:
            if view := self.model.views.get(table):
                select = _qualified(table, view.sql, WAREHOUSE, self.tables)
            else:
                sql = self.model.stars[table].sql
                select = _qualified(table, sql, ENGINE, self._read_by_models)
            scope = build_scope(select)
            if scope is None:
                raise ModelError(f"{table}.sql is no SELECT", hint="make it one SELECT")
            self._scopes[table] = scope
        return self._scopes[table]

    def _origins(self, table: str, column: str) -> set[Origin]:
        model = self.model
        if table in model.views or (table in model.stars and column in model.stars[table].selected):
            found: set[Origin] = set()
            for step in self._reads(table, column):
                # what a model reads is a source's, even if a view is called alike
                is_end = table not in model.views and step.table not in model.stars
                found |= {self._end(*step)} if is_end else self._origins(*step)
            return found
        return {self._end(table, column)}

    def _end(self, table: str, column: str) -> Origin:
        if table in self.model.references:
            return Origin(table, column, "reference")
        if self.model.rates and table == self.model.rates.name:
            return Origin(table, column, "rates")
        is_own = table in self.model.stars or table.startswith(f"{OWN_SCHEMA}.")
        return Origin(table, column, "totes" if is_own else "source")


def _columns(star: StarContract) -> list[str]:
    return [*star.columns, *(MARKS if star.is_fact else ())]


def _check_sqlglot() -> None:
    try:
        import sqlglot  # noqa: F401  # is it there?
    except ImportError as error:
        raise ConfigurationError(
            "to read lineage off the SQL, Totes needs sqlglot, which is not installed",
            hint="pip install 'totes[lineage]'",
        ) from error


def _unknown(what: str, name: str, known: Iterable[str]) -> ConfigurationError:
    near = get_close_matches(name, known, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    return ConfigurationError(f"there is {what}", hint=hint)


def _qualified(name: str, sql: str, dialect: str, tables: Mapping[str, list[str]]) -> exp.Query:
    """A SELECT as a tree, in which each column says which table it is of."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify import qualify

    try:
        tree = qualify(
            parse_one(sql, dialect=dialect),
            schema=_schema(dialect, tables),
            dialect=dialect,
            db="public",
            validate_qualify_columns=False,
        )
    except SqlglotError as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{name}.sql: {reason}", hint="sqlglot cannot read it") from error
    if not isinstance(tree, exp.Query):
        raise ModelError(f"{name}.sql is no SELECT", hint="make it one SELECT")
    return tree


def _schema(dialect: str, tables: Mapping[str, list[str]]) -> Schema:
    from sqlglot import MappingSchema

    types = {name: dict.fromkeys(columns, "text") for name, columns in tables.items()}
    # PostgreSQL tells the case of what is quoted, the engine does not
    return MappingSchema({"public": types}, dialect=dialect, normalize=dialect == ENGINE)


def _steps(
    scope: Scope, column: str, dialect: str, tables: Mapping[str, list[str]]
) -> tuple[Step, ...]:
    from sqlglot import exp
    from sqlglot.lineage import lineage as trace

    # the scope knows all: there is nothing left for a schema to say
    nodes = trace(column, scope.expression, {}, scope=scope, dialect=dialect).walk()
    found = {
        _step(node.source, node.name.rpartition(".")[2].strip('"'), tables)
        for node in nodes
        if not node.downstream and isinstance(node.source, exp.Table)
    }
    return tuple(sorted(found))


def _step(source: exp.Table, column: str, tables: Mapping[str, list[str]]) -> Step:
    """The column that is meant, spelled as in its contract."""
    if source.db == OWN_SCHEMA:
        return Step(f"{OWN_SCHEMA}.{source.name}", column)
    table = _spelled(source.name, tables)
    return Step(table, _spelled(column, tables.get(table, ())))


def _spelled(name: str, known: Iterable[str]) -> str:
    alike = [each for each in known if each.casefold() == name.casefold()]
    return name if name in alike or not alike else alike[0]

"""What is there at the source, against what the contracts promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from totes.changes import INGESTED
from totes.column import Column
from totes.contract import SourceContract
from totes.datatype import DataType
from totes.errors import ConfigurationError, ContractError, TotesError
from totes.extract.server import SETTING
from totes.postgres import speaking_to
from totes.profiling import measured

COLUMNS = """
    select
        n.nspname, c.relname, c.oid::bigint, c.relkind::text,
        has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'),
        (
            select coalesce(
                json_object_agg(
                    a.attname,
                    json_build_array(
                        format_type(a.atttypid, a.atttypmod),
                        not a.attnotnull,
                        col_description(c.oid, a.attnum)
                    )
                    order by a.attnum
                ),
                '{}'
            )
            from pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        ),
        (
            select coalesce(json_agg(key.columns order by i.indisprimary desc, i.indexrelid), '[]')
            from pg_index as i
            cross join lateral (
                select json_agg(a.attname order by a.attnum) as columns,
                    -- PostgreSQL 18 calls a column NOT NULL, NOT VALID, though old rows may be
                    bool_and(a.attnotnull and not exists (
                        select from pg_constraint as n
                        where n.conrelid = c.oid and n.contype = 'n'
                            and n.conkey = array[a.attnum] and not n.convalidated
                    )) as not_null
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
            ) as key
            where i.indrelid = c.oid and i.indisunique and i.indisvalid
                and i.indpred is null and i.indexprs is null and key.not_null
        ),
        exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary),
        obj_description(c.oid)
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
"""
THESE = "where (n.nspname, c.relname) in (select * from unnest(%s::text[], %s::text[]))"
ALL = """
    where n.nspname = %s and c.relkind = any(%s) and not c.relispartition
    order by c.relname
"""

TABLES = ("r", "p")  # ordinary and partitioned: the kinds whose rows know their transaction


@dataclass(frozen=True)
class FoundColumn:
    """A column of a table as it is at the source; its type as PostgreSQL spells it."""

    type: str
    null: bool
    comment: str | None


@dataclass(frozen=True)
class CatalogTable:
    """A table as the source's catalogue describes it.

    `unique` are the sets of columns, none of which is NULL, that identify a row of the table
    itself, children by inheritance left aside; the first is the primary key, if there is one.
    """

    schema: str
    name: str
    oid: int
    kind: str
    readable: bool
    columns: dict[str, FoundColumn]
    unique: list[list[str]]
    has_primary_key: bool
    comment: str | None


@dataclass(frozen=True)
class FoundTable:
    """A contracted table as it is at the source: usable, or with the error that says why not.

    `extra` are the columns there that the contract does not have, with their types in the lake.
    `notes` tell what differs from the contract and stops nothing. `catalogue` is the fingerprint of
    what the catalogue adds to the table's values, `always` why it has to be read in full each time,
    as that cannot tell what changed.
    """

    contract: SourceContract
    oid: int = 0
    key_is_unique: bool = False
    extra: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problem: TotesError | None = None
    catalogue: dict[str, int] = field(default_factory=dict)
    always: tuple[str, ...] = ()

    @property
    def types(self) -> dict[str, str]:
        """Column → type in the ingestion lake: the contract's columns, then the extra ones."""
        return {**self.contract.types, **self.extra}

    @property
    def there(self) -> dict[str, str]:
        """Column → its name at the source."""
        return {**self.contract.there, **{name: name for name in self.extra}}


@measured("look at the source's catalogue")
def check_tables(
    connection: psycopg.Connection, contracts: Iterable[SourceContract]
) -> dict[str, FoundTable]:
    """Look at every contracted table. A table that does not fit has its `problem`; nothing raises
    but a source that is away."""
    wanted = list(contracts)
    schemas = [contract.schema_name for contract in wanted]
    tables = [contract.source_table for contract in wanted]
    there = {(t.schema, t.name): t for t in _look(connection, THESE, schemas, tables)}
    return {
        contract.name: _compare(contract, there.get((contract.schema_name, contract.source_table)))
        for contract in wanted
    }


def all_tables(connection: psycopg.Connection, schema: str) -> list[CatalogTable]:
    """Every table of a schema whose rows have a history, by name; partitions belong to theirs."""
    return _look(connection, ALL, schema, list(TABLES))


def _look(connection: psycopg.Connection, which: str, *values: object) -> list[CatalogTable]:
    with speaking_to(SETTING):
        rows = connection.execute(COLUMNS.encode() + which.encode(), values).fetchall()
    return [_table(*row) for row in rows]


def _table(
    schema: str,
    name: str,
    oid: int,
    kind: str,
    readable: bool,
    columns: dict[str, tuple[str, bool, str | None]],
    *rest: Any,
) -> CatalogTable:
    found = {column: FoundColumn(*said) for column, said in columns.items()}
    return CatalogTable(schema, name, oid, kind, readable, found, *rest)


def _compare(contract: SourceContract, table: CatalogTable | None) -> FoundTable:
    if table is None:
        where = f"{contract.schema_name}.{contract.source_table}"
        missing = ContractError(
            f"{contract.name}: there is no table {where} at the source",
            hint=f"is {SETTING} the right database? else mend source/{contract.name}.toml",
        )
        return FoundTable(contract, problem=missing)
    extra, unfit = _extra(contract, table)
    key = {contract.there[part] for part in contract.key}
    key_is_unique = any(set(columns) <= key for columns in table.unique)
    return FoundTable(
        contract,
        table.oid,
        key_is_unique,
        extra,
        tuple(_notes(contract, table, extra, unfit, key_is_unique)),
        _readable(contract, table)
        or _columns(contract, table)
        or _key(contract, table, key_is_unique),
    )


def _extra(contract: SourceContract, table: CatalogTable) -> tuple[dict[str, str], list[str]]:
    """The columns that the contract does not have, with their types in the lake; and the names of
    those that cannot be there, because another column is called the same."""
    taken = {name.casefold() for name in (*contract.columns, *INGESTED)}
    extra: dict[str, str] = {}
    unfit = []
    for name, column in table.columns.items():
        if name in contract.there.values():
            continue
        if name.casefold() in taken or name.casefold().startswith("totes_"):
            unfit.append(name)
            continue
        taken.add(name.casefold())
        extra[name] = DataType.found(column.type).ingested
    return extra, unfit


def _notes(
    contract: SourceContract,
    table: CatalogTable,
    extra: Iterable[str],
    unfit: Iterable[str],
    key_is_unique: bool,
) -> Iterator[str]:
    for name in extra:
        kind = table.columns[name].type
        yield f"column {name} ({kind}) is not in the contract: archived, not modelled"
    for name in unfit:
        yield f"column {name} is not in the contract, and its name is taken: not archived"
    for name, column in contract.columns.items():
        found = table.columns.get(contract.there[name])
        if found and found.null and not column.null and name not in contract.key:
            yield f"column {name} may be NULL at the source, and not in the contract"
    if not key_is_unique:
        yield f"nothing at the source keeps ({', '.join(contract.key)}) unique: each run looks"


def _readable(contract: SourceContract, table: CatalogTable) -> TotesError | None:
    if table.kind not in TABLES:
        return ContractError(
            f"{contract.name}: {contract.source_table} is not a table; its rows have no history",
            hint="capture the tables under a view, not the view",
        )
    if not table.readable:
        return ConfigurationError(
            f"{contract.name}: the login of {SETTING} may not read it",
            hint=f'grant select on {contract.schema_name}."{contract.source_table}" to that login',
        )
    return None


def _columns(contract: SourceContract, table: CatalogTable) -> TotesError | None:
    mend = f"mend the source, or source/{contract.name}.toml"
    for name, column in contract.columns.items():
        there = contract.there[name]
        if there not in table.columns:
            renamed = _renamed(contract, table, column)
            hint = f'has it become {renamed}? then column = "{renamed}"; else {mend}'
            return ContractError(
                f"{contract.name}: column {there} is missing", hint=hint if renamed else mend
            )
        found = table.columns[there].type
        if not column.type.holds(DataType.found(found)):
            return ContractError(
                f"{contract.name}: column {there} is {found}, and should be {column.type}",
                hint=mend,
            )
    return None


def _renamed(contract: SourceContract, table: CatalogTable, column: Column) -> str | None:
    """The one new column at the source that could hold what a missing column held."""
    new = [
        name
        for name, found in table.columns.items()
        if name not in contract.there.values() and column.type.holds(DataType.found(found.type))
    ]
    return new[0] if len(new) == 1 else None


def _key(contract: SourceContract, table: CatalogTable, key_is_unique: bool) -> TotesError | None:
    """A primary key of other columns says that a row is another thing than the contract thinks."""
    if key_is_unique or not table.has_primary_key or not table.unique:
        return None
    return ContractError(
        f"{contract.name}: its primary key is ({', '.join(table.unique[0])}), and should be "
        f"({', '.join(contract.there[part] for part in contract.key)})",
        hint=f"mend the key in source/{contract.name}.toml",
    )

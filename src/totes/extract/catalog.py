"""What is there at the source, against what the contracts promise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from totes.contract import SourceContract
from totes.datatype import DataType
from totes.errors import ConfigurationError, ContractError, TotesError
from totes.extract.source import SETTING
from totes.postgres import speaking_to

COLUMNS = """
    select
        n.nspname, c.relname,
        -- a partitioned table is another one when its partitions are others
        case when c.relkind = 'p'
            then (
                select hashtextextended(string_agg(relid::oid::text, ',' order by relid), 0)
                from pg_partition_tree(c.oid)
            )
            else c.oid::bigint end,
        c.relkind::text,
        has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select'),
        (
            select coalesce(json_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)), '{}')
            from pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        ),
        (
            select coalesce(json_agg(key.columns), '[]')
            from pg_index as i
            cross join lateral (
                select json_agg(a.attname) as columns, bool_and(a.attnotnull) as not_null
                from pg_attribute as a
                where a.attrelid = c.oid and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
            ) as key
            where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
                and i.indpred is null and i.indexprs is null and key.not_null
        )
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where (n.nspname, c.relname) in (
        select * from unnest(%s::text[], %s::text[])
    )
"""

TABLES = ("r", "p")  # ordinary and partitioned: the kinds whose rows know their transaction


@dataclass(frozen=True)
class FoundTable:
    """A contracted table as it is at the source: usable, or with the error that says why not."""

    contract: SourceContract
    oid: int = 0
    key_is_unique: bool = False
    problem: TotesError | None = None


def check_tables(
    connection: psycopg.Connection, contracts: Iterable[SourceContract]
) -> dict[str, FoundTable]:
    """Look at every contracted table. A table that does not fit has its `problem`; nothing raises
    but a source that is away."""
    wanted = list(contracts)
    schemas = [contract.schema_name for contract in wanted]
    tables = [contract.source_table for contract in wanted]
    with speaking_to(SETTING):
        rows = connection.execute(COLUMNS, (schemas, tables)).fetchall()
    there = {(row[0], row[1]): row[2:] for row in rows}
    return {
        contract.name: _compare(contract, there.get((contract.schema_name, contract.source_table)))
        for contract in wanted
    }


def _compare(contract: SourceContract, row: tuple[object, ...] | None) -> FoundTable:
    if row is None:
        where = f"{contract.schema_name}.{contract.source_table}"
        missing = ContractError(
            f"{contract.name}: there is no table {where} at the source",
            hint=f"is {SETTING} the right database? else mend source/{contract.name}.toml",
        )
        return FoundTable(contract, problem=missing)
    oid, kind, readable, types, unique = row
    if not isinstance(oid, int) or not isinstance(types, dict) or not isinstance(unique, list):
        raise AssertionError("the catalogue's query gives an oid, an object and a list")
    problem = _readable(contract, bool(readable), str(kind)) or _columns(contract, types)
    is_unique = any(set(index or []) == set(contract.key) for index in unique)
    return FoundTable(contract, oid, is_unique, problem)


def _readable(contract: SourceContract, readable: bool, kind: str) -> TotesError | None:
    if kind not in TABLES:
        return ContractError(
            f"{contract.name}: {contract.source_table} is not a table; its rows have no history",
            hint="capture the tables under a view, not the view",
        )
    if not readable:
        return ConfigurationError(
            f"{contract.name}: the login of {SETTING} may not read it",
            hint=f'grant select on {contract.schema_name}."{contract.source_table}" to that login',
        )
    return None


def _columns(contract: SourceContract, types: dict[str, str]) -> TotesError | None:
    hint = f"mend the source, or source/{contract.name}.toml"
    for name, column in contract.columns.items():
        if name not in types:
            return ContractError(f"{contract.name}: column {name} is missing", hint=hint)
        if not column.type.holds(DataType.found(types[name])):
            return ContractError(
                f"{contract.name}: column {name} is {types[name]}, and should be {column.type}",
                hint=hint,
            )
    return None

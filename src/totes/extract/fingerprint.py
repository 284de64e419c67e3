"""The catalogue's part of a value: what it contributes to the rows of a table, and if that changed.

What a row prints depends on the row, on the catalogue and on the session. xmin shows whether the
row was written; `totes.postgres.PRINTING` sets what the session contributes. This module covers the
rest, by a fingerprint in three parts: which tables the rows come from, which attribute each column
is, and how the types of the columns print. If one part differs from that of the last capture, rows
may print other values, or be other rows, although no row was written.

PostgreSQL prints with the newest catalogue, whatever the snapshot. The fingerprint is that of the
snapshot, so it contains the ids of the transactions that wrote what can change while rows are read:
a definition that was changed and changed back in between has another fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import psycopg

from totes.extract.catalog import FoundTable
from totes.extract.server import SETTING
from totes.postgres import speaking_to
from totes.profiling import measured

# Types that print the names of other objects, which can be renamed at any time.
NAMING = [
    *("regclass", "regcollation", "regconfig", "regdatabase", "regdictionary", "regnamespace"),
    *("regoper", "regoperator", "regproc", "regprocedure", "regrole", "regtype", "aclitem"),
]

# PostgreSQL's own types have lower oids; how they print changes only with its version.
FIRST_OF_OTHERS = 16384

FINGERPRINTS = f"""
    with recursive wanted as (
        select * from json_to_recordset(%(tables)s) as it (root oid, columns text[])
    ),
    -- the table, and all from which it takes rows: partitions, and children by inheritance
    tree as (
        select root, root as member, '' as attached from wanted
        union
        select tree.root, i.inhrelid, i.xmin::text
        from tree join pg_inherits as i on i.inhparent = tree.member
    ),
    member as (
        select tree.*, c.relkind, c.relispartition as in_partition, m.amname,
            n.nspname || '.' || c.relname as named
        from tree
        join pg_class as c on c.oid = tree.member
        join pg_namespace as n on n.oid = c.relnamespace
        left join pg_am as m on m.oid = c.relam
    ),
    attribute as (
        select member.root, member.member, a.attname, a.attnum, a.atttypid, a.atttypmod,
            case when a.atthasmissing then a.attmissingval::text end as missing,
            d.adbin::text as expression
        from member
        join wanted on wanted.root = member.root
        join pg_attribute as a on a.attrelid = member.member and a.attname = any(wanted.columns)
            and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
            and a.attgenerated = 'v'
    ),
    naming as (
        select unnest(array[oid, typarray]) as type from pg_type
        where typnamespace = 'pg_catalog'::regnamespace and typname = any(%(naming)s)
    ),
    -- all types that a column prints values of: its own, and those of which that is made
    used as (
        select distinct root, attname, atttypid as type from attribute
        where atttypid >= {FIRST_OF_OTHERS} or atttypid in (select type from naming)
        union
        select used.root, used.attname, part.type
        from used
        join pg_type as t on t.oid = used.type
        cross join lateral (
            select t.typelem union all select t.typbasetype
            union all select rngsubtype from pg_range where rngtypid = t.oid
            union all select rngtypid from pg_range where rngmultitypid = t.oid
            union all select atttypid from pg_attribute
            where attrelid = t.typrelid and attnum > 0 and not attisdropped
        ) as part (type)
        where part.type <> 0
    ),
    printed as (
        select distinct used.root, t.oid, concat_ws(
            ' ', t.typtype, t.typdelim, t.typoutput::oid, p.xmin,
            (
                select string_agg(concat_ws(' ', e.oid, e.xmin, e.enumlabel), ',' order by e.oid)
                from pg_enum as e where e.enumtypid = t.oid
            ),
            (
                select string_agg(
                    concat_ws(
                        ' ', a.attnum, a.xmin, a.atttypid, a.atttypmod, a.attisdropped,
                        case when a.atthasmissing then a.attmissingval::text end
                    ), ',' order by a.attnum
                )
                from pg_attribute as a where a.attrelid = t.typrelid and a.attnum > 0
            )
        ) as how
        from used
        join pg_type as t on t.oid = used.type
        left join pg_proc as p on p.oid = t.typoutput and p.oid >= {FIRST_OF_OTHERS}
    ),
    of_tables as (
        select root, hashtextextended(
            string_agg(
                concat_ws(' ', member, attached, relkind, amname), ',' order by member, attached
            ), 0
        ) as hash,
        array_agg(distinct named order by named) filter (
            where relkind = 'f' or relkind <> 'p' and amname is distinct from 'heap'
        ) as without_xmin,
        bool_or(relkind = 'f' or member <> root and not in_partition) as is_open
        from member group by root
    ),
    of_columns as (
        select root, hashtextextended(
            string_agg(
                concat_ws(' ', member, attname, attnum, atttypid, atttypmod, missing, expression),
                ',' order by member, attnum
            ), 0
        ) as hash,
        array_agg(distinct attname::text) filter (
            where expression ~ (
                select ':(const|var|funcresult|opresult|result)type ('
                    || string_agg(type::text, '|') || ')\\y'
                from naming
            )
        ) as named
        from attribute group by root
    ),
    of_types as (
        select root, hashtextextended(string_agg(oid || ' ' || how, ',' order by oid), 0) as hash
        from printed group by root
    ),
    of_names as (
        select root, array_agg(distinct attname::text) as named from used
        where type in (select type from naming) group by root
    )
    select root::bigint, t.hash, c.hash, coalesce(y.hash, 0),
        t.is_open, coalesce(t.without_xmin, '{{}}'),
        coalesce(n.named, '{{}}') || coalesce(c.named, '{{}}')
    from of_tables as t
    join of_columns as c using (root)
    left join of_types as y using (root)
    left join of_names as n using (root)
"""

# Part → why all rows are read when it changes. A change of one may change those after it, too.
PARTS = {
    "tables": "its partitions or child tables changed",
    "types": "the definition of a column's type changed",
    "columns": "the definition of a column changed",
}
UNKNOWN = "the last capture recorded no fingerprint of the catalogue"


def why_altered(before: Mapping[str, int], now: Mapping[str, int]) -> str | None:
    """Why rows that nobody has written may print other values than before; None if they cannot."""
    if not before:
        return UNKNOWN
    return next((reason for part, reason in PARTS.items() if before[part] != now[part]), None)


@measured("look at the source's catalogue")
def with_catalogue(
    connection: psycopg.Connection, tables: Iterable[FoundTable]
) -> Iterator[FoundTable]:
    """Add to each usable table its fingerprint, and why every run must read all of it, if so."""
    by_oid = {table.oid: table for table in tables}
    asked = [{"root": oid, "columns": [*t.there.values()]} for oid, t in by_oid.items()]
    values = {"tables": json.dumps(asked), "naming": NAMING}
    with speaking_to(SETTING):
        rows = connection.execute(FINGERPRINTS.encode(), values).fetchall()
    for oid, tables_hash, columns_hash, types_hash, is_open, without_xmin, naming in rows:
        table = by_oid[oid]
        yield replace(
            table,
            catalogue={"tables": tables_hash, "columns": columns_hash, "types": types_hash},
            # no index reaches into a child by inheritance, or into a foreign partition
            key_is_unique=table.key_is_unique and not is_open,
            always=(*_unwritten(without_xmin), *_naming(naming)),
        )


def _unwritten(members: Iterable[str]) -> Iterator[str]:
    for member in members:
        yield f"the rows of {member} do not show which transaction wrote them"


def _naming(columns: Iterable[str]) -> Iterator[str]:
    for column in sorted(columns):
        yield f"column {column} prints names of other objects, which can be renamed"

"""What is in the schema that analysts see: tables and views, their columns and comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from totes.column import Described
from totes.datatype import DataType

SCHEMA = "public"
VIEW = "v"


def kinds(connection: psycopg.Connection, names: Sequence[str]) -> dict[str, str]:
    """Name → kind (`r` table, `v` view) of those that there are in the schema."""
    query = """
        select relname, relkind::text from pg_class
        where relnamespace = %s::regnamespace and relname = any(%s)
    """
    return dict(connection.execute(query, [SCHEMA, list(names)]).fetchall())


def misfit(
    connection: psycopg.Connection, name: str, columns: Mapping[str, Described]
) -> str | None:
    """What of a table or view is not as these columns say: names, order, types. None if all is.

    What they say without a length or a precision may have any.
    """
    query = """
        select attname, format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
    """
    said = sql.Identifier(SCHEMA, name).as_string(connection)
    found = {column: DataType.found(kind) for column, kind in connection.execute(query, [said])}
    if list(found) != list(columns):
        return f"{name} has the columns {', '.join(found)}; its contract says {', '.join(columns)}"
    for column, described in columns.items():
        if described.type not in (found[column], DataType(found[column].name)):
            return f"{name}.{column} is {found[column]}; its contract says {described.type}"
    return None


def describe(
    connection: psycopg.Connection, kind: str, name: str, grain: str, columns: Mapping[str, str]
) -> None:
    """Comment on a `table` or `view` and on its columns; psql's \\d+ shows it."""
    comment = sql.SQL("comment on {} {} is {}")
    place = sql.Identifier(SCHEMA, name)
    connection.execute(comment.format(sql.SQL(kind), place, sql.Literal(grain)))
    for column, meaning in columns.items():
        place = sql.Identifier(SCHEMA, name, column)
        connection.execute(comment.format(sql.SQL("column"), place, sql.Literal(meaning)))


def commented(columns: Mapping[str, Described]) -> dict[str, str]:
    """Column → the comment on it."""
    return {name: column.comment for name, column in columns.items()}

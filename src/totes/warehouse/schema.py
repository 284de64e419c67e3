"""The warehouse's tables and views, made of the contracts.

Star tables and views lie in `public`, where analysts look; what Totes keeps for itself in `totes`.
"""

from __future__ import annotations

import hashlib

import psycopg
from psycopg import errors, sql

from totes.changes import Snapshot
from totes.column import Column
from totes.contract import DataModel, StarContract
from totes.errors import ConfigurationError
from totes.postgres import database_of, one_line, speaking_to
from totes.profiling import measured
from totes.rates import RatesContract
from totes.warehouse import own, views
from totes.warehouse.relations import SCHEMA, commented, describe, kinds, misfit

SETTING = "TOTES_WAREHOUSE"
# A fact's own columns, after those of its contract.
FACT_MARKS = {
    "batch": ("bigint not null", "the batch that found this version; see totes.ledger"),
    "change": (
        "text not null check (change in ('insert', 'update', 'delete'))",
        "what became of the row: insert, update or delete; a delete repeats the last values",
    ),
}


def relation(star: StarContract) -> sql.Composable:
    """The star table, quoted and qualified."""
    return sql.Identifier(SCHEMA, star.name)


def columns_of(star: StarContract) -> list[str]:
    """The table's columns, in order."""
    return [*star.columns, *(FACT_MARKS if star.is_fact else ())]


def fingerprints(model: DataModel) -> tuple[str, str]:
    """Two: the first changes when the tables that the model makes would, the second with the
    views."""
    tables = [own.TABLES, *(f"{star.name} {star.fingerprint}" for star in model.load_order)]
    tables += [f"{model.rates.name} {model.rates.fingerprint}"] if model.rates else []
    return _hashed(tables), _hashed([view.fingerprint for view in model.view_order])


def _hashed(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def refuse_source(connection: psycopg.Connection, snapshot: Snapshot) -> None:
    """Raise ConfigurationError if this is the very database that the snapshot was taken of."""
    if snapshot.system and database_of(connection) == (snapshot.system, snapshot.database):
        raise ConfigurationError(
            "TOTES_WAREHOUSE is the source's own database",
            hint="name an empty database of its own in TOTES_WAREHOUSE",
        )


def _made_of(model: DataModel) -> list[str]:
    """The views and tables that a model makes, in an order in which they can be dropped.

    Rates are not among them: no rebuild could bring them back.
    """
    views, stars = reversed(model.view_order), reversed(model.load_order)
    return [*(view.name for view in views), *(star.name for star in stars)]


def is_sound(connection: psycopg.Connection, model: DataModel) -> bool:
    """Whether the tables are those that this model makes, and all that was made is there. (The
    views may be those of another version: follow() makes them anew.)"""
    if not own.is_whole(connection):
        return False
    (tables, _), made = _made(connection)
    names = [*made, *([model.rates.name] if model.rates else [])]
    return tables == fingerprints(model)[0] and len(kinds(connection, names)) == len(names)


def _made(connection: psycopg.Connection) -> tuple[tuple[str, str], list[str]]:
    """The fingerprints of what a warehouse was made of, and the names of all that was made."""
    row = connection.execute("select model, made from totes.state").fetchone()
    model, made = row or ("", [])
    tables, _, seen = model.partition(" ")
    return (tables, seen), made


@measured("create tables")
def set_up(connection: psycopg.Connection, model: DataModel) -> None:
    """Create the tables in a database that has none of them; the caller's transaction holds it all.
    It goes on with complete() once there are rows in them, and ends with refer().

    Raises ConfigurationError if a name is taken by something that is not ours.
    """
    try:
        connection.execute(own.TABLES + own.COMMENTS)
        for star in model.load_order:
            connection.execute(_create_table(star))
            describe(connection, "table", star.name, star.grain, _comments(star))
        if model.rates:
            _keep_rates(connection, model.rates)
        insert = "insert into totes.state (model, made) values (%s, %s)"
        connection.execute(insert, [" ".join(fingerprints(model)), _made_of(model)])
    except (errors.DuplicateTable, errors.DuplicateSchema) as error:
        raise _taken(error) from error


@measured("build keys")
def complete(connection: psycopg.Connection, model: DataModel) -> None:
    """Add the tables' keys, and the views, which may rely on them. An index is built of rows that
    are there in less than half the time in which it grows with them.

    Raises ConfigurationError if a view's name is taken by something that is not ours, ModelError
    for a view that PostgreSQL does not take.
    """
    for star in model.load_order:
        with speaking_to(SETTING, star.name):
            _alter(connection, star, _keys(star))
            if star.is_fact:
                connection.execute(_index(star))
    try:
        views.create(connection, model)
    except errors.DuplicateTable as error:
        raise _taken(error) from error


def _taken(error: errors.Error) -> ConfigurationError:
    return ConfigurationError(
        f"the warehouse database is not empty: {one_line(error)}",
        hint="name an empty database in TOTES_WAREHOUSE; the first load sets it up",
    )


def _keys(star: StarContract) -> list[sql.Composed]:
    key = sql.SQL(", ").join(map(sql.Identifier, star.key))
    if star.record_id is None:
        return [sql.SQL("add primary key ({})").format(key)]
    return [
        sql.SQL("add primary key ({})").format(sql.Identifier(star.record_id)),
        sql.SQL("add unique ({}, batch)").format(key),
    ]


@measured("check foreign keys")
def refer(connection: psycopg.Connection, model: DataModel) -> None:
    """Add the foreign keys of all tables. Rows that are there are checked in one pass, which takes
    a small part of the time that a look for each row takes as it comes."""
    for star in model.load_order:
        keys = [
            sql.SQL("add foreign key ({}) references {}").format(
                sql.Identifier(name), sql.Identifier(SCHEMA, column.references)
            )
            for name, column in star.columns.items()
            if column.references
        ]
        if keys:
            _alter(connection, star, keys)


def _unrefer(connection: psycopg.Connection, model: DataModel) -> None:
    """Drop the foreign keys of all tables."""
    query = "select conname from pg_constraint where conrelid = %s::regclass and contype = 'f'"
    for star in model.load_order:
        names = connection.execute(query, [relation(star).as_string(connection)]).fetchall()
        drops = [sql.SQL("drop constraint {}").format(sql.Identifier(name)) for (name,) in names]
        if drops:
            _alter(connection, star, drops)


def _alter(connection: psycopg.Connection, star: StarContract, what: list[sql.Composed]) -> None:
    alter = sql.SQL("alter table {} {}").format(relation(star), sql.SQL(", ").join(what))
    connection.execute(alter)


def check_model(connection: psycopg.Connection, model: DataModel) -> None:
    """Raise ConfigurationError if the tables were made of another data model than this one."""
    (tables, _), _ = _made(connection)
    if tables != fingerprints(model)[0]:
        raise ConfigurationError(
            "the warehouse was made of another version of the data model",
            hint="totes rebuild --yes makes it anew from the lake",
        )


def follow(connection: psycopg.Connection, model: DataModel) -> None:
    """Make the views anew if the data model has others by now; the caller's transaction holds it.

    Raises ConfigurationError if the tables were made of another version of the model.
    """
    check_model(connection, model)
    (_, views_then), made = _made(connection)
    wanted = fingerprints(model)
    if views_then != wanted[1]:
        views.renew(connection, model, made)
        update = "update totes.state set model = %s, made = %s"
        connection.execute(update, [" ".join(wanted), _made_of(model)])


def tear_down(connection: psycopg.Connection) -> None:
    """Drop what an earlier set_up() made, if there is any, but for exchange rates.

    Raises ConfigurationError, and drops nothing, if others have built something on it.
    """
    if own.is_there(connection):
        with views.alone():
            views.drop(connection, _made(connection)[1])
            own.drop(connection)


def empty(connection: psycopg.Connection, model: DataModel) -> None:
    """Empty every table, and keep grants and whatever others built on them; the caller's
    transaction fills them, and ends with refer()."""
    tables = sql.SQL(", ").join(map(relation, model.load_order))
    connection.execute(sql.SQL("truncate {}").format(tables))
    own.empty(connection)
    _unrefer(connection, model)


def _raw(text: str) -> sql.SQL:
    return sql.SQL(text)  # the data model's own SQL, shipped as a file


def _create_table(star: StarContract) -> sql.Composed:
    lines: list[sql.Composable] = [_column(name, column) for name, column in star.columns.items()]
    if star.is_fact:
        for name, (definition, _) in FACT_MARKS.items():
            lines.append(sql.SQL("{} {}").format(sql.Identifier(name), _raw(definition)))
    return sql.SQL("create table {} ({})").format(relation(star), sql.SQL(", ").join(lines))


def _index(star: StarContract) -> sql.Composed:
    """An index of the versions that followed another, by which views tell which rows are current.
    A first load brings none, and a later one few."""
    names = [*star.key, *([star.record_id] if star.record_id else [])]
    create = sql.SQL("create index on {} ({}) where change <> 'insert'")
    return create.format(relation(star), sql.SQL(", ").join(map(sql.Identifier, names)))


def _column(name: str, column: Column) -> sql.Composable:
    line = sql.SQL("{} {}").format(sql.Identifier(name), _raw(str(column.type)))
    if not column.null:
        line += sql.SQL(" not null")
    return line


def _keep_rates(connection: psycopg.Connection, rates: RatesContract) -> None:
    """Create the table of exchange rates, unless it has outlived a warehouse before this one."""
    place = sql.Identifier(SCHEMA, rates.name)
    lines = [_column(name, column) for name, column in rates.columns.items()]
    key = sql.SQL(", ").join(map(sql.Identifier, rates.key))
    lines.append(sql.SQL("primary key ({})").format(key))
    create = sql.SQL("create table if not exists {} ({})")
    connection.execute(create.format(place, sql.SQL(", ").join(lines)))
    if wrong := misfit(connection, rates.name, rates.columns):
        raise ConfigurationError(wrong, hint=f"drop table {rates.name}; then fill it anew")
    describe(connection, "table", rates.name, rates.grain, commented(rates.columns))


def _comments(star: StarContract) -> dict[str, str]:
    marks = {name: meaning for name, (_, meaning) in FACT_MARKS.items()} if star.is_fact else {}
    return commented(star.columns) | marks

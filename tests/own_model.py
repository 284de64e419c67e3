"""Data models of a test's own: other databases than totesys, described as a person would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import tomli_w
from psycopg import sql

from tests.world import World
from totes import duck, star
from totes.changes import current
from totes.demo.postgres import PostgresServer
from totes.lake import Lake

_numbers = count(1)


def execute(dsn: str, *statements: str | sql.Composed) -> None:
    """Commit statements one by one."""
    with psycopg.connect(dsn, autocommit=True, client_encoding="UTF8") as connection:
        for statement in statements:
            connection.execute(statement.encode() if isinstance(statement, str) else statement)


@contextmanager
def own_database(
    server: PostgresServer, *, name: str = "", options: str = "", settings: Mapping[str, str] = {}
) -> Iterator[str]:
    """Yield the DSN of an empty database, with the options of its creation and its settings."""
    name = name or f"own_{next(_numbers)}"
    quoted = sql.Identifier(name)
    create = sql.SQL("create database {} template template0 {}")
    execute(server.dsn(), create.format(quoted, sql.SQL(options)))
    for setting, value in settings.items():
        alter = sql.SQL("alter database {} set {} = {}")
        known = sql.Identifier(setting)
        execute(server.dsn(), alter.format(quoted, known, sql.Literal(value)))
    try:
        yield server.dsn(name)
    finally:
        server.drop_database(name)


@contextmanager
def own_world(
    server: PostgresServer,
    folder: Path,
    *,
    settings: Mapping[str, str] = {},
    names: tuple[str, str] = ("", ""),
    options: str = "",
) -> Iterator[World]:
    """Yield a world whose model, in `folder`/model, is the test's to write.

    Both databases have the `settings`, the source's is made with `options`.
    """
    with (
        own_database(server, name=names[0], options=options, settings=settings) as at,
        own_database(server, name=names[1], settings=settings) as warehouse,
    ):
        yield World(at, warehouse, folder, {"model": folder / "model"})


def world_without_databases(folder: Path) -> World:
    """A world whose model, in `folder`/model, is the test's to write, and whose databases nobody
    can reach: for what is refused before any is asked."""
    away = "postgresql://nobody@127.0.0.1:1/x"
    return World(away, away, folder, {"model": folder / "model"})


def described(columns: Mapping[str, str], *, key: Sequence[str], **more: object) -> dict[str, Any]:
    """A contract's document: column → type, everything but the key and the record id nullable."""
    needed = {*key, more.get("record_id")}
    return {
        "grain": "one row per row",
        "key": list(key),
        **more,
        "columns": {
            name: {"type": kind, "meaning": "a column", "null": name not in needed}
            for name, kind in columns.items()
        },
    }


def add_source(
    world: World,
    stem: str,
    columns: Mapping[str, str],
    *,
    key: Sequence[str] = ("id",),
    **more: Any,
) -> None:
    """Write the contract of a source table."""
    _write(world, "source", stem, described(columns, key=key, **more))


def add_star(
    world: World,
    stem: str,
    columns: Mapping[str, str],
    query: str,
    *,
    driven_by: str,
    key: Sequence[str] = ("id",),
    fact: bool = False,
    refers: Mapping[str, str] = {},
) -> None:
    """Write the contract and the SELECT of a star table; a fact's record id is `record`."""
    if fact:
        columns = {"record": "bigint", **columns}
    kind = {"kind": "fact", "record_id": "record"} if fact else {"kind": "dimension"}
    document = described(columns, key=key, driven_by=[driven_by], **kind)
    for column, table in refers.items():
        document["columns"][column]["references"] = table
    _write(world, "star", stem, document)
    (_folder(world, "star") / f"{stem}.sql").write_text(query, encoding="utf-8")


def add_things(
    world: World, source: str = "integer", star: str = "integer", also: str = ""
) -> None:
    """A table `things` with a key of one type, and `facts` and `members`, with one of another.

    `also` ends the names of all three, for more than one such table in a world.
    """
    columns = {"id": source, "said": "text"}
    create(world, f"things{also}", columns, key=["id"])
    add_source(world, f"things{also}", columns)
    for name, fact in (("facts", True), ("members", False)):
        columns = {"id": star, "said": "varchar(9)"}
        query, things = f"select id, said from things{also}", f"things{also}"
        add_star(world, f"{name}{also}", columns, query, driven_by=things, fact=fact)


def _folder(world: World, part: str) -> Path:
    folder = Path(world.extra["model"]) / part
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(world: World, part: str, stem: str, document: dict[str, Any]) -> None:
    path = _folder(world, part) / f"{stem}.toml"
    path.write_text(tomli_w.dumps(document), encoding="utf-8")


def create(
    world: World,
    table: str,
    columns: Mapping[str, str],
    *,
    key: Sequence[str],
    schema: str = "public",
) -> None:
    """Create a table at the source."""
    typed = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in columns.items()
    ]
    parts = sql.SQL(", ").join(typed)
    keys = sql.SQL(", ").join(map(sql.Identifier, key))
    execute(world.source, sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    make = sql.SQL("create table {} ({}, primary key ({}))")
    execute(world.source, make.format(sql.Identifier(schema, table), parts, keys))


def insert(world: World, table: str, *rows: Mapping[str, object], schema: str = "public") -> None:
    """Insert rows at the source, column → value; text is whatever the column makes of it."""
    with psycopg.connect(world.source, client_encoding="UTF8") as connection:
        for row in rows:
            statement = sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(schema, table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(map(sql.Literal, row.values())),
            )
            connection.execute(statement)


def quarantined(world: World) -> list[tuple[str, str, str]]:
    """(model, key, reason) of the rows in quarantine."""
    with duck.workspace() as work:
        processed = Lake(world.settings.lake("processed"), "processed", work.folder)
        head = processed.head()
        assert head is not None
        table = head.tables[star.QUARANTINE]
        columns = dict.fromkeys(["model", "key", "reason"], "VARCHAR")
        query = current(processed.layers(table.state), star.QUARANTINE_KEY, columns)
        found = sorted(work.engine.execute(query).fetchall())
    assert table.rows == len(found)
    return found

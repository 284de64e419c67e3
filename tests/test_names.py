"""Hostile names: of tables, columns, keys, schemas, files, folders, databases and users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.own_model import (
    add_source,
    add_star,
    create,
    execute,
    insert,
    own_database,
    own_world,
    quarantined,
)
from tests.world import World
from totes import duck, pipeline
from totes.contract import DataModel
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError

SPELLED = [
    "with space", " led by one", "it's", 'say "hi"', "Capital", "UPPER", "a.b", "100%", "%s", "%(x)s",
    "😀", "ä", "é" * 31, "x" * 63, "{}", "{0}", "back\\slash", "; drop table x; --", "/*", "$1", ":x",
    "a,b", "[1]*?", "a\tb", "a\nb", "..x", "#", "1", "",
][:-1]  # fmt: skip
WORDS = """
    select order key row batch_ model source reason since old new raw f l driver judged bad pending
    live gone as null true rowid filename change_ excluded user table column at end struct
""".split()
NAMES = [*SPELLED, *WORDS]


@pytest.fixture
def own(server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """A world without a data model yet."""
    with own_world(server, tmp_path) as world:
        yield world


@dataclass(frozen=True)
class Named:
    """A table, its key and another of its columns, and its star table, all called awkwardly."""

    table: str
    column: str
    fact: bool

    @property
    def stem(self) -> str:
        return self.table.replace("/", "per")

    @property
    def star(self) -> str:
        return f"{self.stem[:30]}_"

    def add(self, world: World) -> None:
        """Make the table, in a schema of its own, with a row that fits and one that does not."""
        name, schema, key = self.table, self.table, [self.table]
        columns = {name: "integer", self.column: "text", "wide": "bigint"}
        create(world, name, columns, key=key, schema=schema)
        add_source(world, self.stem, columns, key=key, schema=schema, table=name)
        narrow = {**columns, "wide": "integer"}
        select = f"select {duck.names(narrow)} from {duck.name(self.stem)}"
        add_star(
            world, self.star, narrow, select, driven_by=self.stem, key=key, fact=self.fact
        )
        rows = {name: 1, self.column: "a", "wide": 1}, {name: 2, self.column: "b", "wide": 1 << 40}
        insert(world, name, *rows, schema=schema)

    def change(self, world: World) -> None:
        """Update the row that fits, mend the other, and move the first to another key."""
        table, key = sql.Identifier(self.table, self.table), sql.Identifier(self.table)
        column = sql.Identifier(self.column)
        execute(
            world.source,
            sql.SQL("update {} set {} = 'c', wide = 3 where {} = 2").format(table, column, key),
            sql.SQL("update {} set {} = 7 where {} = 1").format(table, key, key),
        )

    def held(self, world: World) -> list[tuple[object, ...]]:
        """(key, value, change) of the star table's rows."""
        change = "change" if self.fact else "'none'"
        names = duck.names([self.table, self.column])
        query = f"select {names}, {change} from public.{duck.name(self.star)} order by 1, 3"
        with psycopg.connect(world.warehouse) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("part", range(4))
def test_any_name_will_do(own: World, part: int) -> None:
    """A schema, a table, its key, its columns and its file may be called anything: rows arrive,
    change, wait and go."""
    named = [
        Named(name, NAMES[number - 1], fact=number % 8 < 4)
        for number, name in enumerate(NAMES)
        if number % 4 == part
    ]
    for table in named:
        table.add(own)
    own.run()
    assert {model for model, *_ in quarantined(own)} == {table.star for table in named}
    for table in named:
        assert table.held(own) == [(1, "a", "insert" if table.fact else "none")]
        table.change(own)
    own.run()
    assert quarantined(own) == []
    of_fact = [(1, "a", "delete"), (1, "a", "insert"), (2, "c", "insert"), (7, "a", "insert")]
    of_dimension = [(1, "a", "none"), (2, "c", "none"), (7, "a", "none")]
    for _ in range(2):
        for table in named:
            assert table.held(own) == (of_fact if table.fact else of_dimension)
        assert pipeline.verify(own.settings).is_well
        pipeline.rebuild(own.settings)

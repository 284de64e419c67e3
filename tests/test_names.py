"""Hostile names: of tables, columns, keys, schemas, files, folders, databases and users."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.own_model import (
    add_source,
    add_star,
    create,
    execute,
    insert,
    own_world,
    quarantined,
    world_without_databases,
)
from tests.world import World
from totes import duck, pipeline
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError

SPELLED = [
    "with space", " led by one", "it's", 'say "hi"', "Capital", "UPPER", "a.b", "100%", "%s",
    "%(x)s", "😀", "ä", "é" * 31, "x" * 63, "{}", "{0}", "back\\slash", "'; drop table x; --", "/*",
    "$1", ":x", "a,b", "[1]*?", "a\tb", "a\nb", "..x", "#", "1",
]  # fmt: skip
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


@pytest.fixture
def nowhere(tmp_path: Path) -> World:
    """Such a world, for what is refused before a database is asked."""
    return world_without_databases(tmp_path)


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
        add_star(world, self.star, narrow, select, driven_by=self.stem, key=key, fact=self.fact)
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


@pytest.mark.slow
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
    expected = {table.star: of_fact if table.fact else of_dimension for table in named}
    assert {table.star: table.held(own) for table in named} == expected
    pipeline.rebuild(own.settings)
    assert {table.star: table.held(own) for table in named} == expected
    assert pipeline.verify(own.settings).is_well


def add_numbered(world: World, source: str, star: str, *, wide: str = "wide") -> None:
    """A table of numbers and a dimension of it, by these names, and two rows."""
    columns = {"id": "integer", wide: "integer"}
    create(world, source, columns, key=["id"])
    add_source(world, source, columns)
    query = f"select {duck.names(columns)} from {duck.name(source)}"
    add_star(world, star, columns, query, driven_by=source)
    insert(world, source, {"id": 1, wide: 1}, {"id": 2, wide: 2})


def test_dimensions_whose_long_names_begin_alike(own: World) -> None:
    """Two dimensions that differ in the last of 63 bytes are updated each with its own rows."""
    stars = [f"{'x' * 62}{end}" for end in "ab"]
    for source, star in zip("ab", stars, strict=True):
        add_numbered(own, source, star, wide=f"wide_{source}")
    own.run()
    own.change("update a set wide_a = 7 where id = 1", "update b set wide_b = 8 where id = 1")
    own.run()
    assert [own.ask(f"table {star} order by 1") for star in stars] == [
        [(1, 7), (2, 2)],
        [(1, 8), (2, 2)],
    ]


@pytest.mark.parametrize("name", ["x" * 64, "é" * 32])
@pytest.mark.parametrize("what", ["table", "column"])
def test_name_that_postgresql_would_cut_off_is_refused(
    nowhere: World, name: str, what: str
) -> None:
    """A name of more than 63 bytes, as the warehouse cannot have it, is an error of the model."""
    columns = {"id": "integer", (name if what == "column" else "wide"): "integer"}
    add_source(nowhere, "things", {"id": "integer", "wide": "integer"})
    query = f"select id, wide as {duck.name(list(columns)[1])} from things"
    star = name if what == "table" else "stars"
    add_star(nowhere, star, columns, query, driven_by="things")
    with pytest.raises(ConfigurationError, match="is longer than 63 bytes"):
        nowhere.run()


def test_tables_that_differ_only_in_case_are_refused(nowhere: World) -> None:
    """Two tables whose names the engine cannot tell apart are an error, not a wrong join."""
    for name in ("things", "Things"):
        add_source(nowhere, name, {"id": "integer"})
    with pytest.raises(ConfigurationError, match="hings is two tables"):
        nowhere.run()


def test_model_that_joins_its_own_table_follows_it_by_any_name(own: World) -> None:
    """A model that looks things up in the table that drives it is run over all rows, whatever
    quotes are in the table's name."""
    stars = {"things": "stars_1", 'a "b': "stars_2", "ä\\/": "stars_3"}
    columns = {"id": "integer", "wide": "integer"}
    for name, star in stars.items():
        stem = name.replace("/", "")
        create(own, name, columns, key=["id"])
        add_source(own, stem, columns, table=name)
        quoted = duck.name(stem)
        query = (
            f"select one.id, first.wide from {quoted} as one left join {quoted} as first "
            f"on first.id = 1"
        )
        add_star(own, star, columns, query, driven_by=stem)
        insert(own, name, {"id": 1, "wide": 1}, {"id": 2, "wide": 2})
    own.run()
    change = sql.SQL("update {} set wide = 7 where id = 1")
    execute(own.source, *(change.format(sql.Identifier(name)) for name in stars))
    own.run()
    found = {name: own.ask(f"table {star} order by 1") for name, star in stars.items()}
    assert found == {name: [(1, 7), (2, 7)] for name in stars}


# --- settings ---

ATTACK = "'; drop table stars; --"
FOLDERS = [
    "with space", "it's", 'say "hi"', ATTACK, "100%", "a+b", "😀ä", "[a]*", "{x}", "back\\slash",
    "a?b", "a#b", "a?", "a#", "a\nb", "a\tb", "a=b&c", "~", "$HOME", "..", "%2e%2e%2fup", "batch=1",
]  # fmt: skip


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def kinds(paths: set[str]) -> set[str]:
    """The folders at the top in which a lake's files lie."""
    return {path.split("/")[0] for path in paths}


@pytest.fixture(scope="module")
def shared(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with one table and one dimension, after a run."""
    with own_world(server, tmp_path_factory.mktemp("shared")) as world:
        add_numbered(world, "things", "stars")
        world.run()
        yield world


@pytest.fixture
def small(shared: World) -> Iterator[World]:
    """The same world, with settings that are the test's own to change."""
    yield replace(shared, extra=dict(shared.extra))
    stars, things = "table stars order by 1", "table things order by 1"
    assert shared.ask(stars) == shared.ask(things, source=True)


@pytest.mark.parametrize("quoting", [str, quote])
def test_lakes_lie_in_the_folders_that_are_named(
    small: World, tmp_path: Path, quoting: Callable[[str], str]
) -> None:
    """A lake's folder may be called anything, if its URL can say so: then all of it lies there, and
    the next stage finds it; a URL that would mean another place is a ConfigurationError, and
    nothing is written."""
    for number, name in enumerate(FOLDERS):
        place = tmp_path / f"place{number}"
        url = f"file://{place}/{quoting(name)}"
        small.extra["ingestion"], small.extra["processed"] = f"{url}/ingestion", f"{url}/processed"
        try:
            pipeline.ingest(small.settings)
            if quoting is quote:
                pipeline.process(small.settings)
        except ConfigurationError:
            assert quoting is str
            assert set(name) & set("?#\n\t")
            assert files(place) == set() if place.exists() else True
        else:
            there = Path(os.path.normpath(place / unquote(quoting(name))))
            for lake in ("ingestion", "processed") if quoting is quote else ("ingestion",):
                assert kinds(files(there / lake)) == kinds(files(small.folder / lake)), name


@contextmanager
def renamed(server: PostgresServer, dsn: str, name: str) -> Iterator[None]:
    """Let a database have another name until the block ends."""
    database = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    rename, other = sql.SQL("alter database {} rename to {}"), sql.Identifier(name)
    execute(server.dsn(), rename.format(database, other))
    try:
        yield
    finally:
        execute(server.dsn(), rename.format(other, database))


@pytest.fixture
def role(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A role whose password is its name; gone after all that it owns."""
    quoted = sql.Identifier(request.param)
    create_role = sql.SQL("create role {} superuser login password {}")
    execute(server.dsn(), create_role.format(quoted, sql.Literal(request.param)))
    yield request.param
    execute(server.dsn(), sql.SQL("drop role {}").format(quoted))


@pytest.mark.parametrize(
    "role", [ATTACK, 'a "b', "a b", "%s", "ä😀", "Ab=c", "back\\slash"], indirect=True
)
def test_databases_users_and_passwords_of_any_name(
    server: PostgresServer, small: World, role: str
) -> None:
    """Databases, users and passwords of any name work, in a URL and as keywords."""
    port = conninfo_to_dict(server.dsn())["port"]
    small.change("update things set wide = wide + 1")
    word = quote(role, safe="")
    with renamed(server, small.source, role), renamed(server, small.warehouse, f"{role} 2"):
        small.extra["source"] = f"postgresql://{word}:{word}@127.0.0.1:{port}/{word}"
        small.extra["warehouse"] = make_conninfo(
            host="127.0.0.1", port=port, user=role, password=role, dbname=f"{role} 2"
        )
        assert all(report.batches for report in small.run())


@pytest.mark.parametrize("name", [ATTACK, 'a "b', "a b\nc", "[a]*?", "100%", "😀"])
def test_models_in_folders_of_any_name(small: World, tmp_path: Path, name: str) -> None:
    """A data model may lie in a folder of any name, its reference data too."""
    folder = tmp_path / name
    shutil.copytree(small.extra["model"], folder)
    small.extra["model"], small.extra["processed"] = folder, f"file://{tmp_path}/processed"
    (folder / "reference").mkdir()
    (folder / "reference" / f"{name}.csv").write_text("id,wide\n1,10\n2,20\n")
    (folder / "star" / "stars.sql").write_text(
        f"select things.id, names.wide from things left join {duck.name(name)} as names "
        f"on names.id = things.id",
        encoding="utf-8",
    )
    pipeline.process(small.settings)
    newest = sorted(tmp_path.glob("processed/stars/*/*.parquet"))[-1:]
    with duck.engine(tmp_path) as engine:
        found = engine.execute(f"select id, wide from {duck.parquet(newest)} order by id")
        assert found.fetchall() == [(1, 10), (2, 20)]


@pytest.mark.parametrize("setting", ["source", "warehouse", "ingestion", "processed", "model"])
def test_setting_that_attacks_is_refused(small: World, setting: str) -> None:
    """A setting that is an attack and nothing else is a ConfigurationError; nothing is dropped."""
    small.extra[setting] = ATTACK
    before = small.objects()
    with pytest.raises(ConfigurationError):
        small.run()
    assert small.ask("select count(*) from stars") == [(2,)]
    assert small.objects() == before

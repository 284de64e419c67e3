"""Values that change though no row is written: the catalogue's part of them is noticed as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.own_model import add_source, own_world
from tests.test_cli import totes
from tests.world import World
from totes import duck, extract, pipeline
from totes.changes import CHANGE, current
from totes.demo.postgres import PostgresServer
from totes.extract.fingerprint import UNKNOWN
from totes.lake import Lake
from totes.pipeline import ingestion
from totes.pipeline.comparison import SOURCE_LAKE
from totes.report import Report

COLUMN = "the definition of a column changed"
TYPE = "the definition of a column's type changed"
TABLES = "its partitions or child tables changed"


def ran_after(world: World, *statements: str) -> Report:
    """Commit statements that write no row, and ingest."""
    world.change(*statements)
    return pipeline.ingest(world.settings)


def assert_equal(world: World) -> None:
    """The lake holds what the source prints, in every column."""
    found = pipeline.verify(world.settings)
    assert found.differing(SOURCE_LAKE) == []
    assert pipeline.ingest(world.settings).batches == []


@pytest.mark.parametrize(
    ("before", "statements", "rows", "reason"),
    [
        pytest.param(
            ["alter table design add note text default 'old'"],
            ["alter table design drop note", "alter table design add note text default 'new'"],
            2,
            COLUMN,
            id="a column that is dropped and added again, with another default",
        ),
        pytest.param(
            ["alter table design add note text default 'old'"],
            ["alter table design drop note", "alter table design add note text"],
            2,
            COLUMN,
            id="a column that is dropped and added again, without a default",
        ),
        pytest.param(
            ["alter table design add note text", "alter table design add other text default 'x'"],
            [
                "alter table design rename note to third",
                "alter table design rename other to note",
                "alter table design rename third to other",
            ],
            2,
            COLUMN,
            id="two columns outside the contract that exchange their names",
        ),
        pytest.param(
            [],
            [
                "alter table design rename file_name to third",
                "alter table design rename file_location to file_name",
                "alter table design rename third to file_location",
            ],
            2,
            COLUMN,
            id="two columns of the contract that exchange their names",
        ),
        pytest.param(
            ["alter table design add n int generated always as (design_id * 2) virtual"],
            ["alter table design alter n set expression as (design_id * 3)"],
            2,
            COLUMN,
            id="another expression of a virtual column",
        ),
        pytest.param(
            [
                "create type mood as enum ('bad', 'good')",
                "alter table design add mood mood default 'good'",
            ],
            ["alter type mood rename value 'good' to 'fine'"],
            2,
            TYPE,
            id="a label of an enum",
        ),
        pytest.param(
            [
                "create type mood as enum ('bad', 'good')",
                "alter table design add moods mood[] default '{good}'",
            ],
            ["alter type mood rename value 'good' to 'fine'"],
            2,
            TYPE,
            id="a label, in an array",
        ),
        pytest.param(
            [
                "create type mood as enum ('bad', 'good')",
                "create domain how as mood",
                "create type told as (at int, how how[])",
                "create domain words as told[]",
                "alter table design add words words default '{\"(1,{good})\"}'",
            ],
            ["alter type mood rename value 'good' to 'fine'"],
            2,
            TYPE,
            id="a label, in a domain in an array in a composite in an array in a domain",
        ),
        pytest.param(
            [
                "create type mood as enum ('bad', 'good')",
                "create type moods as range (subtype = mood, multirange_type_name = multimoods)",
                "alter table design add one moods default '[bad,good]', "
                "add more multimoods default '{[bad,good]}'",
            ],
            ["alter type mood rename value 'good' to 'fine'"],
            2,
            TYPE,
            id="a label, in a range",
        ),
        pytest.param(
            [
                "create type told as (at int, what text)",
                "alter table design add told told default '(1,x)'",
            ],
            ["alter type told add attribute more int"],
            2,
            TYPE,
            id="an attribute that a composite type gains",
        ),
        pytest.param(
            [
                "create type told as (at int, what text)",
                "alter table design add told told default '(1,x)'",
            ],
            ["alter type told drop attribute at"],
            2,
            TYPE,
            id="an attribute that a composite type loses",
        ),
        pytest.param(
            [
                "create table other (at int, what text)",
                "alter table design add told other default '(1,x)'",
            ],
            ["alter table other add more int"],
            2,
            TYPE,
            id="a column of a table whose rows are another's values",
        ),
    ],
)
def test_a_value_that_changes_without_its_row_is_captured(
    ran: World, before: list[str], statements: list[str], rows: int, reason: str
) -> None:
    """Whatever in the catalogue makes old rows print other values: all are read, the report says
    why, and each row that prints another value is an update."""
    ran_after(ran, *before)
    report = ran_after(ran, *statements)
    assert report.tables["design"].updated == rows
    assert reason in str(report.tables["design"].note)
    assert list(report.tables) == ["design"]
    assert_equal(ran)


PARTITIONS = (
    "create table line (id int primary key, what text not null) partition by range (id)",
    "create table line_a partition of line for values from (1) to (2)",
    "create table line_b (id int primary key, what text not null)",
    "insert into line values (1, 'a')",
    "insert into line_b values (1, 'b')",
)
SWAP_PARTITIONS = (
    "alter table line detach partition line_a",
    "alter table line attach partition line_b for values from (1) to (2)",
)
CHILDREN = (
    "create table line (id int primary key, what text not null)",
    "create table line_a () inherits (line)",
    "create table line_b () inherits (line)",
    "insert into line_a values (1, 'a')",
    "insert into line_b values (2, 'b')",
    "alter table line_b no inherit line",
)
SWAP_CHILDREN = ("alter table line_a no inherit line", "alter table line_b inherit line")
GRANDCHILDREN = (
    *CHILDREN[:2],
    "create table line_aa () inherits (line_a)",
    "create table line_ab () inherits (line_a)",
    "insert into line_aa values (1, 'a')",
    "insert into line_ab values (1, 'b')",
    "alter table line_ab no inherit line_a",
)
SWAP_GRANDCHILDREN = (
    "alter table line_aa no inherit line_a",
    "alter table line_ab inherit line_a",
)


@pytest.fixture
def own(server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """A world whose model has one table, `line`, which the test creates."""
    with own_world(server, tmp_path) as world:
        world.extra["deletion_limit"] = 1
        add_source(world, "line", {"id": "integer", "what": "text"})
        yield world


@pytest.mark.parametrize(
    ("created", "swapped", "first", "then"),
    [
        (PARTITIONS, SWAP_PARTITIONS, [(1, "a")], [(1, "b")]),
        (CHILDREN, SWAP_CHILDREN, [(1, "a")], [(2, "b")]),
        (GRANDCHILDREN, SWAP_GRANDCHILDREN, [(1, "a")], [(1, "b")]),
    ],
    ids=["partitions", "children", "grandchildren"],
)
def test_old_rows_that_come_and_go_with_their_table_are_captured(
    own: World,
    created: tuple[str, ...],
    swapped: tuple[str, ...],
    first: list[tuple[int, str]],
    then: list[tuple[int, str]],
) -> None:
    """Where another table with as many rows, all of them old, takes the place of one: its rows are
    read, and those of the other are gone."""
    ran_after(own, *created)
    assert lines(own) == first
    report = ran_after(own, *swapped)
    assert TABLES in str(report.tables["line"].note)
    assert lines(own) == then
    assert_equal(own)


def lines(world: World) -> list[tuple[int, str]]:
    """The rows that the lake has of `line`."""
    with duck.workspace() as work:
        ingestion = Lake(world.settings.lake("ingestion"), "ingestion", work.folder)
        head = ingestion.head()
        assert head
        layers = ingestion.layers(head.tables["line"].state)
        rows = current(layers, ["id"], {"id": "INTEGER", "what": "VARCHAR"}, CHANGE)
        return sorted(work.engine.execute(rows).fetchall())


def test_what_is_altered_and_altered_back_while_it_is_read_is_captured(
    ran: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL prints with the newest catalogue, whatever the snapshot: a label that is another
    one only while the rows are read is taken back by the next run."""
    ran_after(
        ran,
        "create type mood as enum ('bad', 'good')",
        "alter table design add mood mood default 'good'",
    )
    ran.change("update design set design_name = design_name || '!'")
    rename = "alter type mood rename value '{}' to '{}'"

    def capture(*arguments: Any) -> None:
        ran.change(rename.format("good", "fine"))
        real(*arguments)
        ran.change(rename.format("fine", "good"))

    real = extract.capture
    with monkeypatch.context() as patch:
        patch.setattr(extract, "capture", capture)
        pipeline.ingest(ran.settings)
    assert pipeline.ingest(ran.settings).tables["design"].updated == 2
    assert_equal(ran)


def test_a_lake_of_before_is_read_in_full_once(ran: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the manifest has no fingerprint, as one of an older version, each table is read in full
    with that reason; the run after it finds nothing."""

    def as_before(*arguments: Any) -> Any:
        return {name: replace(known, catalogue={}) for name, known in actual(*arguments).items()}

    actual = ingestion._known
    with monkeypatch.context() as patch:
        patch.setattr(ingestion, "_known", as_before)
        report = pipeline.ingest(ran.settings)
    assert {table.note for table in report.tables.values()} == {UNKNOWN}
    assert len(report.tables) == 11
    assert sum(table.rows for table in report.tables.values()) == 0
    assert pipeline.ingest(ran.settings).batches == []


NAMES = {
    "regclass": ("'public.thing'", "alter table thing rename to other"),
    "regtype": ("'public.thing'", "alter table thing rename to other"),
    "regproc": ("'public.work'", "alter function work rename to other"),
    "regprocedure": ("'public.work(int)'", "alter function work rename to other"),
    "regoper": ("'public.=='", "alter operator public.== (int, int) set schema elsewhere"),
    "regoperator": (
        "'public.==(int,int)'",
        "alter operator public.== (int, int) set schema elsewhere",
    ),
    "regnamespace": ("'elsewhere'", "alter schema elsewhere rename to other"),
    "regcollation": ("'public.order'", 'alter collation "order" rename to other'),
    "regconfig": ("'public.words'", "alter text search configuration words rename to other"),
    "regdictionary": ("'public.forms'", "alter text search dictionary forms rename to other"),
}
THINGS = (
    "create table thing ()",
    "create schema elsewhere",
    "create function work(int) returns int language sql return 1",
    "create function same(int, int) returns bool language sql return true",
    "create operator public.== (leftarg = int, rightarg = int, function = same)",
    'create collation "order" from "C"',
    "create text search configuration words (copy = english)",
    "create text search dictionary forms (template = simple)",
)


@pytest.mark.parametrize("kind", NAMES)
def test_a_type_that_prints_names_is_read_in_full_each_time(ran: World, kind: str) -> None:
    """A value that prints the name of something is captured when that is renamed; until then the
    table, though it is read in full each time, makes no batch."""
    value, rename = NAMES[kind]
    ran_after(
        ran, *THINGS, f"alter table design add named {kind}", f"update design set named = {value}"
    )
    assert pipeline.ingest(ran.settings).batches == []
    report = ran_after(ran, rename)
    assert report.tables["design"].updated == 2
    assert report.tables["design"].note is None
    assert_equal(ran)


@pytest.mark.parametrize(
    "statements",
    [
        ["alter table design add named regrole[] default '{pg_monitor}'"],
        ["create domain kind as regtype", "alter table design add named kind"],
        ["create type two as (a int, b regclass)", "alter table design add named two[]"],
        ["alter table design add named aclitem"],
        [
            "alter table design add named tsvector generated always as "
            "(to_tsvector('english', design_name)) virtual"
        ],
    ],
)
def test_names_within_a_value_are_found(ran: World, statements: list[str]) -> None:
    """In arrays, domains and composites, and in the expression of a virtual column: status names
    the column, and what it costs."""
    ran_after(ran, *statements)
    (told,) = pipeline.status(ran.settings).ingestion.always["design"]
    assert "column named prints names of other objects" in told
    shown = totes(ran, "status").output
    assert "design: all 2 rows are read each time: column named prints names" in shown


def test_rows_that_no_transaction_is_told_of_are_read_in_full_each_time(own: World) -> None:
    """A table, or a child of one, that another access method than PostgreSQL's own keeps may tell
    nothing of its transactions: it is read in full each time, and status says so."""
    ran_after(
        own,
        "create access method other type table handler heap_tableam_handler",
        CHILDREN[0],
        "create table line_a () inherits (line) using other",
        "insert into line_a values (1, 'a')",
    )
    assert pipeline.ingest(own.settings).batches == []
    (told,) = pipeline.status(own.settings).ingestion.always["line"]
    assert told == "the rows of public.line_a do not show which transaction wrote them"
    report = ran_after(own, "update line_a set what = 'b'")
    assert report.tables["line"].updated == 1


def test_a_foreign_partition_is_noticed(own: World) -> None:
    """The rows of a foreign table have no transaction ids: a table with such a partition is to be
    read in full each time."""
    own.change(
        "create table line (id int not null, what text not null) partition by range (id)",
        "create foreign data wrapper nothing",
        "create server elsewhere foreign data wrapper nothing",
        "create foreign table there partition of line for values from (1) to (2) server elsewhere",
    )
    with extract.open_source(own.source) as connection:
        found = extract.check_tables(connection, own.settings.data_model().sources.values())
        (table,) = extract.with_catalogue(connection, found.values())
    assert table.always == ("the rows of public.there do not show which transaction wrote them",)
    assert not table.key_is_unique


def test_nothing_is_read_in_full_for_what_no_value_depends_on(ran: World) -> None:
    """Statistics, indexes, grants on the table, a rewriting that keeps the rows, comments,
    defaults and columns that are not archived leave a table to its cursor."""
    ran_after(ran, "alter table design add note text", "update design set note = 'x'")
    with psycopg.connect(ran.source, autocommit=True) as connection:
        for statement in (
            "vacuum full design",
            "analyze design",
            "alter table design alter note set default 'y'",
            "alter table design alter note set statistics 500",
            "create index on design (note)",
            "comment on column design.note is 'a note'",
            "grant select (note) on design to public",
            "grant select on design to public",
            "alter table design alter note set not null",
            "cluster design using design_pkey",
        ):
            connection.execute(statement.encode())
    assert pipeline.ingest(ran.settings).batches == []

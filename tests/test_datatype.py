"""PostgreSQL's types: in contracts, in its catalogue, and in the lakes."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from totes import duck
from totes.datatype import LAKE_TYPES, DataType
from totes.demo.postgres import PostgresServer

CANONICAL = [*LAKE_TYPES, "numeric", "text", "character varying", "bit varying", "uuid", "jsonb"]
types = st.builds(
    DataType,
    st.sampled_from([*CANONICAL, "integer[]", "interval year to month"]),
    st.lists(st.integers(0, 1000), max_size=2).map(tuple),
).filter(lambda kind: not (kind.name.endswith("[]") and kind.modifiers))

# The smallest and the largest value of types whose values the lake can hold as numbers.
BOUNDS = {
    "smallint": ["-32768", "32767"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "real": ["0.1", "3.4028235e38"],
    "double precision": ["0.1", "1.7976931348623157e308"],
    "numeric": ["0.1", "12345678901234567890.123456789", "NaN"],
    "boolean": ["true"],
    "date": ["4713-01-01 (BC)", "9999-12-31"],
    "time without time zone": ["23:59:59.999999"],
    "timestamp without time zone": ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"],
    "timestamp with time zone": ["2024-02-29 23:59:59.999999+00"],
    "text": ["", "ä"],
    "uuid": ["00000000-0000-0000-0000-000000000000"],
}


@given(types)
@settings(deadline=None)
def test_a_type_is_read_as_it_is_written(kind: DataType) -> None:
    """A type's text, parsed, is the type again."""
    assert DataType.parse(str(kind)) == kind


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("int", "integer"),
        ("varchar", "character varying"),
        (" varchar(40) ", "character varying(40)"),
        ("timestamp", "timestamp without time zone"),
        ("timestamp(3) without time zone", "timestamp(3) without time zone"),
        ("time(0)", "time(0) without time zone"),
        ("timestamptz", "timestamp with time zone"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("integer[]", "integer[]"),
    ],
)
def test_types_have_one_name(written: str, canonical: str) -> None:
    """PostgreSQL's and a contract's spelling of a type are the same type."""
    assert str(DataType.parse(written)) == canonical


@pytest.mark.parametrize("text", ["", "10", "(10)", "numeric(a)", "drop table x;", "Integer"])
def test_what_is_no_type_is_refused(text: str) -> None:
    """A text that is no type's name is a ValueError, which quotes it."""
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        DataType.parse(text)


ORDINARY = """
    a smallint, b integer, c bigint, d numeric, e numeric(10,2), f real, g double precision, h text,
    i varchar, j varchar(9), k char(3), l boolean, m date, n time, o time(3), p timestamp,
    q timestamp(3), r timestamptz, s interval, t uuid, u json, v jsonb, w bytea, x bit varying(5),
    y inet, z integer[]
"""
FORMATTED = """
    select format_type(atttypid, atttypmod) from pg_attribute
    where attrelid = 'pg_temp.t'::regclass and attnum > 0
"""


def formatted(server: PostgresServer, columns: str) -> list[str]:
    """How PostgreSQL spells the types of a table's columns."""
    with psycopg.connect(server.dsn("postgres")) as connection:
        connection.execute("create schema hr; create type hr.mood as enum ('good')")
        connection.execute(f"create temp table t ({columns})".encode())
        found = [kind for (kind,) in connection.execute(FORMATTED)]
        connection.rollback()
        return found


def test_ordinary_types_are_read_as_postgresql_spells_them(server: PostgresServer) -> None:
    """PostgreSQL's ordinary types, as its catalogue spells them, are types, and stay themselves."""
    for spelled in formatted(server, ORDINARY):
        kind = DataType.parse(spelled)
        assert DataType.parse(str(kind)) == kind


@pytest.mark.parametrize(
    "column",
    ["a int4range", 'a "char"', "a hr.mood", "a numeric(3,-2)", "a varchar(9)[]"],
)
def test_every_type_is_read_as_postgresql_spells_it(server: PostgresServer, column: str) -> None:
    """A column of any type, as the catalogue spells it, is a type: no source can break a run."""
    for spelled in formatted(server, column):
        kind = DataType.found(spelled)
        assert str(kind) == spelled
        assert DataType.found(str(kind)) == kind
        assert DataType("text").holds(kind)


@pytest.mark.parametrize(
    ("kind", "ingested", "modelled"),
    [
        ("integer", "INTEGER", "INTEGER"),
        ("numeric", "VARCHAR", "DECIMAL(38,10)"),
        ("numeric(10,2)", "VARCHAR", "DECIMAL(10,2)"),
        ("numeric(10)", "VARCHAR", "DECIMAL(10,0)"),
        ("timestamp(3) without time zone", "TIMESTAMP", "TIMESTAMP"),
        ("timestamptz", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        ("jsonb", "VARCHAR", "VARCHAR"),
        ("integer[]", "VARCHAR", "VARCHAR"),
    ],
)
def test_a_type_says_how_the_lakes_hold_it(kind: str, ingested: str, modelled: str) -> None:
    """What the lake has no exact type for is text; a modelled number has its scale."""
    parsed = DataType.parse(kind)
    assert (parsed.ingested, parsed.modelled) == (ingested, modelled)


def test_what_a_type_holds_it_holds_exactly(tmp_path: Path) -> None:
    """If one type holds another, the other's extreme values survive the way through the lake."""
    with duck.engine(tmp_path) as engine:
        for ours, theirs in itertools.product(map(DataType, BOUNDS), repeat=2):
            if not ours.holds(theirs):
                continue
            for value in BOUNDS[theirs.name]:
                there = f"cast({duck.text(value)} as {theirs.ingested})"
                back = f"cast(cast({there} as {ours.ingested}) as {theirs.ingested})"
                assert engine.execute(f"select {back} = {there}").fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("ours", "theirs", "holds"),
    [
        ("bigint", "smallint", True),
        ("integer", "bigint", False),
        ("numeric", "bigint", True),
        ("numeric(10,2)", "numeric", True),  # the lake holds both as text
        ("numeric", "double precision", False),
        ("text", "character varying(40)", True),
        ("character varying", "jsonb", True),
        ("text", "numeric", False),
        ("text", "integer", False),
        ("integer", "text", False),
        ("date", "timestamp without time zone", False),
        ("timestamp without time zone", "timestamp with time zone", False),
    ],
)
def test_a_type_holds_only_what_it_can(ours: str, theirs: str, holds: bool) -> None:
    """A source column may be narrower than its contract says, never wider or of another kind."""
    assert DataType.parse(ours).holds(DataType.parse(theirs)) is holds


@given(types)
@settings(deadline=None)
def test_a_type_holds_itself(kind: DataType) -> None:
    """Every type holds its own values."""
    assert kind.holds(kind)


@given(types, types, types)
@settings(deadline=None)
def test_holding_is_transitive(a: DataType, b: DataType, c: DataType) -> None:
    """What holds a type holds whatever that type holds."""
    assert not (a.holds(b) and b.holds(c)) or a.holds(c)

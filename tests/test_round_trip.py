"""From PostgreSQL to Parquet and back: every value of every type is what it was."""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.own_model import add_source, create, own_world
from tests.world import World
from totes import duck, pipeline
from totes.copying import copied_in
from totes.datatype import LAKE_TYPES
from totes.demo.postgres import PostgresServer

FIRST_YEAR, LAST_YEAR = -4712, 294246  # of a timestamp that PostgreSQL and DuckDB both hold
LAST_DATE_YEAR = 5874897

BENT = {
    "timezone": "Asia/Kathmandu",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "client_encoding": "LATIN1",
    "quote_all_identifiers": "on",
}
# How PostgreSQL's own text of a value is asked for.
PLAIN = (
    "-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=iso_8601 -c extra_float_digits=3 "
    "-c bytea_output=hex -c standard_conforming_strings=on"
)
MAKE_TYPES = """
    create type mood as enum ('fine', 'it''s "bad"', 'ä,😀', '');
    create domain price as numeric check (value <> -987654321.123456789);
    create domain even as integer check (value % 2 = 0);
    create type pair as (a text, b numeric);
"""


@dataclass(frozen=True)
class Kind:
    """A column's type at the source and in its contract, and texts of its values."""

    declared: str
    contract: str
    texts: st.SearchStrategy[str]


def padded(year: int) -> str:
    return f"{year:04d}" if year > 0 else f"{1 - year:04d}"


def dated(years: st.SearchStrategy[int], clock: str) -> st.SearchStrategy[str]:
    """Texts of days, with `clock` a strftime-like tail, before Christ as PostgreSQL writes them."""
    small = st.integers(1, 28)
    return st.builds(
        lambda year, month, day, hour, minute, micro: (
            f"{padded(year)}-{month:02d}-{day:02d}"
            + clock.format(hour=hour, minute=minute, micro=micro)
            + ("" if year > 0 else " BC")
        ),
        years,
        st.integers(1, 12),
        small,
        st.integers(0, 23),
        st.integers(0, 59),
        st.sampled_from([0, 1, 999999, 500000]) | st.integers(0, 999999),
    )


def years(last: int) -> st.SearchStrategy[int]:
    edges = [FIRST_YEAR, -43, 0, 1, 999, 1582, 1969, 2000, 9999, 10000, last]
    return st.sampled_from(edges) | st.integers(FIRST_YEAR, last)


MOMENT = " {hour:02d}:{minute:02d}:59.{micro:06d}"
finites = st.sampled_from(["infinity", "-infinity", "epoch"])
moments = dated(years(LAST_YEAR), MOMENT) | finites
zoned = dated(years(LAST_YEAR - 1), MOMENT + "+05:45") | finites
clocks = st.sampled_from(["00:00:00", "24:00:00", "23:59:59.999999", "12:00:00.000001"])
awkward = [
    "", " ", '"', '""', "'", ",", "\n", "\r", "\r\n", "\t", "\\", "\\N", "\\.", "NULL", "null",
    "\\x00", "\x01", "\x7f", "\x1a", "\ufeff", "\u202eabc", "\u2028", "\ufffd", "\ufffe", "😀", "é",
    "e\u0301", "ffi", "\U0010ffff", "'; drop table t; --", "%s", "{}", "a,b\n\"c\"", "(BC)", " BC",
    "2024-01-01 BC", "x" * 70_000,
]  # fmt: skip
texts = st.sampled_from(awkward) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
)
digits = st.text("0123456789", min_size=1, max_size=40)
numerics = (
    st.builds(lambda sign, a, b: f"{sign}{a}.{b}", st.sampled_from(["", "-"]), digits, digits)
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "0", "-0.0", "0.00", "1e1000", "1e-1000"])
    | st.sampled_from(["9" * 40, "0.30000000000000004", "19.99999", "1e131071", "1.000000000000"])
)
fixed = st.decimals(-99999, 99999, places=3, allow_nan=False).map(str) | st.just("NaN")
floats = st.floats(width=64).map(repr)
shorts = st.floats(width=32).map(repr)


def within(bits: int) -> st.SearchStrategy[str]:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return (st.sampled_from([low, high, 0, -1]) | st.integers(low, high)).map(str)


def arrays(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Array literals, NULLs among their items."""
    quoted = items.map(lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return st.lists(quoted | st.just("NULL"), max_size=3).map(lambda all_: f"{{{','.join(all_)}}}")


intervals = st.builds(
    lambda y, m, d, h, u: f"{y} years {m} months {d} days {h} hours {u} microseconds",
    *[st.integers(-99, 99)] * 4,
    st.integers(-(10**12), 10**12),
)
short = texts.map(lambda text: text[:9])
trimmed = short.map(lambda text: text.rstrip(" "))
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | texts.filter(lambda t: len(t) < 99),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(short, inner, max_size=2),
    max_leaves=4,
)


KINDS = {
    "smallint": Kind("smallint", "smallint", within(16)),
    "integer": Kind("integer", "integer", within(32)),
    "bigint": Kind("bigint", "bigint", within(64)),
    "narrow": Kind("smallint", "bigint", within(16)),
    "numeric": Kind("numeric", "numeric", numerics),
    "fixed": Kind("numeric(8,3)", "numeric(8,3)", fixed),
    "whole": Kind("bigint", "numeric", within(64)),
    "real": Kind("real", "real", shorts),
    "double": Kind("double precision", "double precision", floats),
    "boolean": Kind("boolean", "boolean", st.sampled_from(["true", "false"])),
    "date": Kind("date", "date", dated(years(LAST_DATE_YEAR), "") | finites),
    "time": Kind("time", "time", clocks | st.times().map(str)),
    "time0": Kind("time(0)", "time", st.times().map(str)),
    "timestamp": Kind("timestamp", "timestamp", moments),
    "timestamp3": Kind("timestamp(3)", "timestamp(3)", moments),
    "timestamptz": Kind("timestamptz", "timestamptz", zoned),
    "text": Kind("text", "text", texts),
    "varchar": Kind("varchar(9)", "varchar(9)", short),
    "char": Kind("char(9)", "char(9)", trimmed),
    "bytea": Kind("bytea", "bytea", st.binary(max_size=9).map(lambda b: f"\\x{b.hex()}")),
    "uuid": Kind("uuid", "uuid", st.uuids().map(str)),
    "json": Kind("json", "json", jsons.map(json.dumps)),
    "jsonb": Kind("jsonb", "jsonb", jsons.map(json.dumps)),
    "texts": Kind("text[]", "text[]", arrays(texts)),
    "numbers": Kind("numeric(8,3)[]", "text", arrays(fixed)),
    "doubles": Kind("double precision[]", "text", arrays(floats)),
    "moments": Kind("timestamptz[]", "text", arrays(zoned)),
    "blobs": Kind("bytea[]", "text", arrays(st.binary(max_size=3).map(lambda b: f"\\x{b.hex()}"))),
    "interval": Kind("interval", "interval", intervals),
    "inet": Kind("inet", "inet", st.ip_addresses().map(str)),
    "enum": Kind("mood", "text", st.sampled_from(["fine", "it's \"bad\"", "ä,😀", ""])),
    "domain": Kind("price", "text", numerics),
    "even": Kind("even", "text", st.integers(-99, 99).map(lambda n: str(2 * n))),
    "timetz": Kind("timetz", "text", st.times().map(lambda t: f"{t}+05:45")),
    "money": Kind("money", "text", within(64).map(lambda n: f"{int(n) / 1000:.2f}")),
    "bits": Kind("varbit", "text", st.text("01", max_size=70)),
    "range": Kind("tstzrange", "text", st.just("[2024-01-01 00:00+05:45,infinity)")),
    "point": Kind("point", "text", st.builds("({},{})".format, floats, floats)),
    "pair": Kind("pair", "text", st.just('("a ""b"" \\\\N",1e3)')),
}  # fmt: skip


Table = tuple[list[str], list[tuple[str | None, ...]]]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Kinds of columns, and rows of texts for them."""
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=12))
    row = st.tuples(*(st.none() | KINDS[kind].texts for kind in kinds))
    return kinds, draw(st.lists(row, max_size=16))


@dataclass(frozen=True)
class Place:
    """A source, its session that prints as PostgreSQL does by itself, and an engine."""

    world: World
    session: psycopg.Connection
    engine: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module", params=["plain", "bent"])
def place(request: pytest.FixtureRequest, server: PostgresServer) -> Iterator[Place]:
    bent = BENT if request.param == "bent" else {}
    folder = Path(tempfile.mkdtemp(prefix="totes-around-"))
    try:
        with (
            own_world(server, folder, settings=bent) as world,
            duck.engine(folder) as engine,
            psycopg.connect(
                world.source, options=PLAIN, autocommit=True, prepare_threshold=None
            ) as session,
        ):
            session.execute("set client_encoding = 'UTF8'")
            session.execute(MAKE_TYPES)
            yield Place(world, session, engine)
    finally:
        shutil.rmtree(folder)


def columns(kinds: list[str]) -> dict[str, Kind]:
    return {f"c{number}": KINDS[kind] for number, kind in enumerate(kinds)}


def fill(place: Place, made: Table) -> None:
    """Make the table `t` at the source, an empty one like it, and a contract of it."""
    kinds, rows = made
    place.session.execute("drop table if exists t, back")
    declared = {name: kind.declared for name, kind in columns(kinds).items()}
    create(place.world, "t", {"id": "integer", **declared}, key=["id"])
    place.session.execute("create table back (like t)")
    values = sql.SQL(", ").join([sql.Placeholder()] * (len(kinds) + 1))
    for number, row in enumerate(rows):
        place.session.execute(sql.SQL("insert into t values ({})").format(values), [number, *row])
    contracted = {name: kind.contract for name, kind in columns(kinds).items()}
    add_source(place.world, "t", {"id": "integer", **contracted})


def lake(place: Place) -> str:
    """SQL for the table as the lake holds it, captured just now."""
    for part in ("ingestion", "processed"):
        shutil.rmtree(place.world.folder / part, ignore_errors=True)
    pipeline.ingest(place.world.settings)
    (path,) = place.world.folder.glob("ingestion/t/*/*.parquet")
    return duck.parquet([path])


def printed(place: Place, table: str) -> list[tuple[str | None, ...]]:
    """The rows of a table as PostgreSQL prints each value."""
    found = place.session.execute(sql.SQL("table {}").format(sql.Identifier(table)))
    names = [column.name for column in found.description or []]
    shown = sql.SQL(", ").join(
        sql.SQL("case when num_nulls({0}) = 0 then format('%s', {0}) end").format(sql.Identifier(n))
        for n in names
    )
    query = sql.SQL("select {} from {} order by id").format(shown, sql.Identifier(table))
    return place.session.execute(query).fetchall()


def as_postgresql_writes(name: str, kind: Kind) -> str:
    """SQL that writes a value of the lake as text that PostgreSQL reads."""
    text = f"cast({duck.name(name)} as varchar)"
    if "date" in kind.contract or "timestamp" in kind.contract:
        return f"regexp_replace({text}, '^(\\S+) \\(BC\\)(.*)$', '\\1\\2 BC')"
    return text


def bits(form: str) -> Callable[[str], str]:
    return lambda text: struct.pack(form, float(text)).hex()


# What two texts have in common if they are the same value, where the text itself will not do.
MEANT: Mapping[str, Callable[[str], str]] = {
    "real": bits("<f"),
    "double precision": bits("<d"),
    "boolean": lambda text: text[0],
}


def meant(rows: list[tuple[str | None, ...]], kinds: list[str]) -> list[list[str | None]]:
    """Rows of texts as what they mean; the first column is the key."""
    same: list[Callable[[str], str]] = [str, *(MEANT.get(KINDS[k].contract, str) for k in kinds)]
    return [
        [None if text is None else mean(text) for text, mean in zip(row, same, strict=True)]
        for row in rows
    ]


def every_edge() -> Table:
    """A table with a column of each kind, and in it what is known to be awkward."""
    edges = {
        "smallint": ["-32768", "32767"],
        "integer": ["-2147483648", "2147483647"],
        "bigint": ["-9223372036854775808", "9223372036854775807"],
        "narrow": ["-32768", "32767"],
        "numeric": ["NaN", "Infinity", "-Infinity", "9" * 40, "1e1000", "1e-1000", "0.10", "-0"],
        "fixed": ["99999.999", "NaN"],
        "whole": ["-9223372036854775808"],
        "real": ["NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e38", "0.1"],
        "double": ["NaN", "Infinity", "-Infinity", "-0", "5e-324", "0.30000000000000004"],
        "boolean": ["true", "false"],
        "date": ["infinity", "-infinity", "4713-01-01 BC", "0001-12-31 BC", "5874897-12-31"],
        "time": ["00:00:00", "24:00:00", "23:59:59.999999"],
        "time0": ["23:59:59.6"],
        "timestamp": [
            "infinity", "-infinity", "4713-01-01 00:00:00 BC", f"{LAST_YEAR}-12-31 23:59:59.999999",
        ],
        "timestamp3": ["2024-02-29 23:59:59.9999"],
        "timestamptz": ["infinity", "-infinity", "0044-03-15 12:00:00.000001+05:45 BC"],
        "text": awkward,
        "varchar": ["", " ", "😀" * 9],
        "char": ["", " ", "ä", "a\nb"],
        "bytea": ["\\x", "\\x00", "\\x5c2e0a00ff"],
        "uuid": ["00000000-0000-0000-0000-000000000000"],
        "json": ['{"a" :  1, "a": 2}', '"\\u0000"', "null", '"\\ud83d\\ude00"'],
        "jsonb": ['{"a" :  1e400, "b": [null]}', '"\\\\N"', "null"],
        "texts": ['{"",NULL,"NULL",",","\\"","\\\\"}', "{}", "[0:1]={a,b}"],
        "numbers": ["{99999.999,NaN,NULL}", "{{1},{2}}"],
        "doubles": ["{0.1,0.30000000000000004,NaN,-0}"],
        "moments": ["{infinity,2024-01-01 00:00:00+05:45,0044-03-15 12:00:00+00 BC}"],
        "blobs": ['{"\\\\x00ff"}'],
        "interval": ["1 year -2 months 3 days -04:05:06.789", "-1 day", "0"],
        "inet": ["::1", "10.0.0.0/8"],
        "enum": ["it's \"bad\"", "ä,😀", ""],
        "domain": ["NaN", "9" * 40],
        "even": ["-2"],
        "timetz": ["24:00:00+05:45", "00:00:00.000001-15:59"],
        "money": ["-92233720368547758.08", "1234.56"],
        "bits": ["", "101"],
        "range": ["empty", "[2024-01-01 00:00+05:45,infinity)", "(,)"],
        "point": ["(0.1,-Infinity)"],
        "pair": ['("a ""b"" \\\\N",1e3)', "(,)", '("",)'],
    }  # fmt: skip
    assert edges.keys() == KINDS.keys()
    kinds = list(edges)
    length = max(map(len, edges.values()))
    return kinds, [
        tuple(values[n] if n < len(values) else None for values in edges.values())
        for n in range(length)
    ]


@pytest.mark.slow
@given(made=tables())
@example(made=every_edge())
@settings(
    max_examples=20,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_value_goes_around(place: Place, made: Table) -> None:
    """Whatever the types and the settings of the source's database, the lake holds each value as
    PostgreSQL prints it, and what PostgreSQL makes of that is the same value again."""
    fill(place, made)
    kinds, rows = made
    if not rows:
        return
    held = lake(place)
    written = ", ".join(as_postgresql_writes(n, kind) for n, kind in columns(kinds).items())
    query = f"select id, {written} from {held}"
    texts = f"select cast(id as varchar), {written} from {held} order by id"
    source = printed(place, "t")
    assert meant(place.engine.execute(texts).fetchall(), kinds) == meant(source, kinds)
    with copied_in(place.session, sql.Identifier("back"), ["id", *columns(kinds)]) as path:
        place.engine.execute(
            f"copy ({query}) to {duck.text(path)} (format csv, header false, use_tmp_file false)"
        )
    assert printed(place, "back") == source


def test_every_type_that_the_lake_knows_goes_around() -> None:
    """There are values of each type that the lake does not hold as text."""
    assert {kind.contract.split("(")[0] for kind in KINDS.values()} >= {
        name.removesuffix(" without time zone") for name in LAKE_TYPES
    } - {"timestamp with time zone"}

"""Hostile values: each arrives exactly, or is in quarantine with its column and itself named."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.own_model import add_source, add_star, create, insert, own_world, quarantined
from tests.test_round_trip import BENT, PLAIN, awkward
from tests.world import World
from totes import duck, pipeline
from totes.demo.postgres import PostgresServer

# column → its type at the source, and in the star
COLUMNS = {
    "id": ("integer", "integer"),
    "owner": ("bigint", "integer"),
    "amount": ("numeric", "numeric"),
    "price": ("numeric", "numeric(10,2)"),
    "few": ("bigint", "smallint"),
    "many": ("bigint", "integer"),
    "most": ("numeric", "bigint"),
    "ratio": ("double precision", "double precision"),
    "short": ("real", "real"),
    "day": ("date", "date"),
    "clock": ("time", "time"),
    "at": ("timestamp", "timestamp"),
    "zoned": ("timestamptz", "timestamptz"),
    "said": ("text", "text"),
    "code": ("text", "varchar(9)"),
    "flag": ("boolean", "boolean"),
    "raw_bytes": ("bytea", "bytea"),
    "tags": ("text[]", "text[]"),
    "document": ("jsonb", "jsonb"),
    "half": ("double precision", "integer"),
    "narrow": ("double precision", "real"),
    "about": ("numeric", "double precision"),
    "roughly": ("numeric", "real"),
    "wide": ("bigint", "double precision"),
    "truth": ("text", "boolean"),
    "counted": ("integer", "boolean"),
    "written": ("text", "time"),
    "written_day": ("text", "date"),
    "written_at": ("text", "timestamp"),
    "seconds": ("timestamp", "timestamp(0)"),
    "millis": ("time", "time(3)"),
    "zoned_millis": ("timestamptz", "timestamptz(3)"),
}
ARRIVE: dict[str, list[str | None]] = {
    "owner": ["1", None],
    "amount": ["0.3000000000", "19.99999", "-0.0000000001", "9" * 28, "0.1", "1e3", "0.00", None],
    "price": ["99999999.99", "-99999999.99", "19.990", "0.1", None],
    "few": ["32767", "-32768", None],
    "many": ["2147483647", "-2147483648"],
    "most": ["9223372036854775807", "-9223372036854775808"],
    "ratio": ["NaN", "Infinity", "-Infinity", "0.30000000000000004", "5e-324", "-0", "1e22", None],
    "short": ["NaN", "Infinity", "1e-45", "3.4028235e38", "0.1", None],
    "day": ["0001-01-01", "9999-12-31", "2024-02-29", "1582-10-10", None],
    "clock": ["00:00:00", "23:59:59.999999", "24:00:00", None],
    "at": ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", None],
    "zoned": ["2024-01-01 00:00:00", "2024-01-01 00:00:00+05:45", "9999-12-31 23:59:59+00", None],
    "said": [*awkward, None],
    "code": ["😀" * 9, "", "123456789", None],
    "flag": ["true", "false", None],
    "raw_bytes": ["\\x", "\\x00", "\\x5c2e0a0d00ff", None],
    "tags": ["{}", '{"",NULL,"NULL",",","\\"","\\\\"}', None],
    "document": ['"\\\\N"', '{"a": [1, null, "\\n\'"]}', "null", None],
    "half": ["2", "-0", None],
    "narrow": ["0.25", "NaN", "Infinity", "16777216"],
    "about": ["0.1", "123456.789012345", "0", "NaN", "-Infinity", "1e300", "1e-300"],
    "roughly": ["0.1", "16000000", "NaN"],
    "wide": ["4503599627370496"],
    "truth": ["t", "f", None],
    "counted": [None],
    "written": ["12:00:00", "23:59:59.999999"],
    "written_day": ["2024-02-29"],
    "written_at": ["2024-02-29 12:00:00.5"],
    "seconds": ["2024-01-01 00:00:59"],
    "millis": ["23:59:59.999"],
    "zoned_millis": ["2024-01-01 00:00:00.001+00"],
}
REFUSED: dict[str, list[str]] = {
    "owner": ["77", "3000000000"],
    "amount": ["NaN", "Infinity", "-Infinity", "9" * 40, "9" * 29, "0.30000000000000004"],
    "price": ["19.99999", "100000000", "NaN", "Infinity", "0.001"],
    "few": ["32768", "-32769", "9223372036854775807"],
    "many": ["2147483648", "-2147483649"],
    "most": ["9223372036854775808", "-9223372036854775809", "0.5", "NaN", "9" * 40],
    "day": ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "5874897-12-31"],
    "at": ["infinity", "-infinity", "0044-03-15 12:00:00 BC", "294246-12-31 23:59:59", "294276-12-31 23:59:59"],
    "zoned": ["infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00", "294276-01-01 00:00:00+00"],
    "code": ["1234567890", "12345678  "],
    "half": ["0.5", "nan", "2147483648"],
    "narrow": ["0.1", "1e+300", "16777217"],
    "about": ["0.30000000000000004001", "9" * 40, f"1{'0' * 400}", f"0.{'0' * 400}1"],
    "roughly": ["16777217", f"1{'0' * 38}", f"0.{'0' * 39}1"],
    "wide": ["9007199254740993", "9223372036854775807"],
    "truth": ["yes", "1", ""],
    "counted": ["5"],
    "written": ["12:00:00.1234567", "12:00:00+05", "2024-01-01 12:00:00", "12:00", "25:00:00"],
    "written_day": ["2024-02-30", "24-02-29", "infinity", "2024-02-29 12:00:00"],
    "written_at": ["2024-02-29", "2024-02-29 12:00:00+05", "2024-02-29 12:00:00.1234567"],
    "seconds": ["2024-01-01 00:00:59.6"],
    "millis": ["23:59:59.9999", "00:00:00.000001"],
    "zoned_millis": ["2024-01-01 00:00:00.0001+00"],
}  # fmt: skip


@pytest.fixture
def own(server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """A world without a data model yet."""
    with own_world(server, tmp_path) as world:
        yield world


@pytest.fixture
def bent(server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """Such a world, both of whose databases print and read as nobody would expect."""
    with own_world(server, tmp_path, settings=BENT) as world:
        yield world


NUMBERS = {n for n, (kind, held) in COLUMNS.items() if kind == "numeric" or kind != held}


def meant(column: str, text: str | None) -> object:
    """A printed value; one that may be spelled in several ways, as the number that it is."""
    try:
        number = Decimal(text or "NaN") if column in NUMBERS else Decimal("NaN")
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


def printed(dsn: str, table: str) -> dict[int, dict[str, object]]:
    """Key → column → value as PostgreSQL prints it."""
    shown = [
        sql.SQL("case when {0} is not null then format('%s', {0}) end").format(sql.Identifier(c))
        for c in COLUMNS
    ]
    query = sql.SQL("select id, {} from {}").format(
        sql.SQL(", ").join(shown), sql.Identifier(table)
    )
    with psycopg.connect(dsn, options=PLAIN, client_encoding="UTF8") as connection:
        found = connection.execute(query).fetchall()
    return {
        key: {column: meant(column, text) for column, text in zip(COLUMNS, texts, strict=True)}
        for key, *texts in found
    }


def add_values_model(world: World) -> None:
    """Owners with a dimension; things with a fact that refers to it, and a dimension of their own;
    things of one row for each hostile value."""
    for table, columns in (
        ("owners", {"id": "bigint"}),
        ("things", {n: k for n, (k, _) in COLUMNS.items()}),
    ):
        create(world, table, columns, key=["id"])
        add_source(world, table, columns)
    star = {name: kind for name, (_, kind) in COLUMNS.items()}
    select = f"select {duck.names(star)} from things"
    add_star(world, "dim_owners", {"id": "integer"}, "select id from owners", driven_by="owners")
    add_star(world, "dim_things", star, select, driven_by="things", refers={"owner": "dim_owners"})
    add_star(
        world, "facts", star, select, driven_by="things", refers={"owner": "dim_owners"}, fact=True
    )
    insert(world, "owners", {"id": 1})


def names(reason: str, column: str, text: str) -> bool:
    """Whether a reason names a column and the value in it, or the beginning of that."""
    return column in reason and text[:100].split(" ")[0] in reason


@pytest.mark.parametrize("star", ["facts", "dim_things"])
def test_each_value_arrives_exactly_or_waits(bent: World, star: str) -> None:
    """Every value is in the warehouse as it is at the source, or in quarantine, named; in none is
    it bent, and none is nowhere; what comes after goes on; mended, all arrive."""
    add_values_model(bent)
    cells = [(c, v) for c, values in ARRIVE.items() for v in values]
    bad = [(c, v) for c, values in REFUSED.items() for v in values]
    rows = [{"id": n, column: value} for n, (column, value) in enumerate(cells + bad)]
    insert(bent, "things", *rows)
    bent.run()

    source = printed(bent.source, "things")
    arrived = printed(bent.warehouse, star)
    reasons = {key: reason for model, key, reason in quarantined(bent) if model == star}
    assert arrived == {n: source[n] for n in range(len(cells))}
    assert len(arrived) + len(reasons) == len(source)
    for number, (column, value) in enumerate(bad, start=len(cells)):
        assert names(reasons[f'{{"id":{number}}}'], column, value)

    insert(bent, "things", {"id": 9999})
    bent.run()
    assert 9999 in printed(bent.warehouse, star)
    bent.change(f"update things set {', '.join(f'{c} = null' for c in REFUSED)}")
    bent.run()
    assert quarantined(bent) == []
    mended = printed(bent.warehouse, star)
    assert mended.keys() == printed(bent.source, "things").keys()
    assert pipeline.verify(bent.settings).is_well

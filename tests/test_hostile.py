"""Hostile values: each arrives exactly, or is in quarantine with its column and itself named."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.own_model import (
    add_source,
    add_star,
    create,
    insert,
    own_database,
    own_world,
    quarantined,
    world_without_databases,
)
from tests.test_round_trip import BENT, PLAIN, awkward
from tests.world import World
from totes import duck, pipeline
from totes.copying import copied_in
from totes.datatype import DataType
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError, ModelError
from totes.warehouse import load as loading

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
    "padded": ("char(3)", "char(3)"),
    "letter": ("text", "char"),
    "flag": ("boolean", "boolean"),
    "raw_bytes": ("bytea", "bytea"),
    "tags": ("text[]", "text"),
    "document": ("jsonb", "text"),
    "span": ("interval", "text"),
    "unique_id": ("uuid", "uuid"),
    "written_id": ("text", "uuid"),
    "written_bytes": ("text", "bytea"),
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
    "most": ["9223372036854775807", "-9223372036854775808", "1.0", "9223372036854775807.00"],
    "ratio": ["NaN", "Infinity", "-Infinity", "0.30000000000000004", "5e-324", "-0", "1e22", None],
    "short": ["NaN", "Infinity", "1e-45", "3.4028235e38", "0.1", None],
    "day": ["0001-01-01", "9999-12-31", "2024-02-29", "1582-10-10", None],
    "clock": ["00:00:00", "23:59:59.999999", "24:00:00", None],
    "at": ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", None],
    "zoned": ["2024-01-01 00:00:00", "2024-01-01 00:00:00+05:45", "9999-12-31 23:59:59+00", None],
    "said": [*awkward, None],
    "code": ["😀" * 9, "", "123456789", None],
    "padded": ["GBP", "a", "", None],
    "letter": ["a", "😀", None],
    "flag": ["true", "false", None],
    "raw_bytes": ["\\x", "\\x00", "\\x5c2e0a0d00ff", None],
    "tags": ["{}", '{"",NULL,"NULL",",","\\"","\\\\"}', None],
    "document": ['"\\\\N"', '{"a": [1, null, "\\n\'"]}', "null", None],
    "span": ["P1Y-2M", "PT0S", None],
    "unique_id": ["00000000-0000-0000-0000-00000000000a", None],
    "written_id": ["00000000-0000-0000-0000-00000000000a", None],
    "written_bytes": ["\\x", "\\x00ff", None],
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
FAR = ["294246-12-31 23:59:59", "294276-12-31 23:59:59"]
REFUSED: dict[str, list[str]] = {
    "owner": ["77", "3000000000"],
    "amount": ["NaN", "Infinity", "-Infinity", "9" * 40, "9" * 29, "0.30000000000000004"],
    "price": ["19.99999", "100000000", "NaN", "Infinity", "0.001"],
    "few": ["32768", "-32769", "9223372036854775807"],
    "many": ["2147483648", "-2147483649"],
    "most": ["9223372036854775808", "-9223372036854775809", "0.5", "NaN", "9" * 40],
    "day": ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "5874897-12-31"],
    "at": ["infinity", "-infinity", "0044-03-15 12:00:00 BC", *FAR],
    "zoned": ["infinity", "0044-03-15 12:00:00+00 BC", "10000-01-01 00:00:00+00", *FAR],
    "code": ["1234567890", "12345678  "],
    "written_id": ["00000000-0000-0000-0000-00000000000A", "0" * 32, "{0}", ""],
    "written_bytes": ["\\x0", "\\x0F", "ff", "", "\\x00 ff"],
    "letter": ["ab", "a "],
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
def nowhere(tmp_path: Path) -> World:
    """Such a world, for what is refused before a database is asked."""
    return world_without_databases(tmp_path)


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


STARS = ("facts", "dim_things")


def arrived(world: World) -> dict[str, dict[int, dict[str, object]]]:
    """Both tables of values → key → column → value, as the warehouse prints it."""
    return {star: printed(world.warehouse, star) for star in STARS}


def names(reason: str, column: str, text: str) -> bool:
    """Whether a reason names a column and the value in it, or the beginning of that."""
    return column in reason and text[:100].partition(" ")[0] in reason


@pytest.mark.slow
def test_each_value_arrives_exactly_or_waits(bent: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every value is in a fact and in a dimension as it is at the source, or in quarantine, named,
    whatever the time zone here; none is bent, and none is nowhere; what comes after goes on;
    mended, all arrive."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    add_values_model(bent)
    cells: list[tuple[str, str | None]] = [(c, v) for c, values in ARRIVE.items() for v in values]
    bad = [(c, v) for c, values in REFUSED.items() for v in values]
    rows = [{"id": n, column: value} for n, (column, value) in enumerate([*cells, *bad])]
    insert(bent, "things", *rows)
    run_elsewhere(bent)

    source = printed(bent.source, "things")
    there = {n: source[n] for n in range(len(cells))}
    assert arrived(bent) == dict.fromkeys(STARS, there)
    reasons = {(model, key): reason for model, key, reason in quarantined(bent)}
    assert len(reasons) == len(bad) * len(STARS)
    nameless = [
        (star, column, value)
        for number, (column, value) in enumerate(bad, start=len(cells))
        for star in STARS
        if not names(reasons.get((star, f'{{"id":{number}}}'), ""), column, value)
    ]
    assert nameless == []

    insert(bent, "things", {"id": 9999})
    bent.run()
    assert {star: 9999 in rows for star, rows in arrived(bent).items()} == dict.fromkeys(
        STARS, True
    )
    bent.change(f"update things set {', '.join(f'{c} = null' for c in REFUSED)}")
    bent.run()
    assert quarantined(bent) == []
    every = printed(bent.source, "things").keys()
    assert {star: rows.keys() for star, rows in arrived(bent).items()} == dict.fromkeys(
        STARS, every
    )
    assert pipeline.verify(bent.settings).is_well


# --- large, small and no values ---

BIG = 20 << 20  # far more than a usual row, and as far from the longest
RUN = """
import json, resource, sys
from pathlib import Path
import psycopg
from totes import pipeline
from totes.config import Settings
values, changes = json.loads(sys.stdin.read())
settings = Settings.model_validate(values)
pipeline.run(settings)
for change in changes:
    with psycopg.connect(values["source"]) as connection:
        connection.execute(change)
    pipeline.run(settings)
if sys.platform == "linux":  # where ru_maxrss begins with what the process had that started this
    (line,) = [line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")]
    print(int(line.split()[1]) << 10)
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak if sys.platform == "darwin" else peak << 10)
"""


def add_texts(world: World, *tables: str, fact: bool = False) -> None:
    """Tables of texts, each with a star table called as it is and `_star`."""
    for table in tables:
        create(world, table, {"id": "integer", "said": "text"}, key=["id"])
    add_texts_model(world, *tables, fact=fact)


def add_texts_model(world: World, *tables: str, fact: bool = False) -> None:
    """The contracts and models of such tables."""
    for table in tables:
        columns = {"id": "integer", "said": "text"}
        add_source(world, table, columns)
        query = f"select id, said from {table}"
        add_star(world, f"{table}_star", columns, query, driven_by=table, fact=fact)


def run_elsewhere(world: World, *changes: str) -> int:
    """Run in a process of its own, and again after each change at the source; the most memory that
    it took, in bytes."""
    values = {**world.settings.model_dump(exclude_none=True), "model": str(world.extra["model"])}
    values |= {"source": world.source, "warehouse": world.warehouse}
    result = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps([values, changes]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return int(result.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="asks how much memory a process took")
def test_twenty_megabytes_in_one_cell_arrive(own: World) -> None:
    """A cell of 20 MB arrives in the warehouse, first and as an update, in bounded memory: 130 MB
    that any run takes, and less than 19 times the cell."""
    add_texts(own, "things", fact=True)
    own.change(
        f"insert into things select 1, left(repeat(md5('a'), {BIG // 32 + 1}), {BIG})",
        "insert into things values (2, 'small')",
    )
    assert run_elsewhere(own, "update things set said = 'b' || said where id = 1") < 512 << 20
    digests = "select md5(said), length(said) from {} where id = 1 order by length(said) desc"
    there = own.ask(digests.format("things"), source=True)
    first, second = own.ask(digests.format("things_star"))
    assert first == there[0]
    assert (first[1], second[1]) == (BIG + 1, BIG)


@pytest.mark.slow
def test_many_long_rows_ask_for_more_memory(own: World) -> None:
    """Where long rows are too many for the engine's memory, the error names the setting that gives
    it more; with that the run goes on."""
    add_texts(own, "things")
    own.change(
        "insert into things select n, repeat(md5(n::text), 4000) from generate_series(1, 1250) n"
    )
    own.extra["memory"] = "1GB"
    pipeline.ingest(own.settings)
    del own.extra["memory"]
    with pytest.raises(ConfigurationError, match="more than 256 MB") as caught:
        own.run()
    assert caught.value.hint == "TOTES_MEMORY=512MB gives it more"
    own.extra["memory"] = "1GB"
    assert pipeline.process(own.settings).tables["things_star"].inserted == 1250


@pytest.mark.slow
def test_too_many_long_rows_stop_their_table_alone(own: World) -> None:
    """Where even to read long rows takes more memory, their table stops, and the error names the
    setting that gives more; with that it is caught up."""
    add_texts(own, "things", "others")
    own.run()
    own.change(
        "insert into things select n, repeat(md5(n::text), 32000) from generate_series(1, 200) n",
        "insert into others values (1, 'other')",
    )
    (problem,) = own.run()[0].problems.values()
    assert str(problem) == "things: too many long rows for the engine's memory"
    assert "TOTES_MEMORY" in str(problem.hint)
    assert own.ask("select said from others_star") == [("other",)]
    own.extra["memory"] = "2GB"
    caught_up = pipeline.ingest(own.settings)
    assert not caught_up.problems
    assert caught_up.tables["things"].inserted == 200


@pytest.mark.slow
def test_rows_about_as_long_as_usual_arrive(own: World) -> None:
    """Around the length up to which a row is thought usual each arrives as it is, in a first run
    and as a change."""
    add_texts(own, "things")
    own.change(
        "insert into things select n, case when n % 20 = 0 then repeat('x', (1 << 20) - 60 + n) "
        "else repeat('s', 1000 + n) end from generate_series(1, 100) n"
    )
    sums = "select count(*), sum(length(said)), sum(hashtext(said)) from {}"
    for _ in range(2):
        assert not own.run()[0].problems
        assert own.ask(sums.format("things_star")) == own.ask(sums.format("things"), source=True)
        own.change("update things set said = said || 'y'")
    assert pipeline.verify(own.settings).is_well


@pytest.mark.slow
def test_cell_that_is_too_long_stops_its_table_alone(own: World) -> None:
    """A row longer than the engine's longest is an error that says how long it is; other tables
    go on, and the table is caught up once it is mended; a row of 50 MB is not too long."""
    add_texts(own, "things", "others")
    own.run()
    own.change(
        f"insert into things select 1, repeat('x', {65 << 20})",
        "insert into things values (2, 'small')",
        "insert into others values (1, 'other')",
    )
    (problem,) = own.run()[0].problems.values()
    assert re.search(r"^things: .* a row has [\d,]+ bytes, more than 67,108,864$", str(problem))
    assert own.ask("select said from others_star") == [("other",)]
    own.change("update things set said = 'short' where id = 1")
    assert not own.run()[0].problems
    assert own.ask("select said from things_star order by id") == [("short",), ("small",)]
    own.change(f"update things set said = repeat('y', {50 << 20}) where id = 1")
    assert not pipeline.ingest(own.settings).problems
    *_, path = sorted(own.folder.glob("ingestion/things/*/*.parquet"))
    with duck.engine(own.folder) as engine:
        lengths = engine.execute(f"select id, length(said) from {duck.parquet([path])}")
        assert lengths.fetchall() == [(1, 50 << 20)]


@pytest.mark.slow
def test_tables_may_be_empty(own: World) -> None:
    """Tables that are all empty, then filled, then emptied, are just that in the warehouse."""
    add_texts(own, "facts", fact=True)
    add_texts(own, "things")
    counts = "select (select count(*) from facts_star), (select count(*) from things_star)"
    seen = []
    for change in ("select 1", "insert into {} values (1, null)", "delete from {}", "select 1"):
        own.change(*(change.format(table) for table in ("facts", "things")))
        pipeline.run(own.settings, confirmed=["facts", "things"])
        assert pipeline.verify(own.settings).is_well
        seen += own.ask(counts)
    assert seen == [(0, 0), (1, 1), (2, 1), (2, 1)]  # a fact's deletion is a version


def test_table_of_one_column(own: World) -> None:
    """A table that is nothing but its key arrives, whatever text the key is, and goes again."""
    columns = {"id": "text"}
    create(own, "things", columns, key=["id"])
    add_source(own, "things", columns)
    for star, fact in (("facts", True), ("members", False)):
        add_star(own, star, columns, "select id from things", driven_by="things", fact=fact)
    own.run()
    texts = [text for text in awkward if len(text) < 99]
    insert(own, "things", *({"id": text} for text in texts))
    own.run()
    for star in ("facts", "members"):
        assert sorted(own.ask(f"select id from {star}")) == sorted((text,) for text in texts)
    own.change("delete from things")
    pipeline.run(own.settings, confirmed=["things"])
    counts = "select (select count(*) from facts), (select count(*) from members)"
    assert own.ask(counts) == [(2 * len(texts), len(texts))]
    assert pipeline.verify(own.settings).is_well


def test_line_that_ends_the_rows_of_older_servers_is_quoted(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    r"""A row of one column that is `\.` goes to the warehouse in quotes: before PostgreSQL 18 the
    bare line would end the rows."""
    columns = {"id": "text"}
    create(own, "things", columns, key=["id"])
    add_source(own, "things", columns)
    add_star(own, "keys", columns, "select id from things", driven_by="things")
    insert(own, "things", {"id": "\\."})
    sent: list[bytes] = []

    @contextmanager
    def seen(*arguments: Any) -> Iterator[str]:
        with copied_in(*arguments) as path, tempfile.NamedTemporaryFile() as file:
            yield file.name
            sent.append(Path(file.name).read_bytes())
            Path(path).write_bytes(sent[-1])

    monkeypatch.setattr(loading, "copied_in", seen)
    own.run()
    assert sent == [b'"\\."\n']


# --- what a model makes of keys and types ---


def test_refused_row_whose_key_was_changed_is_not_nowhere(own: World) -> None:
    """A model that returns another key than its source's is named once a row is refused, as that
    could not be found again in quarantine."""
    create(own, "things", {"id": "numeric", "many": "bigint"}, key=["id"])
    add_source(own, "things", {"id": "numeric", "many": "bigint"})
    star = {"id": "integer", "many": "integer"}
    query = "select cast(id as integer) as id, many from things"
    add_star(own, "stars", star, query, driven_by="things")
    insert(own, "things", {"id": 1, "many": 1}, {"id": 2, "many": 1 << 40})
    with pytest.raises(ModelError, match=r"stars\.sql does not give things's key as it is"):
        own.run()
    (Path(own.extra["model"]) / "star" / "stars.sql").write_text("select id, many from things")
    own.run()
    assert own.ask("table stars") == [(1, 1)]
    assert [key for _, key, _ in quarantined(own)] == ['{"id":"2"}']


@pytest.mark.parametrize(
    "kind",
    [
        *("numeric(39,2)", "numeric(5,6)", "numeric(5,2,1)", "integer(4)", "varchar(0)", "time(7)"),
        *("char(0)", "jsonb", "json", "text[]", "bit(3)", "interval(0)", "inet", "citext", "money"),
    ],
)
def test_type_that_no_star_has_is_refused_at_once(nowhere: World, kind: str) -> None:
    """A star's type whose values cannot be judged beforehand is an error of the model, which says
    what may be instead, not of its first row."""
    add_source(nowhere, "things", {"id": "integer", "n": "text"})
    star = {"id": "integer", "n": kind}
    add_star(nowhere, "stars", star, "select id, n from things", driven_by="things")
    expected = re.escape(f"'n' is {DataType.parse(kind)}; a star has smallint, ")
    with pytest.raises(ConfigurationError, match=rf"stars\.toml: .*{expected}.* or text, as which"):
        nowhere.run()


def test_key_that_postgresql_pads_is_refused_at_once(nowhere: World) -> None:
    """A key of `char(n)` is an error of the model: two texts of ours may be one there."""
    add_source(nowhere, "things", {"id": "text"})
    add_star(nowhere, "stars", {"id": "char(3)"}, "select id from things", driven_by="things")
    with pytest.raises(ConfigurationError, match=r"'id' is character\(3\): a key is varchar"):
        nowhere.run()


def test_key_too_long_for_an_index_waits(own: World) -> None:
    """A key with more bytes than an index of the warehouse takes waits, and says how many; the
    longest that may be arrives, with whatever stands beside it."""
    columns = {"id": "text", "part": "varchar(99)", "n": "numeric", "made": "timestamp"}
    key = list(columns)
    create(own, "things", columns, key=["n"])
    add_source(own, "things", columns, key=key)
    select = "select id, part, n, made from things"
    for star, fact in (("facts", True), ("members", False)):
        add_star(own, star, columns, select, driven_by="things", key=key, fact=fact)
    noise = Random(1).choices([chr(n) for n in range(0x4E00, 0x9000)], k=900)  # 3 bytes each
    rest = {"part": "b" * 50, "n": "1234567890123456789012345678.0123456789", "made": "2024-01-01"}
    insert(own, "things", {"id": "".join(noise[:850]), **rest})
    insert(own, "things", {"id": "".join(noise[:850]) + "c", **rest, "n": "0"})
    own.run()
    lengths = "select 'facts', octet_length(id) from facts union select 'members', octet_length(id)"
    assert sorted(own.ask(f"{lengths} from members")) == [("facts", 2550), ("members", 2550)]
    assert [(star, reason) for star, _, reason in quarantined(own)] == [
        ("facts", "id, part: 2601 bytes are too long for a key"),
        ("members", "id, part: 2601 bytes are too long for a key"),
    ]
    own.change("update things set id = 'short' where n = 0")
    own.run()
    assert quarantined(own) == []
    counts = "select (select count(*) from facts), (select count(*) from members)"
    assert own.ask(counts) == [(2, 2)]


def test_character_that_postgresql_has_not_waits(own: World) -> None:
    """A text in which a model puts the character 0 waits: PostgreSQL has none."""
    columns = {"id": "integer", "said": "text"}
    create(own, "things", columns, key=["id"])
    add_source(own, "things", columns)
    query = "select id, case when id = 1 then said || chr(0) else said end as said from things"
    add_star(own, "stars", columns, query, driven_by="things")
    insert(own, "things", {"id": 1, "said": "a"}, {"id": 2, "said": "b"})
    own.run()
    assert quarantined(own) == [("stars", '{"id":1}', "said: a\\0 is no text")]
    assert own.ask("table stars") == [(2, "b")]


# --- encodings ---

ENCODED = "encoding '{}' locale 'C' locale_provider 'libc'"


ENCODINGS: dict[str, dict[bytes, str | None]] = {  # what is written → what it says
    "LATIN1": {"café".encode("latin-1"): "café"},
    "SQL_ASCII": {"café".encode(): "café", "café".encode("latin-1"): None},
    "EUC_JP": {"漢字".encode("euc_jp"): "漢字", b"\x8f\xa2\xb7": None},
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_of_the_source(server: PostgresServer, tmp_path: Path, encoding: str) -> None:
    """Text arrives as the characters that it is, whatever the source's encoding; bytes that are no
    characters stop their table alone, by name, until they are mended."""
    written = {f"text_{number}": each for number, each in enumerate(ENCODINGS[encoding].items())}
    with own_world(server, tmp_path, options=ENCODED.format(encoding)) as own:
        add_texts(own, *written)
        own.run()
        with psycopg.connect(own.source) as connection:
            connection.execute(f"set client_encoding = '{encoding}'".encode())
            for table, (text, _) in written.items():
                connection.execute(f"insert into {table} values (1, '".encode() + text + b"')")
        problems = own.run()[0].problems
        assert list(problems) == [table for table, (_, said) in written.items() if said is None]
        for table, problem in problems.items():
            assert re.match(
                f"{table}: a value cannot be held: .*(0xe9|0x8f 0xa2 0xb7)", str(problem)
            )
        assert {table: own.ask(f"select said from {table}_star") for table in written} == {
            table: [(said,)] if said else [] for table, (_, said) in written.items()
        }
        own.change(*(f"update {table} set said = 'tea'" for table in written))
        assert not own.run()[0].problems
        assert {table: own.ask(f"select said from {table}_star") for table in written} == {
            table: [("tea",)] for table in written
        }


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_warehouse_that_has_not_every_character_is_refused(
    server: PostgresServer, nowhere: World, encoding: str
) -> None:
    """A warehouse whose database is not in UTF-8 is refused before anything is captured, or the
    source is asked, by name and with what to do, as some text could not be loaded one day."""
    add_texts_model(nowhere, "things")
    with own_database(server, options=ENCODED.format(encoding)) as nowhere.warehouse:
        said = f"database of TOTES_WAREHOUSE is {encoding}, and should be UTF8"
        with pytest.raises(ConfigurationError, match=said) as raised:
            nowhere.run()
        assert "encoding 'UTF8'" in str(raised.value.hint)
        assert not nowhere.objects()

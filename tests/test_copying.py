"""COPY as a file: it loses nothing, and leaves nothing."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from totes import duck
from totes.copying import copied_in, copied_out
from totes.demo.postgres import PostgresServer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SETTING = "TOTES_SOURCE"
TABLE = sql.Identifier("t")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@pytest.fixture
def connection(server: PostgresServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn("postgres")) as connection:
        connection.execute("create temp table t (a text, b text)")
        yield connection
        connection.rollback()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBPyConnection]:
    with duck.engine(tmp_path) as running:
        yield running


# --- COPY, out ---

texts = st.none() | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=9
)
awkward = st.sampled_from(
    [None, "", '"', '""', ",", "\n", "\\.", "\\N", " ", "NULL", "\\", "'", "\t", "😀", "é"]
)
rows = st.lists(st.tuples(texts | awkward, texts | awkward), max_size=9)


def held(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return sorted(connection.execute("select a, b from t").fetchall(), key=repr)


def read(path: str) -> str:
    """SQL for the rows of a CSV, as the stages read one."""
    return f"select * from {duck.csv(path, ['a', 'b'], duck.USUAL_ROW)}"


def written(rows: str, path: str) -> str:
    """SQL that writes rows as CSV, as the stages write it."""
    return f"copy ({rows}) to {duck.text(path)} (format csv, header false, use_tmp_file false)"


@given(made=rows)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_text_survives_both_ways(
    connection: psycopg.Connection, engine: DuckDBPyConnection, made: list[tuple[Any, ...]]
) -> None:
    """NULL, '', quotes, newlines and all of Unicode are the same out of PostgreSQL and back."""
    connection.execute("truncate t")
    connection.cursor().executemany("insert into t values (%s, %s)", made)
    with copied_out(connection, sql.SQL("select * from t")) as path:
        engine.execute(f"create or replace table t as {read(path)}")
    assert sorted(engine.execute("from t").fetchall(), key=repr) == sorted(made, key=repr)
    connection.execute("truncate t")
    with copied_in(connection, TABLE, ["a", "b"]) as path:
        engine.execute(written("from t", path))
    assert held(connection) == sorted(made, key=repr)


@pytest.mark.parametrize("text", ["\r", "a\rb", "\r\n", '"\r"'])
def test_a_carriage_return_survives(
    connection: psycopg.Connection, engine: DuckDBPyConnection, text: str
) -> None:
    """A carriage return, alone or before a newline, is a character like any other."""
    query = sql.SQL("values ({0}, 'x'), ('y', {0})").format(sql.Literal(text))
    with copied_out(connection, query) as path:
        engine.execute(f"create table t as {read(path)}")
    assert engine.execute("from t").fetchall() == [(text, "x"), ("y", text)]
    with copied_in(connection, TABLE, ["a", "b"]) as path:
        engine.execute(written("from t", path))
    assert connection.execute("select a, b from t").fetchall() == [(text, "x"), ("y", text)]


def test_null_and_empty_differ_on_the_wire(connection: psycopg.Connection) -> None:
    """NULL is an empty field, and an empty text is two quotes."""
    with copied_out(connection, sql.SQL("select null, ''")) as path:
        assert Path(path).read_text() == ',""\n'


def test_many_rows_come_through_whole(
    connection: psycopg.Connection, engine: DuckDBPyConnection
) -> None:
    """Hundreds of thousands of rows, many times what a pipe holds, come through both ways."""
    query = sql.SQL("select n::text, repeat('x', 20) from generate_series(1, 300000) as n")
    with copied_out(connection, query) as path:
        engine.execute(f"create table t as {read(path)}")
    assert duck.count(engine, "select distinct a from t") == 300_000
    with copied_in(connection, TABLE, ["a", "b"]) as path:
        engine.execute(written("from t", path))
    found = connection.execute("select count(distinct a), min(b), max(b) from t").fetchone()
    assert found == (300_000, "x" * 20, "x" * 20)


def test_an_error_in_the_middle_is_no_short_success(
    connection: psycopg.Connection, engine: DuckDBPyConnection
) -> None:
    """A query that fails after 100,000 rows comes out as its error, not as fewer rows."""
    query = sql.SQL("select (1 / (100001 - n))::text, 'x' from generate_series(1, 200000) as n")
    with (
        pytest.raises(psycopg.errors.DivisionByZero),
        copied_out(connection, query) as path,
    ):
        engine.execute(f"create table t as {read(path)}")


def test_a_connection_that_dies_in_the_middle_is_no_short_success(
    server: PostgresServer, engine: DuckDBPyConnection
) -> None:
    """A server that goes away while rows stream comes out as an error."""
    query = sql.SQL(
        "select case n when 100000 then pg_terminate_backend(pg_backend_pid())::text else '' end, "
        "n::text from generate_series(1, 200000) as n"
    )
    with (
        psycopg.connect(server.dsn("postgres")) as connection,
        pytest.raises(psycopg.OperationalError),
        copied_out(connection, query) as path,
    ):
        engine.execute(f"create table t as {read(path)}")


def test_a_query_that_cannot_run_is_the_error(connection: psycopg.Connection) -> None:
    """A query that the server refuses comes out as the server's error, whatever the engine saw."""
    with (
        pytest.raises(psycopg.errors.UndefinedTable),
        copied_out(connection, sql.SQL("select * from nothing")) as path,
    ):
        assert Path(path).read_bytes() == b""


# made row by row while they are read; as a table in FROM they would all be made before the first
ENDLESS = sql.SQL("select generate_series(1, 5000000)::text, 'x'")


def test_an_engine_that_fails_does_not_hang(connection: psycopg.Connection) -> None:
    """An error of the engine in the middle ends the COPY at once, and is what comes out."""
    with (
        pytest.raises(UnicodeDecodeError),
        copied_out(connection, ENDLESS) as path,
        Path(path).open("rb") as file,
    ):
        (file.read(10) + b"\xff").decode()
    connection.rollback()
    assert connection.execute("select 1").fetchone() == (1,)


def test_an_engine_that_never_reads_does_not_hang(connection: psycopg.Connection) -> None:
    """A block that does not open the pipe ends, and the connection can be used again."""
    with pytest.raises(BrokenPipeError), copied_out(connection, ENDLESS):
        pass
    connection.rollback()
    assert connection.execute("select 1").fetchone() == (1,)


def test_a_part_is_no_whole(connection: psycopg.Connection) -> None:
    """A block that ends without having read all rows ends with an error, as is promised."""
    with (
        pytest.raises(BrokenPipeError),
        copied_out(connection, ENDLESS) as path,
        Path(path).open("rb") as file,
    ):
        assert file.read(10)


# --- COPY, in ---


def test_a_constraint_is_what_comes_out(
    connection: psycopg.Connection, engine: DuckDBPyConnection
) -> None:
    """Rows that the table refuses come out as its error, not as the engine's broken pipe."""
    connection.execute("alter table t add check (a <> '150000')")
    with (
        pytest.raises(psycopg.errors.CheckViolation),
        copied_in(connection, TABLE, ["a", "b"]) as path,
    ):
        engine.execute(
            written("select cast(range as varchar), repeat('x', 50) from range(1000000)", path)
        )


def test_a_row_that_is_too_short_is_what_comes_out(connection: psycopg.Connection) -> None:
    """CSV that does not fit the table comes out as the server's error."""
    with (
        pytest.raises(psycopg.errors.BadCopyFileFormat),
        copied_in(connection, TABLE, ["a", "b"]) as path,
    ):
        Path(path).write_text("one field\n")


def test_an_engine_that_fails_to_write_is_what_comes_out(
    connection: psycopg.Connection, engine: DuckDBPyConnection
) -> None:
    """An error of the engine on the way in comes out, and a rollback leaves nothing behind."""
    import duckdb

    connection.execute("create temp table kept as select * from t")
    failing = (
        "select case when range = 200000 then error('no') else 'x' end, 'y' from range(300000)"
    )
    with (
        pytest.raises(duckdb.Error, match="no"),
        connection.transaction(),
        copied_in(connection, TABLE, ["a", "b"]) as path,
    ):
        engine.execute(written(failing, path))
    assert held(connection) == []


def test_a_part_cannot_be_committed(connection: psycopg.Connection) -> None:
    """After an error of the engine the transaction has failed, as is promised."""
    with (
        pytest.raises(ZeroDivisionError),
        copied_in(connection, TABLE, ["a"]) as path,
        Path(path).open("w") as file,
    ):
        file.write(f"x\n{1 // 0}\n")
    assert connection.info.transaction_status is psycopg.pq.TransactionStatus.INERROR


def test_an_engine_that_writes_nothing_puts_nothing(connection: psycopg.Connection) -> None:
    """A block that does not open the pipe ends, with no row in the table."""
    with copied_in(connection, TABLE, ["a", "b"]):
        pass
    assert held(connection) == []


def test_only_named_columns_are_filled(connection: psycopg.Connection) -> None:
    """The CSV's fields go to the columns in the order in which they are named."""
    with copied_in(connection, TABLE, ["b"]) as path:
        Path(path).write_text('"it\'s ""b"""\n')
    assert held(connection) == [(None, 'it\'s "b"')]


@pytest.mark.slow
@on_linux
def test_no_pipe_and_no_thread_is_left_over(connection: psycopg.Connection) -> None:
    """After successes and failures of either side there are as many files and threads as before."""

    def once() -> None:
        with copied_out(connection, sql.SQL("select 1")) as path:
            Path(path).read_bytes()
        with copied_in(connection, TABLE, ["a"]) as path:
            Path(path).write_text("x\n")
        for direction in (
            copied_out(connection, ENDLESS),
            copied_in(connection, TABLE, ["nothing"]),
        ):
            with pytest.raises((ZeroDivisionError, psycopg.Error)), direction:
                _ = 1 // 0
            connection.rollback()
            connection.execute("create temp table if not exists t (a text, b text)")

    def left() -> tuple[int, int]:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    connection.commit()
    once()
    before = left()
    for _ in range(3):
        once()
    assert left() == before
    connection.execute("drop table t")
    connection.commit()

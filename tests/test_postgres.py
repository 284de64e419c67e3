"""PostgreSQL at both ends: connections that tell no secrets, and COPY that loses nothing."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from totes import duck
from totes.demo.postgres import PostgresServer
from totes.errors import ConfigurationError, TotesError, TransientError
from totes.postgres import connect, copied_in, copied_out, speaking_to

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SETTING = "TOTES_SOURCE"
SECRET = "geheim"
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


def refused(dsn: str, kind: type[TotesError]) -> TotesError:
    """The error of a connection that must not come about."""
    with pytest.raises(TotesError) as caught:
        connect(dsn, setting=SETTING)
    assert type(caught.value) is kind
    assert SETTING in str(caught.value)
    assert caught.value.hint
    return caught.value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- connect ---


def test_connects(server: PostgresServer) -> None:
    """A sound DSN opens a connection that says whose it is."""
    with connect(server.dsn("postgres"), setting=SETTING) as connection:
        assert connection.execute("select current_setting('application_name')").fetchone() == (
            "totes",
        )


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"password": SECRET}, "password authentication failed"),
        ({"user": "nobody", "password": SECRET}, "authentication failed"),
        ({"dbname": "nowhere"}, '"nowhere" does not exist'),
        ({"host": "no-such-host.invalid", "password": SECRET}, "no-such-host.invalid"),
    ],
)
def test_what_a_person_must_mend_is_a_configuration_error(
    server: PostgresServer, part: dict[str, str], told: str
) -> None:
    """A wrong password, user, database or host is named, without any password."""
    parts: dict[str, Any] = conninfo_to_dict(server.dsn("postgres"))
    error = refused(make_conninfo("", **{**parts, **part}), ConfigurationError)
    assert told in str(error)
    whole = "".join(traceback.format_exception(error)) + str(error.hint)
    assert SECRET not in whole
    assert str(parts["password"]) not in whole


def test_a_server_that_is_away_is_a_passing_fault() -> None:
    """Nobody at the port is a fault that passes; the message says where, without the password."""
    port = free_port()
    error = refused(f"postgresql://u:{SECRET}@127.0.0.1:{port}/db", TransientError)
    assert f"127.0.0.1:{port}" in str(error)
    assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "dsn",
    [
        f"nonsense {SECRET}",
        f"postgresql://u:{SECRET}@[::1",
        f"postgresql://u:{SECRET}@host/db?nonsense=1",
        f"host=h password='{SECRET}",
    ],
)
def test_what_is_no_connection_string_is_not_repeated(dsn: str) -> None:
    """A DSN that cannot be read is not quoted: nobody knows where the password is in it."""
    error = refused(dsn, ConfigurationError)
    assert SECRET not in str(error) + str(error.hint)


def test_what_is_no_connection_string_is_not_in_the_traceback() -> None:
    """Not even the traceback, which --debug shows, quotes a DSN that cannot be read."""
    error = refused(f"postgresql://u:{SECRET}@[::1", ConfigurationError)
    assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("password", [f"x@{SECRET}", f"{SECRET}/x"])
def test_a_password_that_is_not_quoted_is_not_told(password: str) -> None:
    """A password whose @ or / is not written as %40 or %2F is not told as host or port either."""
    error = refused(f"postgresql://u:{password}@127.0.0.1:1/db", ConfigurationError)
    assert SECRET not in "".join(traceback.format_exception(error)) + str(error.hint)


def test_any_password_works_when_quoted(server: PostgresServer) -> None:
    """A password of whatever characters, quoted as URLs quote, opens a connection."""
    password = "a@b/c:d#e%f 'g\"ä"
    with psycopg.connect(server.dsn("postgres")) as connection:
        connection.execute(
            sql.SQL("create role quoted login superuser password {}").format(sql.Literal(password))
        )
    port = conninfo_to_dict(server.dsn("postgres"))["port"]
    try:
        dsn = f"postgresql://quoted:{quote(password, safe='')}@127.0.0.1:{port}/postgres"
        connect(dsn, setting=SETTING).close()
    finally:
        with psycopg.connect(server.dsn("postgres")) as connection:
            connection.execute("drop role quoted")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u@127.0.0.1:abc/db",
        "postgresql://u@127.0.0.1:99999/db",
        "postgresql://u@127.0.0.1:1/db?sslmode=bogus",
        "postgresql://u@127.0.0.1:1/db?connect_timeout=abc",
    ],
)
def test_a_value_that_cannot_be_is_a_configuration_error(dsn: str) -> None:
    """A part of the DSN that libpq does not understand will not be better next time."""
    try:
        refused(dsn, ConfigurationError)
    except psycopg.ProgrammingError as error:
        raise AssertionError("psycopg's own error came out") from error


@pytest.mark.parametrize(
    ("dsn", "sslmode"),
    [
        ("host=db.example.com", "require"),
        ("host=10.0.0.5", "require"),
        ("host=localhost.example.com", "require"),
        ("host=127.0.0.1,db.example.com", "require"),
        ("host=localhost hostaddr=10.0.0.5", "require"),
        ("host=db.example.com sslmode=verify-full", "verify-full"),
        ("host=db.example.com sslmode=disable", "disable"),
        ("host=localhost", None),
        ("host=127.0.0.1", None),
        ("host=::1", None),
        ("host=/run/postgresql", None),
        ("host=@abstract", None),
        ("dbname=totesys", None),
        ("host=127.example.com", "require"),
        ("service=remote", "require"),
    ],
)
def test_a_remote_server_must_speak_tls(
    dsn: str, sslmode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is required of another machine unless the DSN says otherwise, and not of this one."""
    asked: list[str] = []

    def observed(conninfo: str, **_: object) -> None:
        asked.append(conninfo)
        raise psycopg.OperationalError("seen")

    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(psycopg, "connect", observed)
    refused(dsn, TransientError)
    assert conninfo_to_dict(asked[0]).get("sslmode") == sslmode


def test_what_libpq_is_told_by_its_environment_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOST counts as the host where the DSN has none, and PGSSLMODE is not overruled."""
    asked: list[str | None] = []

    def observed(conninfo: str, **_: object) -> None:
        parts = conninfo_to_dict(conninfo)
        asked.append(str(parts["sslmode"]) if "sslmode" in parts else None)
        raise psycopg.OperationalError("seen")

    monkeypatch.setattr(psycopg, "connect", observed)
    monkeypatch.setenv("PGHOST", "db.example.com")
    refused("dbname=totesys", TransientError)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    refused("dbname=totesys", TransientError)
    assert asked == ["require", None]


# --- errors ---


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("set local role pg_monitor; create table public.t ()", ConfigurationError),
        ("select pg_terminate_backend(pg_backend_pid())", TransientError),
        ("set local statement_timeout = 1; select pg_sleep(9)", TransientError),
        ("select 1/0", TotesError),
    ],
)
def test_errors_of_the_server_have_their_place_in_the_tree(
    server: PostgresServer, statement: str, kind: type[TotesError]
) -> None:
    """What the server complains of is told on one line, as what the caller is to do about it."""
    with psycopg.connect(server.dsn("postgres")) as connection:
        connection.execute("revoke create on schema public from public")
        with pytest.raises(TotesError) as caught, speaking_to(SETTING):
            connection.execute(statement.encode())
        connection.rollback() if not connection.closed else None
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{SETTING}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("57P01", TransientError),  # admin_shutdown
        ("57P02", TransientError),  # crash_shutdown
        ("57P03", TransientError),  # cannot_connect_now
        ("57014", TransientError),  # query_canceled, by statement_timeout or a person
        ("55P03", TransientError),  # lock_not_available
        ("40P01", TransientError),  # deadlock_detected
        ("40001", TransientError),  # serialization_failure
        ("53100", TransientError),  # disk_full
        ("53200", TransientError),  # out_of_memory
        ("53300", TransientError),  # too_many_connections
        ("25P03", TransientError),  # idle_in_transaction_session_timeout
        ("25P04", TransientError),  # transaction_timeout
        ("25006", TransientError),  # read_only_sql_transaction
        ("42P01", TransientError),  # undefined_table
        ("54000", TotesError),  # program_limit_exceeded
        ("23503", TotesError),  # foreign_key_violation
        ("XX001", TotesError),  # data_corrupted
        ("42501", ConfigurationError),  # insufficient_privilege
    ],
)
def test_what_may_pass_is_told_from_what_will_not(
    server: PostgresServer, code: str, kind: type[TotesError]
) -> None:
    """A server's error is one to try again on if the server was away, busy, full or limited."""
    raising = f"do $$ begin raise exception 'no' using errcode = '{code}'; end $$"
    with psycopg.connect(server.dsn("postgres")) as connection:
        with pytest.raises(TotesError) as caught, speaking_to(SETTING, "t"):
            connection.execute(raising.encode())
        connection.rollback()
    assert type(caught.value) is kind
    assert str(caught.value) == f"{SETTING}: t: no"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("Temporary failure in name resolution", TransientError),
        ("Name or service not known", ConfigurationError),
    ],
)
def test_a_name_server_that_is_away_is_a_passing_fault(
    told: str, kind: type[TotesError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that cannot be looked up just now is tried again; one that does not exist is not."""

    def fail(*_: object, **__: object) -> None:
        raise psycopg.OperationalError(f'could not translate host name "h" to address: {told}')

    monkeypatch.setattr(psycopg, "connect", fail)
    refused("host=h", kind)


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


ENDLESS = sql.SQL("select n::text, 'x' from generate_series(1, 5000000) as n")


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

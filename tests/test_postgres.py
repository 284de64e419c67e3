"""PostgreSQL at both ends: connections that tell no secrets, errors that say what to do."""

from __future__ import annotations

import os
import socket
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from totes.demo.postgres import PostgresServer
from totes.engines.connection import connect
from totes.errors import ConfigurationError, TotesError, TransientError
from totes.postgres import speaking_to

SETTING = "TOTES_SOURCE"
SECRET = "geheim"


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


@pytest.mark.parametrize(
    "password",
    [
        f"x@{SECRET}",
        f"{SECRET}/x",
        f"x/{SECRET}",
        f"12/{SECRET}",
        f"x@{SECRET}/y",
        f"x@y/{SECRET}",
        f"x@{SECRET}:1/y",
        f"x@{SECRET}#y",
        f"12#{SECRET}@y",
        f"x@y?{SECRET}=z",
        f"x?y@{SECRET}",
        f"x?y@{SECRET}/z",
        f"%zz{SECRET}",
    ],
)
def test_a_password_that_is_not_escaped_is_not_shown(password: str) -> None:
    """No part of a password with an unescaped @, /, #, ? or % is shown as a host or a database."""
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


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)


@pytest.fixture
def services(tmp_path: Path, no_environment: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service file that libpq reads."""
    file = tmp_path / "services.conf"
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    return file


SHOWN = "select current_setting('application_name'), current_setting('tcp_keepalives_idle')"


def test_a_service_file_is_not_overridden(server: PostgresServer, services: Path) -> None:
    """What a service file sets holds: the connection has its application_name and its timeouts."""
    parts = conninfo_to_dict(server.dsn("postgres")) | {
        "application_name": "theirs",
        "connect_timeout": "7",
        "keepalives_idle": "77",
    }
    lines = [f"{name}={value}" for name, value in parts.items()]
    services.write_text("\n".join(["[ours]", *lines]))
    with connect("service=ours", setting=SETTING) as connection:
        assert connection.execute("select current_setting('application_name')").fetchall() == [
            ("theirs",)
        ]
        known = connection.info.get_parameters()
        assert (known["connect_timeout"], known["keepalives_idle"]) == ("7", "77")
        assert known["tcp_user_timeout"] == "60000"  # which nobody has set


@pytest.mark.parametrize("sslmode", ["disable", "prefer", "require", "verify-full", None])
@pytest.mark.parametrize("named_by", ["the connection string", "the environment"])
def test_the_sslmode_of_a_service_file_holds(
    services: Path, monkeypatch: pytest.MonkeyPatch, sslmode: str | None, named_by: str
) -> None:
    """An sslmode in a service file holds, even libpq's default; without one, TLS is required."""
    lines = ["[other]", "sslmode=allow", "# a comment", "[remote]", "host=db.example.com"]
    services.write_text("\n".join([*lines, *([f"sslmode={sslmode}"] if sslmode else [])]))
    dsn = "service=remote"
    if named_by == "the environment":
        monkeypatch.setenv("PGSERVICE", "remote")
        dsn = "dbname=x"
    assert asked_for(dsn, monkeypatch).get("sslmode") == (None if sslmode else "require")


def asked_for(dsn: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options that are passed to libpq."""
    asked: list[str] = []

    def observed(conninfo: str, **_: object) -> None:
        asked.append(conninfo)
        raise psycopg.OperationalError("seen")

    monkeypatch.setattr(psycopg, "connect", observed)
    refused(dsn, TransientError)
    return conninfo_to_dict(asked[0])


def test_a_service_that_is_not_defined_is_a_configuration_error(services: Path) -> None:
    """The message names the service."""
    services.write_text("[other]\nhost=h\n")
    assert 'service "mine" not found' in str(refused("service=mine", ConfigurationError))


def test_libpq_s_environment_is_not_overridden(
    no_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PGAPPNAME and PGCONNECT_TIMEOUT hold; the connection string goes before them."""
    monkeypatch.setenv("PGAPPNAME", "theirs")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    asked = asked_for("host=localhost", monkeypatch)
    assert not {"application_name", "connect_timeout"} & asked.keys()
    monkeypatch.undo()
    monkeypatch.setenv("PGAPPNAME", "theirs")
    asked = asked_for("host=localhost application_name=mine", monkeypatch)
    assert asked["application_name"] == "mine"


def test_the_system_s_certificates_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """`sslrootcert=system` names the file that this system has, and verifies the host's name."""
    asked = asked_for("host=db.example.com sslrootcert=system", monkeypatch)
    assert asked["sslmode"] == "verify-full"
    assert "BEGIN CERTIFICATE" in Path(asked["sslrootcert"]).read_text(encoding="utf-8")


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

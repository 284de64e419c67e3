"""PostgreSQL as both ends of the pipeline know it: connections, their errors, limits and names."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from totes.errors import ConfigurationError, TotesError, TransientError
from totes.profiling import measured

# How values are printed for a transaction, so that they can be read back exactly: independent of
# how the role or the database is configured.
PRINTING = """
    set local timezone = 'UTC';
    set local datestyle = 'ISO, YMD';
    set local intervalstyle = 'iso_8601';
    set local extra_float_digits = 3;
    set local bytea_output = 'hex';
    set local lc_monetary = 'C';
    set local quote_all_identifiers = off;
"""
REFUSED = re.compile(
    r"authentication failed|no password supplied|does not exist|no pg_hba\.conf|not permitted"
    r"|could not translate host(?!.*Temporary failure)|Name or service not known"
    r"|does not support SSL|certificate"
    r"|invalid \w+ (number|value|option)|invalid value|not supported|invalid command-line"
)

# What passes though psycopg does not count it among the operational errors. By their codes, as not
# every psycopg has a class for each.
PASSING = {
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
    "25006",  # a warehouse that has failed over, and is read only
    "42P01",  # a table that is just being replaced
}
LIMITED = "a time limit of the server or of its user; nothing half done was kept, run again"
HINTS = {
    "53100": "make room on the disk of that server, then run again",
    "55P03": "somebody has a table locked, perhaps to alter it; run again when they have done",
    "57014": LIMITED,
    "25P03": LIMITED,
    "25P04": LIMITED,
}


@measured("connect")
def connect(dsn: str, *, setting: str) -> psycopg.Connection:
    """Open a connection, over TLS if the server is not on this machine and the DSN says nothing.

    `setting` is the name of the setting that holds `dsn`, for messages; the DSN's password is never
    in one. Raises ConfigurationError for what a person must mend, TransientError for the rest.
    """
    parts = _parsed(dsn, setting)
    defaults: dict[str, str | int | None] = {
        "connect_timeout": 10,
        "application_name": "totes",
        # a peer that vanishes without a word is noticed within a minute, not within two hours
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    }
    if "sslmode" not in parts and "PGSSLMODE" not in os.environ and not _is_local(parts):
        defaults["sslmode"] = "require"
    settings = {**defaults, **parts, "client_encoding": "UTF8"}
    try:
        # no statement is prepared, so that a pooler may stand between
        return psycopg.connect(make_conninfo("", **settings), prepare_threshold=None)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise _unreachable(error, parts, setting) from error


def _parsed(dsn: str, setting: str) -> dict[str, str | int | None]:
    """The parts of a connection string. Raises ConfigurationError, never quoting it."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # not `from` it: libpq's own message quotes the DSN, password and all
        raise ConfigurationError(
            f"{setting} is not a connection string",
            hint=f"{setting}=postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        ) from None
    ports = str(parts.get("port", "")).split(",")
    if "@" in str(parts.get("host", ""))[1:] or not all(p == "" or p.isdigit() for p in ports):
        raise ConfigurationError(
            f"{setting} names a host or a port that is none",
            hint="in a password write @ as %40, / as %2F, : as %3A, # as %23 and % as %25",
        )
    return parts


def _is_local(parts: Mapping[str, object]) -> bool:
    """Whether all hosts are surely this machine. What a service file says is not known here."""
    if "service" in parts or "PGSERVICE" in os.environ:
        return False
    address = parts.get("hostaddr") or os.environ.get("PGHOSTADDR")
    hosts = str(address or parts.get("host") or os.environ.get("PGHOST") or "")
    return all(map(_is_loopback, hosts.split(",")))


def _is_loopback(host: str) -> bool:
    if not host or host == "localhost" or host.startswith(("/", "@")):  # the latter are sockets
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unreachable(error: psycopg.Error, parts: Mapping[str, object], setting: str) -> TotesError:
    where = ":".join(str(parts[part]) for part in ("host", "port") if part in parts)
    reason = one_line(error).rpartition("failed: ")[2]
    message = f"cannot connect to {setting} ({where or 'the default server'}): {reason}"
    if isinstance(error, psycopg.ProgrammingError) or REFUSED.search(reason):
        return ConfigurationError(
            message, hint=f"check host, database, user and password of {setting}"
        )
    return TransientError(message, hint="is the server up, and reachable from here? then run again")


def one_line(error: BaseException) -> str:
    """The first line of an error's message, which for PostgreSQL is the one that tells."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


@contextmanager
def speaking_to(setting: str, about: str = "") -> Iterator[None]:
    """Turn what PostgreSQL raises inside the block into the error tree of Totes.

    `about` is the name of the table that the block is about, for the message.
    """
    try:
        yield
    except psycopg.Error as error:
        message = f"{setting}: {about + ': ' if about else ''}{one_line(error)}"
        if isinstance(error, errors.InsufficientPrivilege):
            hint = f"grant its user what it lacks, or name another user in {setting}"
            raise ConfigurationError(message, hint=hint) from error
        if _may_pass(error):
            hint = HINTS.get(error.sqlstate or "", "nothing half done was kept; run again")
            raise TransientError(message, hint=hint) from error
        raise TotesError(message, hint="--debug shows where") from error


def _may_pass(error: psycopg.Error) -> bool:
    """Whether the same call may succeed later.

    What PostgreSQL calls operational may: a server that stops or is starting, a connection that was
    cut, a lock or a time limit, a deadlock, a full disk, too many connections.
    """
    if error.sqlstate in PASSING:
        return True
    is_too_much = (error.sqlstate or "").startswith("54")  # a row too long, too many columns
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) and not is_too_much


def limiting(connection: psycopg.Connection, limits: Mapping[str, str]) -> str:
    """SQL that sets those of the limits of which nobody has said anything, for one transaction.

    Who may: the server's configuration, the database, the role, the connection string. A limit that
    the server does not know is left out. (For one transaction, as a pooler may stand between.)
    """
    unsaid = """
        select name from pg_settings
        where name = any(%s) and source = 'default'
            -- elsewhere it may be refused
            and (name <> 'client_connection_check_interval' or version() like '%%linux%%')
    """
    found = connection.execute(unsaid, [list(limits)]).fetchall()
    return "".join(f"set local {name} = '{limits[name]}';" for (name,) in sorted(found))


def database_of(connection: psycopg.Connection) -> tuple[str, int]:
    """The identity of a connection's database: its cluster's, and its oid there.

    The cluster is '' where the login may not ask, as with some hosted services.
    """
    may_ask = "select has_function_privilege('pg_control_system()', 'execute')"
    row = connection.execute(may_ask).fetchone()
    cluster = (
        "(select system_identifier::text from pg_control_system())" if row and row[0] else "''"
    )
    query = sql.SQL("select {}, oid::bigint from pg_database where datname = current_database()")
    found = connection.execute(query.format(sql.SQL(cluster))).fetchone()
    if found is None:
        raise AssertionError("the database that we are connected to is in pg_database")
    return str(found[0]), int(found[1])

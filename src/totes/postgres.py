"""PostgreSQL as both ends of the pipeline know it: its errors, time limits and identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql

from totes.errors import ConfigurationError, TotesError, TransientError

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
    set local xmlbinary = 'base64';
    set local xmloption = 'content';
"""
# What passes though psycopg does not count it among the operational errors. By their codes, as not
# every psycopg has a class for each.
PASSING = {
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
    "25006",  # a warehouse that has failed over, and is read only
    "42P01",  # a table that is just being replaced
}
# Refusals that do not pass: the server does not have it, does not support it, or is not configured
# for it. Some hosted services answer so for functions of PostgreSQL.
NOT_DONE = {"42883", "0A000", "55000"}
# These, and what a login may not call or see.
NOT_TOLD = NOT_DONE | {"42501", "42P01", "42703"}
LIMITED = "a time limit of the server or of its user; nothing half done was kept, run again"
SYSTEM = "(select system_identifier::text from pg_control_system())"
ON_LINUX = "client_connection_check_interval"
HINTS = {
    "53100": "make room on the disk of that server, then run again",
    "55P03": "somebody has a table locked, perhaps to alter it; run again when they have done",
    "57014": LIMITED,
    "25P03": LIMITED,
    "25P04": LIMITED,
}


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
        if error.sqlstate in NOT_DONE:
            hint = f"this server does not support it; {setting} must name one that does"
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
    the server does not know is left out. Where it does not tell who has said something, those are
    set that are off. (For one transaction, as a pooler may stand between.)
    """
    names = sql.Literal(list(limits)).as_string(connection)
    # elsewhere it may be refused
    there = f"name = any({names}) and (name <> '{ON_LINUX}' or version() like '%linux%')"
    unsaid = f"array(select name from pg_settings where source = 'default' and {there})"
    off = (
        f"select name from unnest({names}::text[]) as name where current_setting(name, true) = '0'"
    )
    found = asked(connection, names=unsaid)["names"]
    if found is None:
        found = asked(connection, names=f"array({off} and {there})")["names"] or []
    return "".join(f"set local {name} = '{limits[name]}';" for name in sorted(found))


def asked(connection: psycopg.Connection, **expressions: str) -> dict[str, Any]:
    """The values of SQL expressions, by name; None where the server refuses one.

    They are asked for in one query and, if that is refused, one by one.
    """
    query = f"select {', '.join(expressions.values())}"
    try:
        with connection.transaction():
            row = connection.execute(query.encode()).fetchone() or ()
        return dict(zip(expressions, row, strict=True))
    except psycopg.Error as error:
        if error.sqlstate not in NOT_TOLD:
            raise
        if len(expressions) == 1:
            return dict.fromkeys(expressions)
    return {
        name: asked(connection, **{name: expression})[name]
        for name, expression in expressions.items()
    }


def database_of(connection: psycopg.Connection) -> tuple[str, int]:
    """The identity of a connection's database: its cluster's, and its oid there.

    The cluster is '' where the server does not tell it, as with some hosted services.
    """
    system = asked(connection, system=SYSTEM)
    query = "select oid::bigint from pg_database where datname = current_database()"
    ((oid,),) = connection.execute(query).fetchall()
    return system["system"] or "", int(oid)

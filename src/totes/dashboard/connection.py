"""Read-only sessions on the warehouse. A login that may SELECT is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from totes import postgres
from totes.config import Settings
from totes.engines.connection import connect
from totes.errors import ConfigurationError

SETTING = "TOTES_WAREHOUSE"
# They hold where nobody has said anything else, for the role or for the database. To add up a
# hundred million orders takes minutes; nobody waits for longer.
LIMITS = {
    "statement_timeout": "3min",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "1min",
    # room to add up in some hundred thousand groups at once, and nothing compiled that runs once
    "work_mem": "64MB",
    "jit": "off",
}
NO_ROWS = sql.SQL(" limit 0")

Row = dict[str, Any]

_opened: list[str] = []


def use(dsn: str) -> None:
    """Let all pages of this process read this warehouse, whatever the environment says."""
    _opened[:] = [dsn]


def warehouse() -> str:
    """The connection string. Raises ConfigurationError if there is none."""
    return _opened[0] if _opened else Settings.of_environment().dsn("warehouse")


@contextmanager
def session() -> Iterator[psycopg.Connection]:
    """Yield a connection that can read and nothing else, in one snapshot for the whole block.

    Raises ConfigurationError for what a person must mend, TransientError for what may pass.
    """
    with (
        connect(warehouse(), setting=SETTING) as connection,
        postgres.speaking_to(SETTING),
    ):
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(postgres.limiting(connection, LIMITS))
        connection.execute("set local timezone = 'UTC'")
        connection.execute("set default_transaction_read_only = on")  # should there be another
        yield connection


@contextmanager
def of_this_version() -> Iterator[None]:
    """Raise ConfigurationError for what the warehouse would have if it were of this version."""
    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise ConfigurationError(
            "this database is no warehouse of totesys, or one of another version of Totes",
            hint="totes run fills an empty one, totes rebuild --yes makes an older one anew; of "
            "another data model's there is no dashboard",
        ) from error


def query(name: str) -> sql.SQL:
    """A query that ships in `queries/`."""
    text = resources.files("totes.dashboard").joinpath("queries", f"{name}.sql")
    # ours, from a file: nothing that a user says is ever in it but as a parameter
    return sql.SQL(text.read_text(encoding="utf-8"))


def rows(
    connection: psycopg.Connection, name: str, values: dict[str, Any] | Sequence[Any] | None = None
) -> list[Row]:
    """What a query of `queries/` answers."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query(name), values).fetchall()


def count(connection: psycopg.Connection, table: str) -> int:
    """How many rows a table has."""
    counted = sql.SQL("select count(*) from {}").format(sql.Identifier("public", table))
    ((number,),) = connection.execute(counted).fetchall()
    return int(number)

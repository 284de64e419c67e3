"""A session on the operational database: read only, in one snapshot, limited in time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import psycopg
from psycopg import IsolationLevel, sql

from totes.changes import Snapshot
from totes.engines.connection import connect
from totes.errors import TransientError
from totes.extract.server import EXPORTS, SETTING, identify, is_durable, snapshot_of
from totes.postgres import PRINTING, asked, limiting, one_line, speaking_to
from totes.profiling import measured

WRAP = 1 << 32  # transaction ids in a row are the low 32 bits of the real ones

# A policy that would hide rows is an error, and not taken for their deletion. What we ask of the
# catalogue is done before it could be compiled.
SESSION = (
    PRINTING
    + """
    set local lock_timeout = '10s';
    set local row_security = off;
    set local jit = off;
    set local search_path = 'pg_catalog'
"""
)

# How long a session of ours may last, where nobody else has said: no setting of the server, the
# database, the role or the connection string names that limit. A run that is well never meets one
# of them; one that hangs must not keep a snapshot, and with it the dead rows of the whole database,
# for ever. Which of them a server knows, it says itself: transaction_timeout came with 17.
LIMITS = {
    "idle_in_transaction_session_timeout": "1h",  # we fetch and compare files between two queries
    "statement_timeout": "12h",  # a first capture reads a table in one query, however large it is
    "transaction_timeout": "24h",
    # A machine of ours that has vanished. The last one also ends a COPY whose reader has frozen,
    # which none of the timeouts above does: they do not interrupt a server that waits to send.
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
    "tcp_user_timeout": "300s",
    # a process of ours that was killed: its query would go on to its end
    "client_connection_check_interval": "10s",
}
TIMEOUTS = tuple(name for name in LIMITS if name.endswith("_timeout") and "tcp" not in name)


_export_refused = Event()  # in this process, by whichever server


@dataclass(frozen=True)
class Source:
    """An open snapshot of the source: every query through `connection` sees the same instant.

    `replayed` is a place in the log that a standby had come to before it, in bytes; None for a
    primary, or where that is not told.
    """

    connection: psycopg.Connection
    snapshot: Snapshot
    replayed: int | None = None

    def changed_since(self, cursor: Snapshot) -> sql.Composable:
        """A condition that holds for every row version that the snapshot `cursor` did not see.

        It holds for some that it did see, too: those newer than the oldest transaction then open.
        Ages are compared, not ids, so that it stays right when the 32-bit ids wrap around.
        """
        fence = sql.Literal(str(cursor.xmin % WRAP))
        return sql.SQL("age(xmin) between 0 and age({}::xid)").format(fence)

    def export(self) -> str | None:
        """A name by which others can join the snapshot, for as long as it is open; None if the
        server does not give one.

        No savepoint may be open, so that a refusal costs the transaction, once: it is a
        TransientError, and the next try does not ask.
        """
        if _export_refused.is_set() or not asked(self.connection, may=EXPORTS)["may"]:
            return None
        try:
            ((name,),) = self.connection.execute("select pg_export_snapshot()").fetchall()
        except psycopg.Error as error:
            _export_refused.set()
            message = f"{SETTING} exports no snapshot: {one_line(error)}"
            raise TransientError(message, hint="the next try has one session") from error
        return str(name)

    @property
    def durable(self) -> Snapshot:
        """The snapshot, which says whether all that it saw is on the server's disk by now."""
        with speaking_to(SETTING):
            durable = is_durable(self.connection, self.snapshot)
        return self.snapshot.model_copy(update={"durable": durable})

    @property
    def xid(self) -> sql.Composable:
        """The 64-bit id of the transaction that wrote a row.

        age() counts back from one fixed id for as long as a transaction lasts; the age of the
        snapshot's own xmax, whose 64 bits are known, tells which.
        """
        xmax = self.snapshot.xmax
        return sql.SQL("{} + age({}::xid)::bigint - age(xmin)").format(
            sql.Literal(xmax), sql.Literal(str(xmax % WRAP))
        )


@contextmanager
def open_source(dsn: str, within: float = math.inf) -> Iterator[psycopg.Connection]:
    """Connect to the source, read only, for transactions of one snapshot each.

    Whoever must have ended within so many seconds says so: the session's time limits are those
    then, so that it does not go on by itself. (Not those limits that somebody else has set.)
    """
    with _session(dsn) as connection:
        _begin(connection, within)
        yield connection


@contextmanager
def _session(dsn: str) -> Iterator[psycopg.Connection]:
    connection = connect(dsn, setting=SETTING)
    try:
        connection.read_only = True
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with speaking_to(SETTING):
            yield connection
    finally:
        connection.close()


def _begin(connection: psycopg.Connection, within: float, first: str = "") -> None:
    """Begin a transaction that lasts no longer than LIMITS, and prints values as SESSION says.

    It takes no snapshot yet: setting something does not, asking does. `first` is done before all
    else.
    """
    sooner = {} if within == math.inf else dict.fromkeys(TIMEOUTS, f"{within * 1000 + 1:.0f}ms")
    limits = limiting(connection, LIMITS | sooner)
    connection.rollback()
    connection.execute(first + limits + SESSION)


@contextmanager
def join_snapshot(dsn: str, snapshot: Snapshot, within: float, exported: str) -> Iterator[Source]:
    """Open another session at a snapshot that is open, by the name under which it was exported.

    It does not wait for locks for long: a table that the first session has locked may have others
    waiting for it, behind whom this one would wait, and the first for this one.
    """
    with _session(dsn) as connection:
        same = sql.SQL("set transaction snapshot {};").format(sql.Literal(exported))
        _begin(connection, within, same.as_string(connection))
        connection.execute("set local lock_timeout = '500ms'")
        yield Source(connection, snapshot)


@measured("take the snapshot")
def take_snapshot(
    connection: psycopg.Connection, tables: Iterable[tuple[str, str]], within: float = math.inf
) -> Source:
    """Begin a transaction, hold `tables` (schema and name) still, and take its snapshot.

    They are locked first, in the mode of a plain SELECT, which stops no writer: TRUNCATE and those
    ALTERs that rewrite a table take no heed of snapshots, and would let us find it empty.
    """
    with speaking_to(SETTING):
        server = identify(connection)
        _begin(connection, within)
        for schema, table in sorted(tables):
            lock = sql.SQL("lock table {} in access share mode")
            with speaking_to(SETTING, table):
                connection.execute(lock.format(sql.Identifier(schema, table)))
        return Source(connection, snapshot_of(connection, server), server.replayed)

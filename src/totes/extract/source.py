"""A session on the operational database: read only, in one snapshot, no longer than it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import IsolationLevel, sql

from totes.changes import Snapshot
from totes.postgres import connect, speaking_to

SETTING = "TOTES_SOURCE"
WRAP = 1 << 32  # transaction ids in a row are the low 32 bits of the real ones

# How values are printed: independent of how the role or the database is configured.
SESSION = """
    set local timezone = 'UTC';
    set local datestyle = 'ISO, YMD';
    set local intervalstyle = 'iso_8601';
    set local extra_float_digits = 3;
    set local bytea_output = 'hex';
    set local lock_timeout = '10s';
    set local search_path = 'pg_catalog'
"""

# pg_control_…() tell one database cluster from another; where they may not be called, the
# database's oid and the transaction ids still do most of that.
IDENTITY = """
    select
        case when has_function_privilege('pg_control_system()', 'execute')
            then (select system_identifier::text from pg_control_system()) else '' end,
        case when has_function_privilege('pg_control_checkpoint()', 'execute')
            then (select timeline_id from pg_control_checkpoint()) else 0 end,
        (select oid::bigint from pg_database where datname = current_database()),
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
        clock_timestamp() at time zone 'UTC'
"""


@dataclass(frozen=True)
class Source:
    """An open snapshot of the source: every query through `connection` sees the same instant."""

    connection: psycopg.Connection
    snapshot: Snapshot

    def changed_since(self, cursor: Snapshot) -> sql.Composable:
        """A condition that holds for every row version that the snapshot `cursor` did not see.

        It holds for some that it did see, too: those newer than the oldest transaction then open.
        Ages are compared, not ids, so that it stays right when the 32-bit ids wrap around.
        """
        fence = sql.Literal(str(cursor.xmin % WRAP))
        return sql.SQL("age(xmin) between 0 and age({}::xid)").format(fence)

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
def open_source(dsn: str) -> Iterator[Source]:
    """Open the source in a REPEATABLE READ, READ ONLY transaction, which ends with the block."""
    connection = connect(dsn, setting=SETTING)
    try:
        connection.read_only = True
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with speaking_to(SETTING):
            connection.execute(SESSION)
            row = connection.execute(IDENTITY).fetchone()
        if row is None:
            raise AssertionError("a SELECT without FROM has one row")
        fields = ("system", "timeline", "database", "xmin", "xmax", "taken_at")
        snapshot = Snapshot.model_validate(dict(zip(fields, row, strict=True)))
        yield Source(connection, snapshot)
    finally:
        connection.close()

"""What the source's server reports about itself: which database it is, and how far its log is.

Some logins may not call all these functions, and some hosted services do not answer them. Each has
a replacement: LACKS describes what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from totes.changes import Snapshot
from totes.errors import TransientError
from totes.postgres import SYSTEM, asked, database_of

SETTING = "TOTES_SOURCE"

# What every capture needs. The time is taken before the snapshot, so the snapshot has seen all that
# was committed by then.
SNAPSHOT = "select pg_current_snapshot()::text, statement_timestamp() at time zone 'UTC'"

STARTED = "pg_postmaster_start_time() at time zone 'UTC'"
REPLAYED = "(pg_last_wal_replay_lsn() - '0/0')::bigint"
FLUSHED = "(pg_current_wal_flush_lsn() - '0/0')::bigint"
ALWAYS = {
    "is_standby": "pg_is_in_recovery()",
    "started_at": STARTED,
    # a server that recovers from a crash resets its statistics; nothing else shows it
    "reset_at": "(select stats_reset at time zone 'UTC' from pg_stat_bgwriter)",
}
OF_PRIMARY = {
    "lsn": "(pg_current_wal_insert_lsn() - '0/0')::bigint",
    "timeline": "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int",
}
OF_STANDBY = {
    "lsn": REPLAYED,
    "replayed_at": "pg_last_xact_replay_timestamp() at time zone 'UTC'",
}
CHECKPOINT = "(select timeline_id from pg_control_checkpoint())"
UNKNOWN_TIMELINE = -1

# What a server may not report → what that costs, and the functions to grant.
LACKS = {
    "system": ("another server is noticed by the time of its start alone", "pg_control_system()"),
    "started_at": (
        "files of the server that were put back are not noticed",
        "pg_postmaster_start_time()",
    ),
    "timeline": (
        "a failover or a restore is noticed by the time of the server's start alone",
        "pg_control_checkpoint()",
    ),
    "lsn": (
        "a standby is waited for until all transactions that the last capture saw have ended",
        "pg_current_wal_insert_lsn(), pg_last_wal_replay_lsn()",
    ),
    "flushed": (
        "after a crash of the server all tables are read in full",
        "pg_current_wal_flush_lsn()",
    ),
    "exports": ("one session reads a first batch, not three at once", "pg_export_snapshot()"),
}
EXPORTS = "nullif(has_function_privilege('pg_export_snapshot()', 'execute'), false)"


@dataclass(frozen=True)
class Server:
    """A database and its server, before a snapshot is taken. `replayed` is the position in the log
    up to which a standby had replayed; None for a primary, or if the server does not report it."""

    system: str
    database: int
    started_at: datetime | None
    replayed: int | None


def identify(connection: psycopg.Connection) -> Server:
    """Identify a server, in a transaction of its own."""
    system, database = database_of(connection)
    told = asked(connection, started_at=STARTED, replayed=REPLAYED)
    connection.rollback()
    return Server(system, database, **told)


def snapshot_of(connection: psycopg.Connection, server: Server) -> Snapshot:
    """Take the snapshot of a transaction that has none yet.

    Raises TransientError if another server answers than the one that was identified, as behind a
    pooler or a name with several addresses.
    """
    seen, taken_at = connection.execute(SNAPSHOT).fetchone() or ("::", None)
    xmin, xmax, _ = seen.split(":")
    told = asked(connection, **ALWAYS)
    if told["started_at"] != server.started_at:
        raise TransientError(
            f"two servers answer under {SETTING}",
            hint=f"name one of them in {SETTING}, or run again",
        )
    is_standby = told.pop("is_standby")
    if is_standby is None:
        is_standby = connection.info.parameter_status("in_hot_standby") == "on"
    more = asked(connection, **(OF_STANDBY if is_standby else OF_PRIMARY))
    return Snapshot(
        system=server.system,
        database=server.database,
        timeline=0 if is_standby else _timeline(connection, more["timeline"]),
        xmin=int(xmin),
        xmax=int(xmax),
        taken_at=more.get("replayed_at") or taken_at,
        lsn=more["lsn"],
        durable=is_standby,  # a standby replays only what is on disk
        **told,
    )


def _timeline(connection: psycopg.Connection, told: int | None) -> int:
    return told or asked(connection, timeline=CHECKPOINT)["timeline"] or UNKNOWN_TIMELINE


def is_durable(connection: psycopg.Connection, snapshot: Snapshot) -> bool:
    """Whether all that a snapshot saw would survive a crash of the server now.

    Until the log is written up to there, a crash loses the newest commits. Their transaction ids
    are assigned again, and the server's start time stays the same.
    """
    if snapshot.durable or snapshot.lsn is None:
        return snapshot.durable
    flushed = asked(connection, flushed=FLUSHED)["flushed"]
    return flushed is not None and flushed >= snapshot.lsn


def lacking(connection: psycopg.Connection) -> list[str]:
    """What the server does not report to this login, with what that costs and what to grant."""
    is_standby = asked(connection, is_standby=ALWAYS["is_standby"])["is_standby"]
    more = {"lsn": REPLAYED} if is_standby else OF_PRIMARY | {"flushed": FLUSHED}
    told = asked(connection, system=SYSTEM, started_at=STARTED, exports=EXPORTS, **more)
    if not is_standby:
        told["timeline"] = told["timeline"] or asked(connection, timeline=CHECKPOINT)["timeline"]
    return [
        f"without {functions}: {done} (grant execute on function {functions})"
        for name, (done, functions) in LACKS.items()
        if told.get(name, True) is None
    ]

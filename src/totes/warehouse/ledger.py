"""The ledger: which batches the warehouse holds, and up to which moment it is known to be true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from totes.warehouse import own


@dataclass(frozen=True)
class Applied:
    """The last batch that was applied: its number and the SHA-256 of its manifest."""

    batch: int
    manifest: str


@dataclass(frozen=True)
class Freshness:
    """Times are naive UTC. `true_at` is the source time that the warehouse is known to be true of:
    the last whole batch's, or that of a later look at the source which found no change."""

    batch: int
    taken_at: datetime
    true_at: datetime | None
    applied_at: datetime


def last_applied(connection: psycopg.Connection) -> Applied | None:
    """The newest batch in the ledger; None for a warehouse that is empty or not set up."""
    if not own.is_there(connection):
        return None
    query = "select batch, manifest from totes.ledger order by batch desc limit 1"
    row = connection.execute(query).fetchone()
    return Applied(*row) if row else None


def entries(connection: psycopg.Connection) -> list[tuple[int, str]]:
    """Every batch in the ledger, in order, with the SHA-256 of its manifest."""
    query = "select batch, manifest from totes.ledger order by batch"
    return [(batch, manifest) for batch, manifest in connection.execute(query)]


def enter(connection: psycopg.Connection, batch: int, manifest: str, **known: object) -> None:
    """Enter a batch into the ledger, with what is `known` of it by the names of the columns, in the
    transaction that applies it."""
    entry = {"batch": batch, "manifest": manifest, **known}
    insert = sql.SQL("insert into totes.ledger ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, entry)),
        sql.SQL(", ").join(map(sql.Placeholder, entry)),
    )
    connection.execute(insert, entry)


def vouch(connection: psycopg.Connection, batch: int, true_at: datetime) -> None:
    """Note that the warehouse, if it holds `batch`, is true of the source at `true_at`.

    The time never goes backwards.
    """
    newer = """
        update totes.state set true_at = %(at)s
        where (true_at is null or true_at < %(at)s)
            and exists (select from totes.ledger where batch = %(batch)s)
    """
    connection.execute(newer, {"at": true_at, "batch": batch})


def freshness(connection: psycopg.Connection) -> Freshness | None:
    """How fresh the warehouse is; None before the first batch."""
    if not own.is_there(connection):
        return None
    query = """
        select ledger.batch, ledger.taken_at, state.true_at, ledger.applied_at at time zone 'UTC'
        from totes.state as state, totes.ledger as ledger
        order by ledger.batch desc limit 1
    """
    row = connection.execute(query).fetchone()
    return Freshness(*row) if row else None

"""The schema `totes`: what Totes keeps in the warehouse for itself."""

from __future__ import annotations

import psycopg

TABLES = """
    create schema totes;
    create table totes.ledger (
        batch bigint primary key,
        manifest text not null,
        taken_at timestamp not null,
        applied_at timestamptz not null default clock_timestamp(),
        rows bigint not null,
        archived_at timestamp,
        processed_at timestamp not null,
        quarantined bigint not null,
        whole boolean not null
    );
    create table totes.stopped (
        source text not null,
        first_batch bigint not null,
        last_batch bigint not null,
        message text not null,
        hint text,
        primary key (source, first_batch)
    );
    create table totes.quarantine (
        model text primary key,
        rows bigint not null,
        reasons text[] not null
    );
    create table totes.state (
        only_row boolean primary key default true check (only_row),
        model text not null,
        made text[] not null,
        true_at timestamp
    );
"""
# Apart, as other words are no reason to make a warehouse anew.
COMMENTS = """
    comment on schema totes is 'What Totes keeps for itself: which batches were applied, and when.';
    comment on table totes.ledger is 'One row per batch that has been applied, in order.';
    comment on column totes.ledger.manifest is 'SHA-256 of the manifest in the processed lake';
    comment on column totes.ledger.taken_at is 'when the source was as the batch says, UTC';
    comment on column totes.ledger.applied_at is 'when its rows were here';
    comment on column totes.ledger.rows is 'rows that the batch added or changed in all tables';
    comment on column totes.ledger.archived_at is 'when it was in the ingestion lake, UTC';
    comment on column totes.ledger.processed_at is 'when it was in the processed lake, UTC';
    comment on column totes.ledger.quarantined is 'rows in quarantine after the batch';
    comment on column totes.ledger.whole is 'whether no table was stopped when it was taken';
    comment on table totes.stopped is
        'One row per source table and batches in a row in which it was left out.';
    comment on column totes.stopped.first_batch is 'the batch from which on it was left out';
    comment on column totes.stopped.last_batch is 'the last that it was left out of so far';
    comment on column totes.stopped.message is 'what did not fit, in the last of these batches';
    comment on column totes.stopped.hint is 'what to do about it';
    comment on table totes.quarantine is
        'One row per model of which rows are in quarantine after the newest batch.';
    comment on column totes.quarantine.rows is 'how many';
    comment on column totes.quarantine.reasons is 'some reasons, of those that wait longest first';
    comment on table totes.state is 'One row: the data model that the tables were made of, and '
        'the latest source time that the warehouse is known to be true of, UTC.';
"""


def is_there(connection: psycopg.Connection) -> bool:
    """Whether this database is a warehouse of Totes already."""
    # not to_regclass(): it may answer from a cache that the wait for the advisory lock has outdated
    query = """
        select exists (select from pg_tables where schemaname = 'totes' and tablename = 'state')
    """
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def is_whole(connection: psycopg.Connection) -> bool:
    """Whether none of its tables is missing."""
    query = """
        select count(*) = 4 from pg_tables
        where schemaname = 'totes'
            and tablename in ('state', 'ledger', 'stopped', 'quarantine')
    """
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def empty(connection: psycopg.Connection) -> None:
    """Forget all batches; the data model stays known."""
    connection.execute("truncate totes.ledger, totes.stopped, totes.quarantine")
    connection.execute("update totes.state set true_at = null")


def drop(connection: psycopg.Connection) -> None:
    """Drop it all, whichever version of Totes made it."""
    names = "totes.state, totes.ledger, totes.stopped, totes.quarantine"
    connection.execute(f"drop table if exists {names}")
    connection.execute("drop schema totes")

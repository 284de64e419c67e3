"""Load: batches into PostgreSQL, in order, each in one transaction with its row in the ledger.

Facts are appended, one row a version; dimensions are upserted. An advisory lock lets one load work
at a time; whoever waited finds the batch in the ledger and has nothing to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import IsolationLevel, sql

from totes import duck
from totes.changes import Snapshot
from totes.contract import DataModel, StarContract
from totes.copying import copied_in
from totes.datatype import DataType
from totes.engines.connection import connect
from totes.errors import ConfigurationError, DamageError
from totes.postgres import limiting, speaking_to
from totes.profiling import measured
from totes.warehouse import ledger, own, problems, schema
from totes.warehouse.problems import Refused, Stopped
from totes.warehouse.schema import SETTING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOCK = 0x746F746573  # "totes": the number that loads of one database agree on
PATIENCE = "12s"  # for locks that are not another load's; the pipeline tries several times
# A load that hangs, or whose machine has vanished, must not keep the others waiting for its lock.
LIMITS = {
    "idle_in_transaction_session_timeout": "1h",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}
REBUILD_HINT = "totes rebuild --yes makes the warehouse anew from this lake"


@dataclass(frozen=True)
class Batch:
    """A processed batch: `files` are the star's change files, `manifest` its manifest's SHA-256.

    `previous` is the SHA-256 of the manifest before it, `snapshot` the moment of the source that it
    is true of, `whole` whether of all its tables, and `stopped` which were left out. It was in the
    ingestion lake at `archived_at` and in the processed one at `processed_at` (naive UTC), with so
    many rows `quarantined` by then. `files` and `refused`, what is in quarantine by model, are
    called once the batch is wanted; `refused` is None where that is as it was before.
    """

    number: int
    manifest: str
    previous: str | None
    snapshot: Snapshot
    whole: bool
    stopped: Mapping[str, Stopped]
    rows: int
    archived_at: datetime | None
    processed_at: datetime
    quarantined: int
    files: Callable[[], dict[str, list[Path]]]
    refused: Callable[[], Mapping[str, Refused]] | None


@contextmanager
def open_warehouse(dsn: str) -> Iterator[psycopg.Connection]:
    """Connect to the warehouse. Every statement commits by itself but inside a transaction().

    Raises ConfigurationError if its database cannot hold every character.
    """
    connection = connect(dsn, setting=SETTING)
    try:
        _check_encoding(connection)
        connection.autocommit = True
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        with speaking_to(SETTING):
            yield connection
    finally:
        connection.close()


def _check_encoding(connection: psycopg.Connection) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in {"UTF8", None}:  # a pooler may keep it to itself
        raise ConfigurationError(
            f"the encoding of the database of {SETTING} is {encoding}, and should be UTF8",
            hint="create database NAME encoding 'UTF8' template template0, and name that one",
        )


def apply(
    connection: psycopg.Connection,
    model: DataModel,
    engine: DuckDBPyConnection,
    batch: Batch,
    done: Callable[[str], None],
) -> bool:
    """Apply one batch, and set the warehouse up before the first; False if it is applied already.

    All or nothing. `done` is told of each table once the batch's rows are in it. Raises DamageError
    if the batch does not follow the last one applied, and ConfigurationError if the warehouse was
    made of another data model.
    """
    with _alone(connection):
        is_new = not own.is_there(connection)
        if is_new:
            schema.refuse_source(connection, batch.snapshot)
            schema.set_up(connection, model)
        else:
            schema.follow(connection, model)
        last = ledger.last_applied(connection)
        if last and last.batch >= batch.number:
            return False
        if (last.manifest if last else None) != batch.previous:
            raise DamageError(
                f"batch {batch.number} of the processed lake does not follow what the warehouse "
                f"holds, batch {last.batch if last else 0}",
                hint=f"is {SETTING} the warehouse of this lake? {REBUILD_HINT}",
            )
        _apply(connection, model, engine, batch, done)
        if is_new:
            schema.complete(connection, model)
            schema.refer(connection, model)
        return True


def rebuild(
    connection: psycopg.Connection,
    model: DataModel,
    engine: DuckDBPyConnection,
    batches: Iterable[Batch],
    done: Callable[[str], None],
) -> None:
    """Make the warehouse anew from `batches`, in one transaction; `done` is as for apply().

    Readers wait for it, and see the old one if it fails. Grants on the tables stay, unless these
    have changed, or something is missing, and all must be dropped and made. (A reader whose
    REPEATABLE READ snapshot is older finds the tables empty: TRUNCATE is like that.)
    """
    with _alone(connection):
        if schema.is_sound(connection, model):
            schema.empty(connection, model)
            schema.follow(connection, model)
        else:
            schema.tear_down(connection)
        for batch in batches:
            is_new = not own.is_there(connection)
            if is_new:
                schema.refuse_source(connection, batch.snapshot)
                schema.set_up(connection, model)
            _apply(connection, model, engine, batch, done)
            if is_new:
                schema.complete(connection, model)
        if own.is_there(connection):
            schema.refer(connection, model)


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    with measured("lock, ledger, commit"), connection.transaction():
        connection.execute(limiting(connection, LIMITS) or "select")
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        # for another load we wait as long as it takes, for somebody's ALTER TABLE we do not
        wait = sql.SQL("set local lock_timeout = {}").format(sql.Literal(PATIENCE))
        connection.execute(wait)
        yield


def _apply(
    connection: psycopg.Connection,
    model: DataModel,
    engine: DuckDBPyConnection,
    batch: Batch,
    done: Callable[[str], None],
) -> None:
    files = batch.files()
    for star in model.load_order:
        if paths := files.get(star.name):
            rows = f"select {_exported(star)} from {duck.parquet(paths)}"
            put = _append if star.is_fact else _upsert
            with speaking_to(SETTING, star.name):
                put(connection, engine, star, rows)
        done(star.name)
    taken_at = batch.snapshot.taken_at
    ledger.enter(
        connection,
        batch.number,
        batch.manifest,
        taken_at=taken_at,
        rows=batch.rows,
        archived_at=batch.archived_at,
        processed_at=batch.processed_at,
        quarantined=batch.quarantined,
        whole=batch.whole,
    )
    problems.note_stopped(connection, batch.number, batch.stopped)
    if batch.refused:
        problems.note_refused(connection, batch.refused())
    if batch.whole:
        ledger.vouch(connection, batch.number, taken_at)


def _append(
    connection: psycopg.Connection, engine: DuckDBPyConnection, star: StarContract, rows: str
) -> None:
    _copy(connection, engine, schema.relation(star), star, rows)


@measured("upsert")
def _upsert(
    connection: psycopg.Connection, engine: DuckDBPyConnection, star: StarContract, rows: str
) -> None:
    table = schema.relation(star)
    first = connection.execute(sql.SQL("select 1 from {} limit 1").format(table)).fetchone()
    if first is None:
        _copy(connection, engine, table, star, rows)
        return
    # one for all batches of a transaction: each would hold its locks until the end
    staged = sql.Identifier(f"totes_{hashlib.sha256(star.name.encode()).hexdigest()[:16]}")
    names = [sql.Identifier(column) for column in star.columns]
    create = "create temp table if not exists {} (like {}) on commit drop"
    connection.execute(sql.SQL(create).format(staged, table))
    connection.execute(sql.SQL("truncate {}").format(staged))
    _copy(connection, engine, staged, star, rows)
    update = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(name) for name in names)
    columns = sql.SQL(", ").join(names)
    key = sql.SQL(", ").join(map(sql.Identifier, star.key))
    connection.execute(
        sql.SQL("insert into {} ({}) select {} from {} on conflict ({}) do update set {}").format(
            table, columns, columns, staged, key, update
        )
    )


@measured("COPY in")
def _copy(
    connection: psycopg.Connection,
    engine: DuckDBPyConnection,
    table: sql.Composable,
    star: StarContract,
    rows: str,
) -> None:
    columns = schema.columns_of(star)
    # a line that is just `\.` would end the rows for a PostgreSQL before 18
    quoted = ", force_quote *" if len(columns) == 1 else ""
    with copied_in(connection, table, columns) as path:
        engine.execute(
            f"copy ({rows}) to {duck.text(path)} "
            f"(format csv, header false, use_tmp_file false{quoted})"
        )


def _exported(star: StarContract) -> str:
    """SQL for the table's columns as PostgreSQL is to read them."""
    columns = {name: duck.name(name) for name in schema.columns_of(star)}
    for name, column in star.columns.items():
        if column.type == DataType("numeric"):
            columns[name] = _without_padding(duck.name(name))
    return ", ".join(columns.values())


def _without_padding(number: str) -> str:
    """SQL for a decimal without the zeros that its type pads it with, but for the first two."""
    return f"regexp_replace(cast({number} as varchar), '(\\.\\d\\d\\d*?)0+$', '\\1')"

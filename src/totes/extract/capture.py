"""Capture: what is new in the source's tables since a cursor, and what is gone from them.

The cursor is a snapshot, and not a `last_updated`, by which every row that was committed late would
be lost. Where nothing has been written since, that is known by counting alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from psycopg import sql

from totes import duck
from totes.errors import ConfirmationError, ContractError, TotesError, TransientError
from totes.extract.catalog import FoundTable
from totes.extract.cursor import Known, check_not_behind, why_full
from totes.extract.readers import Join, Reader, share
from totes.extract.rows import Rows, relation
from totes.extract.server import SETTING
from totes.extract.source import Source
from totes.extract.table import Captured, Table, Wishes
from totes.postgres import speaking_to
from totes.profiling import measured

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_T = TypeVar("_T")
Done = Callable[[str, Captured | TotesError], None]
MUCH = 1_000_000  # rows; tables that have fewer are read sooner than other sessions are opened


def capture(
    source: Source,
    tables: dict[str, FoundTable],
    known: dict[str, Known],
    work: duck.Workspace,
    done: Done,
    wishes: Wishes,
    join: Join,
) -> None:
    """Capture `tables` at the source's snapshot, each into a change file in the folder of `work`.

    Calls `done` for each as soon as it is known, from one thread at a time, with what was captured
    or, where a table's values do not fit its contract or a person has to confirm them, with the
    error that stops that table alone. Where there is much to read, up to READERS sessions do it,
    which `join` opens. Raises TransientError, having captured nothing, if a standby lags behind
    the lake.
    """
    cursors = [known[name].cursor for name in tables.keys() & known.keys() - wishes.again.keys()]
    check_not_behind(cursors, source)
    full = {
        name: why_full(t, known.get(name), source.snapshot) or wishes.again.get(name)
        for name, t in tables.items()
    }
    probed = [t for name, t in tables.items() if not (full[name] or t.always)]
    counts = _probe(source, probed, known)
    unchanged = [name for name, found in counts.items() if found == (known[name].rows, 0)]
    for name in unchanged:
        done(name, Captured(known[name].rows))
    jobs = [
        _Job(
            tables[name],
            known.get(name),
            work.folder / "captured" / f"{name}.parquet",
            full[name],
            counts[name][0] if name in counts else None,
        )
        for name in tables
        if name not in unchanged
    ]
    if jobs:
        is_much = sum(job.most for job in jobs) > MUCH
        read = partial(_read, wishes=wishes, done=done, one_by_one=Lock())
        reader = Reader(source, work.engine, last=work.is_for_long_rows)
        share(jobs, read, reader, join if is_much else None)


@dataclass(frozen=True)
class _Job:
    """A table that is to be read into the file `target`: what is new in its `total` rows; or all of
    them, where these were not counted. `full` says why, if it is not for what the table is."""

    table: FoundTable
    known: Known | None
    target: Path
    full: str | None
    total: int | None

    @property
    def most(self) -> float:
        """How many rows may have to be read, as far as that is known."""
        known = self.known.rows if self.known else math.inf
        return known if self.total is None else self.total


def _read(job: _Job, reader: Reader, *, wishes: Wishes, done: Done, one_by_one: Lock) -> bool:
    """Read a table; False if that failed for want of what others have: memory, or a lock."""
    table = Table(Rows(reader, job.table), job.known, job.target, wishes)
    outcome: Captured | TotesError
    try:
        with reader.source.connection.transaction():  # what fails, fails for one table
            outcome = table.whole(job.full) if job.total is None else table.since(job.total)
    except (ContractError, ConfirmationError) as error:
        outcome = error
    except Exception as error:
        if reader.alone or not _may_be_the_others(error):
            raise
        return False
    finally:
        table.forget()
    with one_by_one:
        done(table.name, outcome)
    return True


def _may_be_the_others(error: Exception) -> bool:
    """Whether what failed may succeed once the other readers have gone."""
    return isinstance(error, TransientError) or duck.is_short_of_memory(error)


def read_whole(
    source: Source, table: FoundTable, engine: DuckDBPyConnection, use: Callable[[str], _T]
) -> _T:
    """Call `use` with SQL for all rows of a table at the snapshot, typed as the lake has them.

    They can be read once. Raises ContractError where a value does not fit the contract.
    """
    with source.connection.transaction():  # a savepoint: what fails, fails for one table
        return Rows(Reader(source, engine), table).fetch(use)


@measured("count what has changed")
def _probe(
    source: Source, tables: list[FoundTable], known: dict[str, Known]
) -> dict[str, tuple[int, int]]:
    """Table → (rows, rows that may have changed), in one round trip and one scan of each table."""
    if not tables:
        return {}
    queries = [
        sql.SQL("select {}, count(*), count(*) filter (where {}) from {}").format(
            sql.Literal(table.contract.name),
            source.changed_since(known[table.contract.name].cursor),
            relation(table.contract),
        )
        for table in tables
    ]
    with speaking_to(SETTING):
        rows = source.connection.execute(sql.SQL(" union all ").join(queries)).fetchall()
    return {name: (total, changed) for name, total, changed in rows}

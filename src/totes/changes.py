"""What the stages hand to one another: change files, and the moment they are true of.

A change file is Parquet with at most one row per key: the row's columns, and in the column `change`
(`_change` in the ingestion lake, where a source column may have the plain name) what became of it:
`insert`, `update` or `delete`, where a deletion repeats the row's last values. Files laid one over
another, oldest first, give the current rows: the newest file that knows a key says what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from totes import duck

# What the ingestion lake adds to a table's own columns: the 64-bit id of the transaction that wrote
# the row; those of its values, as JSON, which the lake's types cannot hold and which are NULL in
# their columns; and what became of the row.
XID, RAW, CHANGE = "_xid", "_raw", "_change"
INGESTED = {XID: "BIGINT", RAW: "VARCHAR", CHANGE: "VARCHAR"}


class Snapshot(BaseModel):
    """One instant of one source database; what it saw is what had been committed by then.

    `xmin` and `xmax` are the 64-bit bounds of pg_current_snapshot(); every transaction before
    `xmin` is seen, none from `xmax` on. `taken_at` is the source's clock, naive UTC. The `timeline`
    of a standby is not known, and 0; -1 means that a primary does not report it. `started_at` is
    when the server was started, and `reset_at` when it last reset its statistics, as after a crash,
    in naive UTC, too. `lsn` is a position in its log, in bytes: all that the snapshot saw was
    written or, by a standby, replayed up to there. `durable` means that the log was on disk up to
    there. None means that the server did not report it, or that Totes did not record it yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    timeline: int
    database: int
    xmin: int
    xmax: int
    taken_at: datetime
    started_at: datetime | None = None
    reset_at: datetime | None = None
    lsn: int | None = None
    durable: bool = False

    @property
    def of_standby(self) -> bool:
        """Whether it was taken of a server that replays what another one writes."""
        return self.timeline == 0


@dataclass(frozen=True)
class Layer:
    """A change file on local disk that sums up the batches up to `last`."""

    path: Path
    last: int


@dataclass(frozen=True)
class Changes:
    """A new change file, not yet in any lake, and what is in it."""

    path: Path
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def rows(self) -> int:
        return self.inserted + self.updated + self.deleted


def newest(layers: Iterable[Layer], key: Sequence[str], columns: Mapping[str, str]) -> str:
    """SQL for the newest row of each key, deleted or not, with just `columns`: name → type.

    A column that a file does not have, because it is older than the column, is NULL in its rows.
    The oldest layer is by far the largest: it is scanned once against the keys of all the newer
    ones, so that memory grows with these and not with the table.
    """
    by_age = sorted(layers, key=lambda layer: layer.last)
    ages = [[layer.path for layer in group] for _, group in groupby(by_age, lambda one: one.last)]
    selected, empty = duck.names(columns), duck.no_rows(columns)
    if not ages:
        return empty
    oldest, newer = ages[0], [path for age in ages[1:] for path in age]
    rows = (
        f"select {selected} from ({empty} union all by name select * from {duck.parquet(oldest)})"
    )
    if not newer:
        return rows
    # all of them in one scan, as a scan of each would take the engine longer to plan than to do
    aged = (
        f"select *, list_position([{', '.join(map(duck.text, newer))}], totes_file) as totes_age "
        f"from {duck.parquet(newer, file='totes_file')}"
    )
    return (
        f"with totes_new as materialized (select * from ({empty} union all by name {aged}) "
        f"qualify row_number() over (partition by {duck.names(key)} order by totes_age desc) = 1) "
        f"select {selected} from totes_new union all "
        f"select {selected} from ({rows}) as totes_old where not exists "
        f"(select 1 from totes_new where {duck.matched(key, key, 'totes_old', 'totes_new')})"
    )


def current(
    layers: Iterable[Layer],
    key: Sequence[str],
    columns: Mapping[str, str],
    change: str = "change",
) -> str:
    """SQL for the rows that are there now: the newest of each key, without the deleted.

    `columns` must have those of the key.
    """
    everything = newest(layers, key, {**columns, change: "VARCHAR"})
    return f"select {duck.names(columns)} from ({everything}) where {duck.name(change)} <> 'delete'"

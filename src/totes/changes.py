"""What the stages hand to one another: change files, and the moment they are true of.

A change file is Parquet with at most one row per key: the row's columns, and in the column `change`
(`_change` in the ingestion lake, where a source column may have the plain name) what became of it:
`insert`, `update` or `delete`, where a deletion repeats the row's last values. Files laid one over
another, oldest first, give the current rows: the newest file that knows a key says what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from totes import duck

Change = Literal["insert", "update", "delete"]


class Snapshot(BaseModel):
    """One instant of one source database; what it saw is what had been committed by then.

    `xmin` and `xmax` are the 64-bit bounds of pg_current_snapshot(); every transaction before
    `xmin` is seen, none from `xmax` on. `taken_at` is the source's clock, naive UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    timeline: int
    database: int
    xmin: int
    xmax: int
    taken_at: datetime


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


def newest(layers: Iterable[Layer], key: Sequence[str], columns: Sequence[str]) -> str:
    """SQL for the newest row of each key, deleted or not, with just `columns`.

    The oldest layer is by far the largest: it is scanned once against the keys of all the newer
    ones, so that memory grows with these and not with the table.
    """
    by_age = sorted(layers, key=lambda layer: layer.last)
    ages = [list(group) for _, group in groupby(by_age, key=lambda layer: layer.last)]
    selected = duck.names(columns)
    base = f"select {selected} from {duck.parquet(layer.path for layer in ages[0])}"
    if len(ages) == 1:
        return base
    keys = duck.names(key)
    needed = duck.names(dict.fromkeys([*key, *columns]))
    newer = " union all ".join(
        f"select {needed}, {age} as totes_age from {duck.parquet(x.path for x in group)}"
        for age, group in enumerate(ages[1:])
    )
    joined = " and ".join(f"old.{duck.name(part)} = new.{duck.name(part)}" for part in key)
    return (
        f"with new as materialized (select * from ({newer}) "
        f"qualify row_number() over (partition by {keys} order by totes_age desc) = 1) "
        f"select {selected} from new union all "
        f"select {selected} from {duck.parquet(x.path for x in ages[0])} as old "
        f"where not exists (select 1 from new where {joined})"
    )


def current(
    layers: Iterable[Layer], key: Sequence[str], columns: Sequence[str], change: str = "change"
) -> str:
    """SQL for the rows that are there now: the newest of each key, without the deleted."""
    everything = newest(layers, key, [*columns, change])
    marked = duck.name(change)
    return f"select {duck.names(columns)} from ({everything}) where {marked} <> 'delete'"

"""Checkpoints: several change files in one, so that current rows are read from a few files.

A table's state is a list of files, oldest first. When the list grows past LIMIT, its newest part is
folded into one file: as much of it as is not outweighed by what it is laid over. Each row is so
rewritten a number of times that grows with the logarithm of the table, not with the batches (the
size-tiered merge of log-structured stores; O'Neil et al., "The log-structured merge-tree", 1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from totes import duck
from totes.changes import Layer, newest
from totes.lake.manifest import File

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LIMIT = 8  # files from which a table's current rows are read, at most


def due(state: Sequence[File]) -> int | None:
    """From which file on a state should be folded into one; None if it is short enough."""
    if len(state) <= LIMIT:
        return None
    newer = 0
    start = len(state) - 1
    for place in range(len(state) - 1, -1, -1):
        if state[place].rows <= newer:
            start = place
        newer += state[place].rows
    return min(start, len(state) - 2)


def fold(
    engine: DuckDBPyConnection,
    layers: Sequence[Layer],
    key: Sequence[str],
    columns: Sequence[str],
    *,
    whole: bool,
    path: Path,
) -> int:
    """Write the newest row of each key to `path` and return how many there are.

    `whole` says that nothing lies below these layers, so that deleted rows can be left out; the
    last of `columns` tells which are. Rows are in key order: the same layers give the same file.
    """
    rows = newest(layers, key, columns)
    kept = f"where {duck.name(columns[-1])} <> 'delete'" if whole else ""
    query = f"select * from ({rows}) {kept} order by {duck.names(key)}"
    return duck.write_parquet(engine, query, path)

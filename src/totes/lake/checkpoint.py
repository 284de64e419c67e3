"""Checkpoints: several change files in one, so that current rows are read from a few files.

A table's state is a list of files, oldest first. When the list grows past LIMIT, its newest part is
folded into one file: all that is laid over a file which it outweighs, and that file. So each row is
rewritten a number of times that grows with the logarithm of the rows, not with the batches. What is
not folded is a list in which each file outweighs all the newer ones together, so that it is no
longer than the logarithm of the rows (the size-tiered merge of log-structured stores; O'Neil et
al., "The log-structured merge-tree", 1996).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from totes import duck
from totes.changes import Layer, newest
from totes.lake.manifest import File

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LIMIT = 8  # files from which a table's current rows are read before any are folded


def due(state: Sequence[File]) -> int | None:
    """From which file on a state should be folded into one; None if it is good as it is."""
    if len(state) <= LIMIT:
        return None
    start, newer = None, 0
    for place in range(len(state) - 1, -1, -1):
        if state[place].rows <= newer:
            start = place
        newer += state[place].rows
    return start


def fold(
    engine: DuckDBPyConnection,
    layers: Sequence[Layer],
    key: Sequence[str],
    columns: Mapping[str, str],
    *,
    whole: bool,
    path: Path,
) -> int:
    """Write the newest row of each key to `path` and return how many there are.

    `whole` says that nothing lies below these layers, so that deleted rows can be left out; the
    last of `columns` tells which are. Rows are in key order: the same layers give the same file.
    """
    rows = newest(layers, key, columns)
    kept = f"where {duck.name(list(columns)[-1])} <> 'delete'" if whole else ""
    query = f"select * from ({rows}) {kept} order by {duck.names(key)}"
    return duck.write_parquet(engine, query, path)

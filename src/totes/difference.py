"""Whether two sets of rows are equal, whatever their order; and where not, which rows differ.

Each side is summed up as a count and a checksum, so that equal sides are read as streams and
nothing of them is kept. Only where the sums differ are the rows laid against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from totes import duck

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 5  # of the keys that differ; all are counted


@dataclass(frozen=True)
class Sum:
    """Rows, counted and summed up: equal for equal rows, in whatever order they come.

    The checksum is the sum of the rows' 64-bit hashes: not an xor, in which a row that is there
    twice would vanish, and not cut, so that the sums of parts add up to that of the whole.
    """

    rows: int = 0
    checksum: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.rows + other.rows, self.checksum + other.checksum)


@dataclass(frozen=True)
class Difference:
    """A key at which the sides differ: there on one side only, or with other values in `columns`.

    On both sides and in no column: the row is there more often on the one than on the other.
    """

    key: dict[str, str | None]
    on_left: bool
    on_right: bool
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Differences:
    """How many keys differ, and the first of them in key order."""

    total: int = 0
    shown: tuple[Difference, ...] = ()


def summed(engine: DuckDBPyConnection, rows: str, columns: Sequence[str]) -> Sum:
    """Sum up `columns` of the rows of a query, which are read once and not kept.

    Both sides must give the columns in the same order and with the same types.
    """
    # Hashed twice: columns are combined by xor, of which sums can stay the same when two rows swap
    # a value. The outer hash mixes what has been combined.
    query = f"select count(*), sum(hash(hash({duck.names(columns)}))) from ({rows})"
    count, checksum = engine.execute(query).fetchall()[0]
    return Sum(int(count), int(checksum or 0))


def differing(
    engine: DuckDBPyConnection, left: str, right: str, key: Sequence[str], columns: Sequence[str]
) -> Differences:
    """Find the keys at which two queries differ; each query is read once.

    Equal rows cancel out, as often as they are there, so that a key which is there twice is no
    trouble. What is kept meanwhile spills to disk beyond the engine's memory.
    """
    listed = duck.names(columns)
    engine.execute(
        f"create or replace temp table totes_differing as "
        f"select {listed}, bool_or(totes_side = 1) as totes_left, "
        f"bool_or(totes_side = -1) as totes_right "
        f"from (select {listed}, 1 as totes_side from ({left}) "
        f"union all select {listed}, -1 from ({right})) "
        f"group by {listed} having sum(totes_side) <> 0"
    )
    keys = duck.names(key)
    total = duck.count(engine, f"select distinct {keys} from totes_differing")
    other = ", ".join(f"min(hash({c})) <> max(hash({c}))" for c in map(duck.name, columns))
    shown = engine.execute(
        f"select [{', '.join(f'cast({duck.name(k)} as varchar)' for k in key)}], "
        f"bool_or(totes_left), bool_or(totes_right), [{other}] "
        f"from totes_differing group by {keys} order by {keys} limit {SHOWN}"
    ).fetchall()
    engine.execute("drop table totes_differing")
    return Differences(total, tuple(_difference(key, columns, *row) for row in shown))


def _difference(
    key: Sequence[str],
    columns: Sequence[str],
    values: list[str | None],
    on_left: bool,
    on_right: bool,
    other: list[bool],
) -> Difference:
    changed = [column for column, is_other in zip(columns, other, strict=True) if is_other]
    on_both = on_left and on_right
    return Difference(
        dict(zip(key, values, strict=True)), on_left, on_right, tuple(changed) if on_both else ()
    )

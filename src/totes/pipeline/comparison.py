"""A comparison: one table on two sides, what either holds, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from totes.difference import Differences, Sum, differing, summed
from totes.errors import TotesError, TransientError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SOURCE_LAKE = "source = lake"
LAKE_STAR = "lake = star"
STAR_WAREHOUSE = "star = warehouse"

_T = TypeVar("_T")


class Side(Protocol):
    """One side of a comparison: hands SQL for its rows to a function, which may read them once."""

    def __call__(self, use: Callable[[str], _T], /) -> _T: ...


@dataclass(frozen=True)
class Comparison:
    """One table, summed up on both sides; None where a side could not be read.

    `explained` tells what was left out, or laid over a side, or why one could not be read.
    """

    what: str
    table: str
    left: Sum | None = None
    right: Sum | None = None
    explained: str = ""
    differences: Differences = field(default_factory=Differences)

    @property
    def verdict(self) -> Literal["equal", "differs", "unknown"]:
        if self.left is None or self.right is None:
            return "unknown"
        return "equal" if self.left == self.right else "differs"

    @property
    def equal(self) -> bool:
        """Whether the sides are known to be equal."""
        return self.verdict == "equal"


def rows_of(query: str) -> Side:
    """The side that a query of the engine's gives."""

    def side(use: Callable[[str], _T], /) -> _T:
        return use(query)

    return side


def compare(
    what: str,
    table: str,
    engine: DuckDBPyConnection,
    key: Sequence[str],
    columns: Sequence[str],
    left: Side,
    right: Side,
    *,
    left_sum: Sum | None = None,
    explained: str = "",
) -> Comparison:
    """Compare `columns` of two sides; each is read once if they are equal, and once more if not.

    `left_sum` saves reading the left one where its sum is known. A side that cannot be read leaves
    the comparison unknown, with the reason; only what a later run may do better is raised.
    """
    try:
        right_sum = right(lambda rows: summed(engine, rows, columns))
        left_sum = left_sum or left(lambda rows: summed(engine, rows, columns))
        found = Comparison(what, table, left_sum, right_sum, explained)
        if found.equal:
            return found
        differences = left(
            lambda ours: right(lambda theirs: differing(engine, ours, theirs, key, columns))
        )
        return replace(found, differences=differences)
    except TransientError:
        raise
    except TotesError as error:
        return Comparison(what, table, explained=str(error))

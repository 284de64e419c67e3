"""Sums of rows: equal for equal rows only; and the keys that differ, where they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from totes import duck
from totes.difference import SHOWN, Difference, Sum, differing, summed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROWS = "select * from (values (1, 'a', 'b'), (2, '', 'x'), (3, null, 'y')) as t (k, a, b)"
COLUMNS = ("k", "a", "b")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBPyConnection]:
    """An engine as the stages have it."""
    with duck.engine(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    "other",
    [
        "select k, b as a, a as b from ({})",
        "select k, nullif(a, '') as a, b from ({})",
        "select k, coalesce(a, '') as a, b from ({})",
        "select k, case k when 1 then '' when 2 then 'a' end as a, b from ({})",
        "select * from ({0}) union all select * from ({0}) where k = 1",
        "select * from ({0}) union all select * from ({0})",
        "select * from ({}) where k > 1 union all select 1, 'a', 'b ' ",
        "select * from ({}) where k > 1",
        "select k, concat(a, 'b') as a, ltrim(b, 'b') as b from ({})",
    ],
)
def test_other_rows_have_another_sum(engine: DuckDBPyConnection, other: str) -> None:
    """Values swapped between columns or rows, NULL for '', rows twice: each has another sum."""
    there = summed(engine, ROWS, COLUMNS)
    forged = summed(engine, other.format(ROWS), COLUMNS)
    assert there.rows == 3
    assert there.checksum != forged.checksum
    assert differing(engine, ROWS, other.format(ROWS), ["k"], COLUMNS).total > 0


def test_order_is_no_matter(engine: DuckDBPyConnection) -> None:
    """The same rows in another order have the same sum, also when summed up in parts."""
    turned = f"select * from ({ROWS}) order by k desc"
    parts = [f"select * from ({ROWS}) where k {which}" for which in ("= 2", "<> 2", "> 9")]
    there = summed(engine, ROWS, COLUMNS)
    assert summed(engine, turned, COLUMNS) == there
    assert sum((summed(engine, part, COLUMNS) for part in parts), Sum()) == there
    assert differing(engine, ROWS, turned, ["k"], COLUMNS).total == 0


def test_rows_that_come_in_twos_do_not_cancel_out(engine: DuckDBPyConnection) -> None:
    """Two rows of one kind for two of another is a difference, as no sum by xor would see."""
    ones, twos = (f"select {n} as k union all select {n}" for n in (1, 2))
    assert summed(engine, ones, ["k"]) != summed(engine, twos, ["k"])


def test_a_swap_between_rows_does_not_cancel_out(engine: DuckDBPyConnection) -> None:
    """Rows whose plain hashes add up to the same when they swap a value are told apart."""
    lever = "hash(k, 'paid')::hugeint - hash(k, 'open')::hugeint"
    found = engine.execute(
        f"select min(k), max(k) from range(1000000) as t (k) group by {lever} having count(*) > 1"
    ).fetchall()
    assert found, "no such pair among a million keys"
    for one, other in found:
        rows = "select {}::bigint as k, 'paid' as v union all select {}, 'open'"
        there, swapped = rows.format(one, other), rows.format(other, one)
        plain = "select sum(hash(k, v)) from ({})"
        sums = [engine.execute(plain.format(each)).fetchall() for each in (there, swapped)]
        assert sums[0] == sums[1]
        assert summed(engine, there, ["k", "v"]) != summed(engine, swapped, ["k", "v"])


def test_differences_are_named(engine: DuckDBPyConnection) -> None:
    """A key on one side only is told from one whose values differ, and these are named."""
    right = (
        "select * from (values (1, 'a', 'c'), (2, null, ''), (4, null, 'y'), (4, null, 'y')) "
        "as t (k, a, b)"
    )
    found = differing(engine, ROWS, right, ["k"], COLUMNS)
    assert found.total == 4
    assert found.shown == (
        Difference({"k": "1"}, on_left=True, on_right=True, columns=("b",)),
        Difference({"k": "2"}, on_left=True, on_right=True, columns=("a", "b")),
        Difference({"k": "3"}, on_left=True, on_right=False),
        Difference({"k": "4"}, on_left=False, on_right=True),
    )


def test_a_row_that_is_there_more_often_is_on_both_sides(engine: DuckDBPyConnection) -> None:
    """A row twice on one side and once on the other is not said to be missing anywhere."""
    twice = f"{ROWS} union all select 1, 'a', 'b'"
    found = differing(engine, twice, ROWS, ["k"], COLUMNS)
    assert found.shown == (Difference({"k": "1"}, on_left=True, on_right=True),)


def test_all_differences_are_counted(engine: DuckDBPyConnection) -> None:
    """Of many keys that differ the first are shown, in order, and all are counted."""
    left = "select k, k % 7 as v from range(1000) as t (k)"
    right = "select k, k % 7 + 1 as v from range(1000) as t (k)"
    found = differing(engine, left, right, ["k"], ["k", "v"])
    assert found.total == 1000
    assert [each.key["k"] for each in found.shown] == [str(k) for k in range(SHOWN)]


def test_a_large_table_fits_the_engine_s_memory(tmp_path: Path) -> None:
    """Rows beyond the memory limit are laid against each other on disk."""
    rows = "select k, repeat(md5(k::varchar), 20){} as v from range(80000) as t (k)"
    with duck.engine(tmp_path, 40_000_000) as engine:
        found = differing(engine, rows.format(""), rows.format(" || if(k = 7, '!', '')"), "k", "kv")
    assert found.total == 1

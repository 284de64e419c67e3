"""Checkpoints keep states short, rewrite little, and change nothing about the current rows."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from totes import duck
from totes.changes import Layer, current, newest
from totes.lake.checkpoint import LIMIT, due, fold
from totes.lake.manifest import File

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS = {"id": "INTEGER", "v": "INTEGER", "change": "VARCHAR"}
DICE = random.Random(1)
_numbers = itertools.count()

Part = dict[int, tuple[int, str]]  # key → value and change

parts = st.dictionaries(
    st.integers(0, 4),
    st.tuples(st.integers(0, 9), st.sampled_from(["insert", "update", "delete"])),
    max_size=4,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    with duck.engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layers")


def file(rows: int) -> File:
    return File(key="", rows=rows, bytes=0, sha256="", first=1, last=1)


def layer(engine: DuckDBPyConnection, folder: Path, part: Part, last: int) -> Layer:
    lines = [f"({key}, {value}, '{change}')" for key, (value, change) in part.items()]
    path = folder / f"{next(_numbers)}.parquet"
    values = f"(values {', '.join(lines or ['(0, 0, null)'])}) as made(id, v, change)"
    duck.write_parquet(engine, f"select * from {values} where {bool(lines)}", path)
    return Layer(path, last)


def fetched(engine: DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return sorted(engine.execute(query).fetchall())


def simulated(sizes: Sequence[int]) -> tuple[int, int]:
    """The longest state, and how many rows were rewritten, if each file has that many rows.

    No row replaces another here, which is the most that there can be to rewrite.
    """
    state: list[File] = []
    longest = rewritten = 0
    for size in sizes:
        state.append(file(size))
        since = due(state)
        if since is not None:
            rows = sum(part.rows for part in state[since:])
            rewritten += rows
            state[since:] = [file(rows)]
        longest = max(longest, len(state))
    return longest, rewritten


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([1] * 20_000, id="ones"),
        pytest.param([1_000_000] + [1] * 20_000, id="a table, then ones"),
        pytest.param([5_000_000] + [DICE.randint(1, 50) for _ in range(10_000)], id="a day of 5 M"),
        pytest.param([DICE.randint(1, 1000) for _ in range(10_000)], id="random"),
        pytest.param([int(DICE.paretovariate(1)) for _ in range(10_000)], id="mostly small"),
        pytest.param([2 ** DICE.randint(0, 16) for _ in range(10_000)], id="of all magnitudes"),
        pytest.param(list(range(5_000, 0, -1)), id="ever smaller"),
        pytest.param(list(range(1, 5_000)), id="ever larger"),
        pytest.param([2**n for n in range(24, 15, -1)] + [1] * 50_000, id="steps, then ones"),
    ],
)
def test_states_are_short_and_little_is_rewritten(sizes: list[int]) -> None:
    """Over thousands of batches states stay short, and rewriting is O(n log n) rows."""
    longest, rewritten = simulated(sizes)
    assert longest <= max(LIMIT, math.log2(sum(sizes)) + 1)
    assert rewritten <= sum(sizes) * math.log2(sum(sizes))


def test_a_large_table_is_not_rewritten_for_small_batches() -> None:
    """A million rows under a thousand batches of a row each are not touched once."""
    _, rewritten = simulated([1_000_000] + [1] * 1000)
    assert rewritten < 100_000


@given(st.lists(st.integers(0, 10**9), max_size=LIMIT + 1))
@settings(deadline=None)
def test_a_long_state_is_folded_into_at_least_one_less(rows: list[int]) -> None:
    """A state within the limit stays; a longer one has its newest two files or more folded."""
    since = due([file(n) for n in rows])
    if len(rows) <= LIMIT:
        assert since is None
    else:
        assert since is not None
        assert 0 <= since <= len(rows) - 2


@given(stacked=st.lists(parts, min_size=2, max_size=6), data=st.data())
@settings(max_examples=30, deadline=None)
def test_folding_changes_no_current_row(
    engine: DuckDBPyConnection, folder: Path, stacked: list[Part], data: st.DataObject
) -> None:
    """The current rows are the same with the newest layers folded, all of them or not."""
    layers = [layer(engine, folder, part, last) for last, part in enumerate(stacked, 1)]
    since = data.draw(st.integers(0, len(layers) - 2))
    path = folder / f"{next(_numbers)}.parquet"
    rows = fold(engine, layers[since:], ["id"], COLUMNS, whole=not since, path=path)
    assert rows == duck.count(engine, f"from {duck.parquet([path])}")
    folded = [*layers[:since], Layer(path, layers[-1].last)]
    before, after = (
        current(x, ["id"], {"id": "INTEGER", "v": "INTEGER"}) for x in (layers, folded)
    )
    assert fetched(engine, after) == fetched(engine, before)


def test_deletions_are_left_out_only_of_the_whole(engine: DuckDBPyConnection, folder: Path) -> None:
    """A deletion stays while there may be something below that it hides, and goes when not."""
    layers = [
        layer(engine, folder, {1: (1, "insert"), 2: (2, "insert")}, 1),
        layer(engine, folder, {1: (1, "delete")}, 2),
        layer(engine, folder, {3: (3, "insert")}, 3),
    ]
    part, whole = folder / "part.parquet", folder / "whole.parquet"
    assert fold(engine, layers[1:], ["id"], COLUMNS, whole=False, path=part) == 2
    assert fold(engine, layers, ["id"], COLUMNS, whole=True, path=whole) == 2
    changes = [newest([Layer(path, 3)], ["id"], COLUMNS) for path in (part, whole)]
    assert fetched(engine, changes[0]) == [(1, 1, "delete"), (3, 3, "insert")]
    assert fetched(engine, changes[1]) == [(2, 2, "insert"), (3, 3, "insert")]


def test_the_same_layers_give_the_same_file(engine: DuckDBPyConnection, folder: Path) -> None:
    """A fold is a pure function of its layers, to the byte, with rows in key order."""
    thousand: Part = {key: (key, "insert") for key in range(5000, 0, -1)}
    layers = [
        layer(engine, folder, thousand, 1),
        layer(engine, folder, {7: (8, "update"), 9: (9, "delete")}, 2),
    ]
    paths = [folder / "once.parquet", folder / "twice.parquet"]
    for path, order in zip(paths, (layers, layers[::-1]), strict=True):
        fold(engine, order, ["id"], COLUMNS, whole=True, path=path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    ids = [key for (key,) in engine.execute(f"select id from {duck.parquet(paths[:1])}").fetchall()]
    assert ids == [key for key in range(1, 5001) if key != 9]

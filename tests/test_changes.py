"""Change files laid one over another give the current rows, however they are laid."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from totes import duck
from totes.changes import Layer, current, newest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Key = tuple[int, str]
Row = tuple[int | None, str | None]  # a value each of two columns
Contents = dict[Key, tuple[Row, str]]  # what one change file knows: the row and its change

# Names that would break unquoted SQL, or meet an alias in the SQL that is made.
KEY = ['id"x', "new"]
VALUES = ["old", 'select"']
COLUMNS = dict(zip([*KEY, *VALUES], ["INTEGER", "VARCHAR", "INTEGER", "VARCHAR"], strict=True))
TYPES = ["integer", "varchar", "integer", "varchar", "varchar"]

_numbers = itertools.count()

keys = st.tuples(st.integers(0, 2), st.sampled_from(["", "a", "Ä'"]))
rows = st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from(["", "x", "y"]))
changes = st.sampled_from(["insert", "update", "delete"])
contents = st.dictionaries(keys, st.tuples(rows, changes), max_size=6)
stacks = st.lists(contents, min_size=1, max_size=6)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    with duck.engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layers")


def literal(value: object) -> str:
    return "null" if value is None else duck.text(value)


def write(
    engine: DuckDBPyConnection, folder: Path, content: Contents, change: str = "change"
) -> Path:
    """A change file of `content`."""
    typed = ", ".join(
        f"cast(v{place} as {kind}) as {duck.name(name)}"
        for place, (name, kind) in enumerate(zip([*COLUMNS, change], TYPES, strict=True))
    )
    lines = [
        f"({', '.join(map(literal, (*key, *row, became)))})"
        for key, (row, became) in content.items()
    ]
    nothing = "(null, null, null, null, null)"
    values = f"(values {', '.join(lines or [nothing])}) as made(v0, v1, v2, v3, v4)"
    path = folder / f"it's {next(_numbers)}.parquet"
    duck.write_parquet(engine, f"select {typed} from {values} where {bool(lines)}", path)
    return path


def stack(engine: DuckDBPyConnection, folder: Path, stacked: Sequence[Contents]) -> list[Layer]:
    """The contents as layers, oldest first."""
    return [Layer(write(engine, folder, part), last) for last, part in enumerate(stacked, 1)]


def laid_over(stacked: Sequence[Contents]) -> Contents:
    """What newest() should give, in plain Python."""
    result: Contents = {}
    for part in stacked:
        result.update(part)
    return result


def fetched(engine: DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return sorted(engine.execute(query).fetchall(), key=repr)


@pytest.mark.slow
@given(stacked=stacks, cuts=st.sets(st.integers(1, 5)), seed=st.integers())
@settings(max_examples=80, deadline=None)
def test_newest_row_of_each_key_wins(
    engine: DuckDBPyConnection, folder: Path, stacked: list[Contents], cuts: set[int], seed: int
) -> None:
    """newest() gives each key's newest row, deleted or not, in whatever order layers are named;
    current() the same but the deleted, with just the columns that are asked for; and neighbouring
    layers merged into one leave the current rows as they were."""
    layers = stack(engine, folder, stacked)
    random.Random(seed).shuffle(layers)
    latest = laid_over(stacked)
    found = fetched(engine, newest(layers, KEY, {**COLUMNS, "change": "VARCHAR"}))
    assert found == sorted(((*k, *row, c) for k, (row, c) in latest.items()), key=repr)

    kept = {k: row for k, (row, c) in latest.items() if c != "delete"}
    expected = sorted(((*key, *row) for key, row in kept.items()), key=repr)
    assert fetched(engine, current(layers, KEY, COLUMNS)) == expected
    few = {name: kind for name, kind in COLUMNS.items() if name != VALUES[0]}
    assert fetched(engine, current(layers, KEY, few)) == sorted(
        ((*key, row[1]) for key, row in kept.items()), key=repr
    )

    bounds = [0, *sorted(cut for cut in cuts if cut < len(stacked)), len(stacked)]
    merged = [laid_over(stacked[a:b]) for a, b in itertools.pairwise(bounds)]
    if len(merged) < len(stacked):
        assert fetched(engine, current(stack(engine, folder, merged), KEY, COLUMNS)) == expected


def test_a_deleted_row_comes_back(engine: DuckDBPyConnection, folder: Path) -> None:
    """A key that was deleted and inserted again is current, with its new values only."""
    key = (1, "a")
    layers = stack(
        engine,
        folder,
        [
            {key: ((1, "x"), "insert")},
            {key: ((1, "x"), "delete")},
            {key: ((None, None), "insert")},
        ],
    )
    assert fetched(engine, current(layers[:2], KEY, COLUMNS)) == []
    assert fetched(engine, current(layers, KEY, COLUMNS)) == [(*key, None, None)]


def test_half_a_composite_key_is_no_key(engine: DuckDBPyConnection, folder: Path) -> None:
    """Rows that share only a part of their key do not hide one another."""
    layers = stack(
        engine,
        folder,
        [{(1, "a"): ((1, "x"), "insert")}, {(1, ""): ((2, "y"), "insert")}],
    )
    assert len(fetched(engine, current(layers, KEY, COLUMNS))) == 2


def test_files_of_one_age_are_read_together(engine: DuckDBPyConnection, folder: Path) -> None:
    """Files that end at the same batch lie beside one another, at the bottom and above it."""
    bottom: list[Contents] = [{(n, "a"): ((n, "x"), "insert")} for n in range(2)]
    above: list[Contents] = [{(n, "a"): ((9, "y"), "update")} for n in range(2)]
    layers = [Layer(write(engine, folder, part), 1) for part in bottom]
    layers += [Layer(write(engine, folder, part), 2) for part in above]
    assert fetched(engine, current(layers[:2], KEY, COLUMNS)) == [
        (0, "a", 0, "x"),
        (1, "a", 1, "x"),
    ]
    assert fetched(engine, current(layers, KEY, COLUMNS)) == [(0, "a", 9, "y"), (1, "a", 9, "y")]


def test_change_column_may_have_another_name(engine: DuckDBPyConnection, folder: Path) -> None:
    """The ingestion lake's files say what became of a row in `_change`."""
    content: Contents = {(1, "a"): ((1, "x"), "insert"), (2, "a"): ((2, "x"), "delete")}
    layers = [Layer(write(engine, folder, content, "_change"), 1)]
    assert fetched(engine, current(layers, KEY, COLUMNS, "_change")) == [(1, "a", 1, "x")]


def test_a_file_older_than_a_column_has_null_in_it(
    engine: DuckDBPyConnection, folder: Path
) -> None:
    """A column that came later is NULL in older files' rows, alone and under a newer file."""
    old: Contents = {(1, "a"): ((1, "x"), "insert"), (2, "a"): ((2, "x"), "insert")}
    below = Layer(write(engine, folder, old), 1)
    path = folder / "newer.parquet"
    rows = f"select *, 7 as later from {duck.parquet([below.path])} where {duck.name(KEY[0])} = 1"
    duck.write_parquet(engine, rows, path)
    columns = {**COLUMNS, "later": "INTEGER"}
    assert [row[-1] for row in fetched(engine, current([below], KEY, columns))] == [None, None]
    both = fetched(engine, current([below, Layer(path, 2)], KEY, columns))
    assert sorted(row[-1] or 0 for row in both) == [0, 7]


def test_a_folder_s_name_is_no_column(engine: DuckDBPyConnection, tmp_path: Path) -> None:
    """A lake may lie under a folder called `old=9`: nothing is read into a path."""
    content: Contents = {(1, "a"): ((1, "x"), "insert")}
    folder = tmp_path / "old=9" / "change=delete"
    folder.mkdir(parents=True)
    layers = [Layer(write(engine, folder, content), 1)]
    assert fetched(engine, current(layers, KEY, COLUMNS)) == [(1, "a", 1, "x")]


@pytest.mark.parametrize(
    "name", ["it's", "a b", "é", "[x]", "x*y", "x?y", "x#y", "x%20y", "a/../b"]
)
def test_the_newest_layer_wins_whatever_its_folder_is_called(
    engine: DuckDBPyConnection, folder: Path, name: str
) -> None:
    """Which file is the newer is told by its path, which the engine must give as it is."""
    place = folder / name
    (folder / "a").mkdir(exist_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    layers = []
    for age in (1, 2, 3):
        row: Contents = {(1, "k"): ((age, "v"), "update")}
        layers.append(Layer(write(engine, place, row), age))
    rows = engine.execute(newest(layers, KEY, COLUMNS)).fetchall()
    assert rows == [(1, "k", 3, "v")]

"""A lake finds its newest batch cheaply, and of two runs that commit the same one, one wins."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from totes import duck
from totes.changes import Changes, Snapshot, current
from totes.errors import DamageError, TakenError
from totes.lake import Draft, Lake, Manifest, Problem, keys
from totes.lake.manifest import Kind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SNAPSHOT = Snapshot(
    system="7", timeline=1, database=5, xmin=700, xmax=701, taken_at=datetime(2024, 2, 29)
)

COLUMNS = {"id": "INTEGER", "v": "INTEGER", "change": "VARCHAR"}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBPyConnection]:
    with duck.engine(tmp_path) as running:
        yield running


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(tmp_path)


def open_lake(folder: Path, kind: Kind = "ingestion") -> Lake:
    return Lake(f"file://{folder}/lake", kind, folder / "work")


def manifest(batch: int, kind: Kind = "ingestion", **fields: Any) -> bytes:
    """The bytes of a manifest without tables."""
    whole = Manifest(
        format=1,
        lake=kind,
        batch=batch,
        previous=None,
        snapshot=SNAPSHOT,
        written_at=datetime(2024, 2, 29),
        tables={},
    )
    return whole.model_copy(update=fields).to_bytes()


class Maker:
    """Makes batches of one table `t` with the columns `id` and `v`."""

    def __init__(self, engine: DuckDBPyConnection, folder: Path) -> None:
        self.engine, self.folder, self.made = engine, folder, 0

    def draft(self, lake: Lake, value: int, key: int = 1, change: str = "insert") -> Draft:
        """A draft of the next batch, in which row `key` of `t` has become `value`."""
        return self.draft_of(lake, f"select {key} as id, {value} as v, '{change}' as change")

    def draft_of(self, lake: Lake, rows: str) -> Draft:
        """A draft of the next batch, in which `t` changes by these rows."""
        self.made += 1
        path = self.folder / f"{self.made}.parquet"
        count = duck.write_parquet(self.engine, rows, path)
        draft = lake.draft(lake.head(), SNAPSHOT, duck.Workspace(self.folder, lambda: self.engine))
        draft.record("t", Changes(path, count), key=["id"], columns=COLUMNS)
        return draft

    def rows(self, lake: Lake) -> list[tuple[int, int]]:
        """The current rows of `t`."""
        head = lake.head()
        assert head is not None
        layers = lake.layers(head.tables["t"].state)
        return sorted(
            self.engine.execute(
                current(layers, ["id"], {"id": "INTEGER", "v": "INTEGER"})
            ).fetchall()
        )


@pytest.fixture
def maker(engine: DuckDBPyConnection, tmp_path: Path) -> Maker:
    return Maker(engine, tmp_path)


# --- keys ---


@given(st.integers(0, 999_999_999), st.integers(0, 999_999_999))
@settings(deadline=None)
def test_keys_of_manifests_are_in_order(one: int, other: int) -> None:
    """A manifest's key gives its batch, and keys sort as batches do."""
    assert keys.batch_of(keys.manifest(one)) == one
    assert (keys.manifest(one) < keys.manifest(other)) == (one < other)


def test_keys_are_as_documented() -> None:
    """Objects lie where the documentation says."""
    assert keys.manifest(1) == "manifests/000/000/001.json"
    assert keys.manifest(1234567) == "manifests/001/234/567.json"
    assert keys.data("t", 1, "0123456789abcdef0123") == "t/000000001/0123456789abcdef.parquet"
    assert keys.checkpoint("t", 9, "f" * 64) == f"checkpoints/t/000000009/{'f' * 16}.parquet"


# --- head ---


def test_an_empty_lake_has_no_head(lake: Lake, tmp_path: Path) -> None:
    """A lake in which nothing was committed has no head, and asking for it makes nothing."""
    assert lake.head() is None
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("batches", "head"),
    [
        ([1], 1),
        ([9, 10], 10),
        ([1, 998, 999], 999),
        ([1, 999, 1000], 1000),
        ([999, 1000, 1001], 1001),
        ([2, 999_999, 1_000_000], 1_000_000),
    ],
)
def test_head_is_found_by_three_listings(
    lake: Lake, batches: list[int], head: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest batch is found by three listings and one read, however many there are."""
    for batch in batches:
        lake.store.put(keys.manifest(batch), manifest(batch))
    calls: list[str] = []
    names, get = lake.store.names, lake.store.get

    def counted_names(folder: str) -> list[str]:
        calls.append("names")
        return names(folder)

    def counted_get(key: str) -> bytes | None:
        calls.append("get")
        return get(key)

    monkeypatch.setattr(lake.store, "names", counted_names)
    monkeypatch.setattr(lake.store, "get", counted_get)
    found = lake.head()
    assert found is not None
    assert found.batch == head
    assert calls == ["names", "names", "names", "get"]


def test_strangers_among_the_manifests_are_passed_over(lake: Lake) -> None:
    """What is not named like a manifest does not count as one."""
    lake.store.put(keys.manifest(1), manifest(1))
    for stranger in ["README.md", "manifests/.DS_Store", "manifests/000/000/notes.json"]:
        lake.store.put(stranger, b"")
    head = lake.head()
    assert head is not None
    assert head.batch == 1


def test_an_empty_folder_hides_no_batch(lake: Lake, tmp_path: Path) -> None:
    """A folder that a run made before it died, without its manifest, hides no batch before it."""
    lake.store.put(keys.manifest(999), manifest(999))
    (tmp_path / "lake/manifests/000/001").mkdir()
    head = lake.head()
    assert head is not None
    assert head.batch == 999


# --- commit ---


def test_a_batch_exists_when_it_is_committed(lake: Lake, maker: Maker) -> None:
    """Nobody sees a draft; its commit makes it the head, with its files and what they hold."""
    draft = maker.draft(lake, 7)
    assert lake.head() is None
    committed = draft.commit()
    assert lake.head() == committed
    (file,) = committed.tables["t"].changes
    assert (file.rows, file.first, file.last) == (1, 1, 1)
    content = lake.store.get(file.key)
    assert content is not None
    assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert maker.rows(lake) == [(1, 7)]


def test_manifests_are_a_chain(lake: Lake, maker: Maker) -> None:
    """Each manifest holds the SHA-256 of the manifest before, as it is stored; the first none."""
    digests: list[str | None] = [None]
    for value in range(3):
        committed = maker.draft(lake, value).commit()
        assert committed.previous == digests[-1]
        stored = lake.store.get(keys.manifest(committed.batch))
        assert stored is not None
        digests.append(hashlib.sha256(stored).hexdigest())
        assert lake.manifest(committed.batch).digest == committed.digest == digests[-1]


def test_the_latest_batches_are_read_alone(lake: Lake, maker: Maker) -> None:
    """The last batches come newest first, at most as many as there are; older manifests are not
    read, whatever has become of them."""
    made = [maker.draft(lake, value).commit() for value in range(4)]
    assert lake.latest(made[3], 20) == made[::-1]
    (Path(lake.store.url.removeprefix("file://")) / keys.manifest(2)).write_text("no manifest")
    assert lake.latest(made[3], 2) == [made[3], made[2]]
    with pytest.raises(DamageError, match=r"002.json is no manifest"):
        lake.latest(made[3], 3)


def test_the_latest_batches_have_to_be_a_chain(lake: Lake, maker: Maker) -> None:
    """A manifest that was changed is found out by the one after it, also where few are read."""
    made = [maker.draft(lake, value).commit() for value in range(3)]
    path = Path(lake.store.url.removeprefix("file://")) / keys.manifest(2)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DamageError, match="batch 3 of the ingestion lake does not follow batch 2"):
        lake.latest(made[2], 2)


def test_a_processed_batch_names_its_origin(tmp_path: Path, maker: Maker) -> None:
    """The manifest of a processed batch holds the SHA-256 of the ingestion batch it comes from."""
    origin = maker.draft(open_lake(tmp_path / "one"), 1).commit()
    processed = open_lake(tmp_path / "two", "processed")
    maker.draft(processed, 1).commit(origin)
    assert processed.manifest(1).source == origin.digest


def test_of_two_drafts_of_a_batch_one_is_committed(lake: Lake, maker: Maker) -> None:
    """The second to commit a number is told so, and the winner's batch stands, byte for byte."""
    winner, loser = maker.draft(lake, 1), maker.draft(lake, 2)
    winner.commit()
    before = lake.store.get(keys.manifest(1))
    with pytest.raises(TakenError, match="batch 1 of the ingestion lake"):
        loser.commit()
    assert lake.store.get(keys.manifest(1)) == before
    assert maker.rows(lake) == [(1, 1)]


def test_of_many_runs_at_once_one_commits(lake: Lake, maker: Maker, tmp_path: Path) -> None:
    """Of eight runs that commit the same number at once, one does, and its rows are the lake's."""
    drafts = [maker.draft(open_lake(tmp_path), value) for value in range(8)]
    start = threading.Barrier(8)

    def commit(draft: Draft) -> bool:
        start.wait()
        try:
            draft.commit()
        except TakenError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [value for value, wrote in enumerate(pool.map(commit, drafts)) if wrote]
    assert len(won) == 1
    assert maker.rows(lake) == [(1, won[0])]


def test_an_answer_that_was_lost_is_no_other_run(
    lake: Lake, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit whose object is there already, with its very content, is done."""
    put = lake.store.put

    def put_and_forget(key: str, content: bytes | Path) -> bool:
        put(key, content)
        return put(key, content)  # what a client does when the answer to the first was lost

    draft = maker.draft(lake, 1)
    monkeypatch.setattr(lake.store, "put", put_and_forget)
    assert draft.commit() == lake.head()


def test_a_table_that_a_batch_does_not_touch_is_carried(lake: Lake, maker: Maker) -> None:
    """A table left alone keeps its state and its count, and has no changes and no problem."""
    first = maker.draft(lake, 1)
    problem = Problem(message="away")
    first.record("t", None, key=["id"], columns=COLUMNS, rows=1, problem=problem)
    before = first.commit().tables["t"]
    after = (
        lake.draft(lake.head(), SNAPSHOT, duck.Workspace(maker.folder, lambda: maker.engine))
        .commit()
        .tables["t"]
    )
    assert before.problem is not None
    assert (after.changes, after.inserted, after.problem) == ((), 0, None)
    assert (after.state, after.rows) == (before.state, 1)


def test_current_rows_come_from_few_files(lake: Lake, maker: Maker) -> None:
    """After any number of batches the current rows are right, and are read from few files."""
    expected: dict[int, int] = {}
    for number in range(40):
        expected[number % 7] = number
        committed = maker.draft(lake, number, key=number % 7).commit()
        assert len(committed.tables["t"].state) <= 8
        assert len(committed.tables["t"].changes) == 1
    assert maker.rows(lake) == sorted(expected.items())


def test_a_deletion_stays_as_long_as_it_hides_something(lake: Lake, maker: Maker) -> None:
    """A row that was deleted stays gone when the deletion is folded, over a table that is not."""
    maker.draft_of(lake, "select range as id, 1 as v, 'insert' as change from range(100)").commit()
    maker.draft(lake, 1, key=42, change="delete").commit()
    for key in range(12):
        maker.draft(lake, 2, key=key, change="update").commit()
    head = lake.head()
    assert head is not None
    folded = [part.first != part.last for part in head.tables["t"].state]
    assert not folded[0]
    assert any(folded)
    assert maker.rows(lake) == [(key, 2 if key < 12 else 1) for key in range(100) if key != 42]


# --- what is no batch of this lake ---


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage\xff",
        b"{}",
        manifest(1).replace(b'"format": 1', b'"format": 2'),
        manifest(1).replace(b'"format": 1', b'"format": 1, "more": 1'),
        manifest(2),
        manifest(1, kind="processed"),
    ],
    ids=["empty", "garbage", "bare", "newer", "more", "another batch", "another lake"],
)
def test_what_is_no_manifest_of_this_batch_is_damage(lake: Lake, content: bytes) -> None:
    """A manifest that cannot be read, or is of another batch or lake, is an error that names it."""
    lake.store.put(keys.manifest(1), content)
    for ask in (lake.head, lambda: lake.manifest(1)):
        with pytest.raises(DamageError, match=r"manifests/000/000/001\.json") as caught:
            ask()
        assert caught.value.hint


def test_a_missing_manifest_is_damage(lake: Lake) -> None:
    """To read a batch that is not there is an error that names its manifest."""
    with pytest.raises(DamageError, match=r"manifests/000/000/005\.json is missing"):
        lake.manifest(5)


def test_a_layer_that_changed_is_damage(lake: Lake, maker: Maker, tmp_path: Path) -> None:
    """A file is not handed on if it is not what its manifest says."""
    files = maker.draft(lake, 1).commit().tables["t"].state
    path = tmp_path / "lake" / files[0].key
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(DamageError, match=files[0].key):
        lake.layers(files)

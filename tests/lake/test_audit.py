"""The audit finds whatever in a lake is not what its manifests say."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from totes import duck
from totes.changes import Changes, Snapshot
from totes.lake import Lake, audit, keys
from totes.lake.ahead import Readers

BATCHES = 12  # enough for a checkpoint


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lake of twelve batches, each of which changes a row of one table."""
    folder = tmp_path_factory.mktemp("sound")
    lake = Lake(f"file://{folder}/lake", "ingestion", folder / "work")
    with duck.engine(folder) as engine:
        for number in range(1, BATCHES + 1):
            path = folder / f"{number}.parquet"
            duck.write_parquet(engine, f"select {number} as id, 'insert' as change", path)
            snapshot = Snapshot(
                system="7", timeline=1, database=5, xmin=1, xmax=1, taken_at=datetime(2024, 1, 1)
            )
            draft = lake.draft(lake.head(), snapshot, duck.Workspace(folder, lambda: engine))
            draft.record(
                "t", Changes(path, 1), key=["id"], columns={"id": "INTEGER", "change": "VARCHAR"}
            )
            draft.commit()
    return folder / "lake"


@pytest.fixture(params=[1, 8], ids=["one reader", "readers"])
def lake(
    sound: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Lake:
    """A copy of that lake. It is read as a folder is, and as a bucket is: by several at once."""
    shutil.copytree(sound, tmp_path / "lake")
    lake = Lake(f"file://{tmp_path}/lake", "ingestion", tmp_path / "work")
    monkeypatch.setattr(lake.store, "readers", lambda: Readers(request.param))
    return lake


@pytest.fixture
def root(lake: Lake, tmp_path: Path) -> Path:
    return tmp_path / "lake"


def damage(lake: Lake) -> list[str]:
    return audit(lake, lambda done, total: None).damage


def changed(lake: Lake, batch: int) -> str:
    """The key of what a batch changed."""
    return lake.manifest(batch).tables["t"].changes[0].key


def test_a_sound_lake_has_no_damage(lake: Lake, root: Path) -> None:
    """Every batch and every file is looked at once, with progress, and the chain is told."""
    told: list[tuple[int, int]] = []
    found = audit(lake, lambda done, total: told.append((done, total)))
    files = list(root.rglob("*.parquet"))
    assert any("checkpoints" in path.parts for path in files)
    assert found.damage == []
    assert (found.batches, found.files) == (BATCHES, len(files))
    assert found.bytes == sum(path.stat().st_size for path in files)
    assert told == [(batch, BATCHES) for batch in range(1, BATCHES + 1)]
    assert found.chain[3] == (lake.manifest(3).digest, None)


def test_an_empty_lake_has_no_damage(tmp_path: Path) -> None:
    """There is nothing wrong with a lake in which nothing is yet."""
    found = audit(Lake(f"file://{tmp_path}/lake", "ingestion", tmp_path), lambda done, total: None)
    assert (found.batches, found.files, found.damage) == (0, 0, [])


def test_a_flipped_bit_is_found(lake: Lake, root: Path) -> None:
    """A file with one bit changed is named, once, however many manifests name it."""
    path = root / changed(lake, 3)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert [path.name in told for told in damage(lake)] == [True]


def test_a_changed_checkpoint_is_found(lake: Lake, root: Path) -> None:
    """A checkpoint that changed is named like any other file."""
    path = next((root / "checkpoints").rglob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"!")
    assert [path.name in told for told in damage(lake)] == [True]


def test_a_missing_file_is_found(lake: Lake, root: Path) -> None:
    """A file that is gone is named."""
    key = changed(lake, 5)
    (root / key).unlink()
    assert [f"{key} is missing" in told for told in damage(lake)] == [True]


def test_a_missing_manifest_is_found(lake: Lake, root: Path) -> None:
    """A manifest that is gone from the middle is named, and the others are looked at still."""
    (root / keys.manifest(5)).unlink()
    (root / changed(lake, 9)).unlink()
    told = damage(lake)
    assert len(told) == 2
    assert f"{keys.manifest(5)} is missing" in told[0]
    assert "t/000000009/" in told[1]


def test_swapped_manifests_are_found(lake: Lake, root: Path) -> None:
    """Two manifests that changed places are both named."""
    one, other = root / keys.manifest(2), root / keys.manifest(3)
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])
    told = " ".join(damage(lake))
    assert f"{keys.manifest(2)} is batch 3" in told
    assert f"{keys.manifest(3)} is batch 2" in told


@pytest.mark.parametrize("batch", [1, 5])
def test_a_forged_manifest_is_found(lake: Lake, root: Path, batch: int) -> None:
    """A sound manifest that is not the one that the next was made after breaks the chain."""
    path = root / keys.manifest(batch)
    path.write_bytes(path.read_bytes() + b"\n")
    assert damage(lake) == [f"ingestion batch {batch + 1} does not follow batch {batch}"]


def test_a_forged_start_is_found(lake: Lake, root: Path) -> None:
    """A manifest that was made after nothing, where there is a batch before it, is found."""
    path = root / keys.manifest(BATCHES)
    previous = lake.manifest(BATCHES).previous
    path.write_text(path.read_text().replace(f'"{previous}"', "null"))
    assert damage(lake) == [f"ingestion batch {BATCHES} does not follow batch {BATCHES - 1}"]


def test_a_newest_manifest_that_claims_another_content_is_found(lake: Lake, root: Path) -> None:
    """A manifest that no other follows yet is held against the files that older ones named too."""
    path = root / keys.manifest(BATCHES)
    older = changed(lake, BATCHES - 1)
    digest = lake.manifest(BATCHES - 1).tables["t"].changes[0].sha256
    path.write_text(path.read_text().replace(digest, "0" * 64))
    assert [older in told for told in damage(lake)] == [True]


def test_damage_is_told_in_the_order_of_batches(lake: Lake, root: Path) -> None:
    """Damage of a manifest and of the files of others is told of batch by batch."""
    lost = [changed(lake, batch) for batch in (3, 7, 8, 11)]
    for key in lost:
        (root / key).unlink()
    (root / keys.manifest(5)).unlink()
    expected = [lost[0], keys.manifest(5), *lost[1:]]
    assert [key in told for key, told in zip(expected, damage(lake), strict=True)] == [True] * 5


def test_garbage_for_a_manifest_is_found(lake: Lake, root: Path) -> None:
    """A manifest that cannot be read is named, in the middle and at the end."""
    for batch in (4, BATCHES):
        (root / keys.manifest(batch)).write_bytes(b"\x00" * 100)
        assert f"{keys.manifest(batch)} is no manifest" in damage(lake)[0]

"""Damage: what is not what its manifest says is named, and nothing goes past it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.world import Stock, World
from totes import pipeline
from totes.errors import DamageError

Damage = Callable[[Path], None]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def lose(path: Path) -> None:
    path.unlink()


def forge(path: Path) -> None:
    """Change a manifest into another one that can be read just as well."""
    document = json.loads(path.read_text())
    document["written_at"] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(document))


def get_halfway(world: World) -> None:
    world.run()
    for units in (1111, 2222):
        world.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")
        pipeline.ingest(world.settings)


@pytest.fixture
def halfway(stock: Stock, tmp_path: Path) -> Iterator[World]:
    """Three batches are ingested; the first has been processed and loaded."""
    with stock.copied("halfway", get_halfway, tmp_path) as copy:
        yield copy


def assert_named(world: World, name: str) -> None:
    found = pipeline.verify(world.settings)
    assert not found.is_well
    assert any(name in sentence for sentence in found.damage), found.damage


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip, lose])
def test_damaged_change_file_stops_processing_there(halfway: World, damage: Damage) -> None:
    """A change file of batch 2 that was changed or lost: batch 2 is not made, nor any after it."""
    before = halfway.ask("select * from fact_sales_order order by 1")
    (path,) = halfway.folder.glob("ingestion/sales_order/000000002/*")
    damage(path)
    with pytest.raises(DamageError, match=path.name):
        pipeline.process(halfway.settings)
    pipeline.load(halfway.settings)
    assert halfway.ask("select * from fact_sales_order order by 1") == before
    assert_named(halfway, path.name)


@pytest.mark.parametrize("damage", [flip, lose, forge])
def test_damaged_manifest_is_named(halfway: World, damage: Damage) -> None:
    """A manifest in the middle that was changed, lost or forged is named by its batch."""
    path = halfway.folder / "ingestion/manifests/000/000/002.json"
    damage(path)
    found = pipeline.verify(halfway.settings)
    assert not found.is_well
    assert any("002.json" in each or "batch 2" in each for each in found.damage), found.damage


@pytest.mark.parametrize("damage", [flip, lose])
def test_load_and_rebuild_refuse_a_damaged_file(halfway: World, damage: Damage) -> None:
    """A processed file that was changed or lost stops load and rebuild; the warehouse stays."""
    before = halfway.ask("select * from fact_sales_order order by 1")
    pipeline.process(halfway.settings)
    (path,) = halfway.folder.glob("processed/fact_sales_order/000000003/*")
    damage(path)
    with pytest.raises(DamageError, match=path.name):
        pipeline.rebuild(halfway.settings)
    assert halfway.ask("select * from fact_sales_order order by 1") == before
    with pytest.raises(DamageError, match=path.name):
        pipeline.load(halfway.settings)
    assert halfway.ask("select max(batch) from totes.ledger") == [(2,)]
    assert_named(halfway, path.name)


def test_manifest_out_of_its_chain_is_refused(halfway: World) -> None:
    """A forged manifest that another one follows is found out before it is processed."""
    before = halfway.objects()
    forge(halfway.folder / "ingestion/manifests/000/000/002.json")
    with pytest.raises(DamageError, match="batch 3 of the ingestion lake does not follow batch 2"):
        pipeline.process(halfway.settings)
    processed = {key for key in halfway.objects() if key.startswith("processed/")}
    assert processed == {key for key in before if key.startswith("processed/")}


def test_rebuild_refuses_a_forged_manifest(halfway: World) -> None:
    """A rebuild walks the whole chain before it empties anything."""
    pipeline.process(halfway.settings)
    before = halfway.ask("select * from fact_sales_order order by 1")
    forge(halfway.folder / "processed/manifests/000/000/002.json")
    with pytest.raises(DamageError, match="does not follow"):
        pipeline.rebuild(halfway.settings, as_of=2)
    assert halfway.ask("select * from fact_sales_order order by 1") == before


def test_forged_processed_manifest_is_refused(halfway: World) -> None:
    """A processed manifest that was forged after it had been loaded stops whatever builds on it."""
    forge(halfway.folder / "processed/manifests/000/000/001.json")
    with pytest.raises(DamageError):
        pipeline.load(halfway.settings)
    assert halfway.ask("select max(batch) from totes.ledger") == [(1,)]

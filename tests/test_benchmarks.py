"""The benchmarks run: what they measure is for people to judge, and is asserted nowhere."""

from __future__ import annotations

import json

import psycopg
import pytest

from benchmarks.compare.__main__ import main as compare
from benchmarks.compare.goals import GOALS, share_at_100
from benchmarks.compare.results import Results
from benchmarks.many_batches import COLUMNS, Bench, run
from tests.world import World


def test_many_batches_are_made_and_measured(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The benchmark makes the batches that it is asked for, and prints a line of a table."""
    lakes = world.folder / "ingestion", world.folder / "processed"
    with psycopg.connect(world.source, autocommit=True) as connection:
        run(Bench.over(world.settings, connection, lakes), batches=4, repeats=1)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"| {' | '.join(COLUMNS)} |"
    assert printed[2].startswith("| 4 |")
    assert len(printed[2].split(" | ")) == len(COLUMNS)
    assert printed[-1].endswith("all is well")
    assert world.ask("select max(batch) from totes.ledger") == [(4,)]


def test_comparison_measures_and_writes_its_page(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison, in small and without dlt, measures all that its goals are about."""
    folder = tmp_path_factory.mktemp("bench")
    folder.parent.chmod(0o755)  # where root has no mask, the server runs as another user
    sizes = "--scale 0.02 --rounds 1 --ticks 1 --seconds 1 --large 1000".split()
    page = folder / "performance.md"
    compare(["--folder", str(folder), "--page", str(page), "--without-dlt", *sizes])
    told = page.read_text(encoding="utf-8")
    assert told in capsys.readouterr().out
    results = Results(folder / "results.json", json.loads((folder / "results.json").read_text()))
    scales = {
        "1x": "0.02x",
        "20x": "0.02x",
        "100x": "0.02x",
        "50 million rows": "0.001 million rows",
    }
    for goal in GOALS:
        if goal.measured is not share_at_100:  # of two scales
            for scale in goal.scales:
                assert goal.measured(results, scales[scale]) is not None, goal.what
    assert "## 0.02x" in told
    assert str(folder) not in told

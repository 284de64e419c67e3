"""The benchmarks run: what they measure is for people to judge, and is asserted nowhere."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial

import psycopg
import pytest
from click.testing import CliRunner

from benchmarks.compare import __main__ as compare
from benchmarks.compare import beside, going_on, large, rounds, ticking
from benchmarks.compare.goals import GOALS, share_at_100
from benchmarks.compare.processes import Ran
from benchmarks.compare.results import Results
from benchmarks.many_batches import COLUMNS, Bench, run
from tests.world import World
from totes.cli import cli
from totes.demo.postgres import PostgresServer


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison does not wait for the disk or the clock, and few rows are written beside it;
    of the processes that it measures, only those that something happens beside are started."""
    monkeypatch.setattr(compare, "PostgresServer", partial(PostgresServer, durable=False))
    monkeypatch.setattr(beside, "prepare", partial(beside.prepare, scale=1))
    often = partial(ticking.ticking, every="0.1s")
    monkeypatch.setattr(going_on, "ticking", lambda settings, every: often(settings))
    for module in (rounds, large):
        monkeypatch.setattr(module, "totes", in_this_process)


def in_this_process(*arguments: str, settings: Mapping[str, str]) -> Ran:
    """What `processes.totes` does, but for the process."""
    began = time.perf_counter()
    result = CliRunner().invoke(cli, [*arguments, "--json"], env=settings)
    assert result.exit_code == 0, result.output
    return Ran(time.perf_counter() - began, 100.0, result.output)


@pytest.mark.slow
def test_many_batches_are_made_and_measured(ran: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The benchmark makes the batches that it is asked for, and prints a line of a table."""
    lakes = ran.folder / "ingestion", ran.folder / "processed"
    with psycopg.connect(ran.source, autocommit=True) as connection:
        run(Bench.over(ran.settings, connection, lakes), batches=4, repeats=1)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"| {' | '.join(COLUMNS)} |"
    assert printed[2].startswith("| 4 |")
    assert len(printed[2].split(" | ")) == len(COLUMNS)
    assert printed[-1].endswith("all is well")
    assert ran.ask("select max(batch) from totes.ledger") == [(4,)]


@pytest.mark.slow("runs Totes a dozen times, and lets others write for three seconds")
def test_comparison_measures_and_writes_its_page(
    hasty: None, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison, in small and without dlt, measures all that its goals are about."""
    folder = tmp_path_factory.mktemp("bench")
    folder.parent.chmod(0o755)  # where root has no mask, the server runs as another user
    sizes = "--scale 0.02 --rounds 1 --ticks 1 --seconds 1 --large 1000".split()
    page = folder / "performance.md"
    compare.main(["--folder", str(folder), "--page", str(page), "--without-dlt", *sizes])
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

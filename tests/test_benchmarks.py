"""The benchmarks run: what they measure is for people to judge, and is asserted nowhere."""

from __future__ import annotations

import psycopg
import pytest

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

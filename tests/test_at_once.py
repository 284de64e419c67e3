"""Two, then eight at once: one batch each number, no error that a person must act on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.world import World
from totes import pipeline


def start(world: World) -> subprocess.Popen[str]:
    pipe: Any = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-m", "totes", "run"],
        env=os.environ | world.environment,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )


@pytest.mark.parametrize("count", [2, 8])
def test_runs_of_many_processes_come_to_one_end(world: World, count: int) -> None:
    """Runs that begin together, the first ones and later ones, leave one batch each number."""
    for units in (1111, 2222):
        runs = [start(world) for _ in range(count)]
        for run in runs:
            output, errors = run.communicate(timeout=120)
            assert run.returncode == 0, (output, errors)
        world.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")
    world.run()
    versions = world.ask(
        "select units_sold, change from fact_sales_order where sales_order_id = 14 order by batch"
    )
    assert versions == [(42972, "insert"), (1111, "update"), (2222, "update")]
    assert world.ask("select count(*), max(batch) from totes.ledger") == [(3, 3)]
    assert pipeline.verify(world.settings).is_well

"""Five or two at once: one batch each number, and no error that a person must act on."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.forks import Fork, run_totes
from tests.world import World
from totes import pipeline


@pytest.mark.slow("thirteen runs, five of which are first ones")
def test_runs_of_many_processes_come_to_one_end(world: World) -> None:
    """Runs that begin together, the first ones and later ones, leave one batch each number."""
    for count, units in ((5, 1111), (2, 2222), (5, 3333)):
        with ExitStack() as stack:
            begun = [Fork(world.environment, run_totes, "run") for _ in range(count)]
            for run in [stack.enter_context(run) for run in begun]:
                code, printed = run.wait(120)
                assert code == 0, (count, units, printed)
        world.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")
    world.run()
    versions = world.ask(
        "select units_sold, change from fact_sales_order where sales_order_id = 14 order by batch"
    )
    assert versions == [
        (42972, "insert"),
        (1111, "update"),
        (2222, "update"),
        (3333, "update"),
    ]
    assert world.ask("select count(*), max(batch) from totes.ledger") == [(4, 4)]
    assert pipeline.verify(world.settings).is_well

"""Crash anywhere: a run killed at any moment loses nothing, and nobody reads half a batch."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.world import World, made_databases
from totes import lake, pipeline
from totes.demo.postgres import PostgresServer

TABLES = (
    "dim_currency dim_counterparty dim_date dim_design dim_location dim_payment_type dim_staff "
    "dim_transaction fact_payment fact_purchase_order fact_sales_order"
).split()
TRADE = (
    "insert into currency values ('JPY', 7, '2023-05-01', '2023-05-01')",
    "update sales_order set units_sold = 2000, currency_id = 7 where sales_order_id = 2",
    "update payment set paid = true, last_updated = '2023-05-02 12:00' where payment_id = 8",
    "delete from payment where payment_id = 31",
    "update department set department_name = 'Vente'",
    "update sales_order set agreed_payment_date = 'soon' where sales_order_id = 14",
)


def prepare(world: World, scenario: str) -> None:
    """A first run is about to begin, or a second one that finds all kinds of changes."""
    if scenario == "second":
        world.run()
        world.change(*TRADE)


def killed_at(world: World, moment: int) -> int | None:
    """Run totes until a moment, and kill it; how many moments there were, if it lived."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.crash", str(moment), "run"],
        env=os.environ | world.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode == -signal.SIGKILL:
        return None
    assert process.returncode == 0, process.stderr
    return int(process.stdout.splitlines()[-1])


def contents(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the warehouse but the times at which things were seen."""
    found = {}
    for table in TABLES:
        rows = world.ask(f"select * from {table}")
        if table.startswith("fact_"):
            rows = [(*row[:4], *row[6:]) if row[-1] == "delete" else row for row in rows]
        found[table] = sorted(rows, key=str)
    found["ledger"] = sorted(world.ask("select batch, rows from totes.ledger"))
    return found


def assert_no_half(world: World) -> None:
    """What a reader finds right after the crash is whole: both lakes, and the warehouse."""
    for kind in ("ingestion", "processed"):
        url = world.environment[f"TOTES_{kind.upper()}"]
        found = lake.audit(
            lake.Lake(url, "ingestion" if kind == "ingestion" else "processed", world.folder),
            lambda done, total: None,
        )
        assert found.damage == []
    if world.ask("select to_regclass('totes.ledger')") == [(None,)]:
        return
    ledger = dict(world.ask("select batch, rows from totes.ledger"))
    facts = world.ask(
        "select batch from fact_sales_order union select batch from fact_payment "
        "union select batch from fact_purchase_order"
    )
    assert {batch for (batch,) in facts} <= ledger.keys()


PARTS = 12
Undisturbed = Callable[[str], tuple[int, dict[str, list[tuple[Any, ...]]]]]


@pytest.fixture(scope="module")
def undisturbed(
    server: PostgresServer, handmade: str, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    """How many moments a scenario has, and what is in the warehouse after it."""

    @cache
    def lived_through(scenario: str) -> tuple[int, dict[str, list[tuple[Any, ...]]]]:
        with made_databases(server, handmade) as dsns:
            world = World(*dsns, tmp_path_factory.mktemp(scenario))
            prepare(world, scenario)
            moments = killed_at(world, 10**9)
            assert moments
            return moments, contents(world)

    return lived_through


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scenario", ["first", "second"])
def test_killed_run_is_made_good_by_the_next(
    world: World, scenario: str, part: int, undisturbed: Undisturbed
) -> None:
    """After SIGKILL at any moment readers find no half, and a plain run makes all good."""
    moments, expected = undisturbed(scenario)
    moment = random.Random(part).randint(moments * part // PARTS, moments * (part + 1) // PARTS)
    prepare(world, scenario)
    assert killed_at(world, max(1, moment)) is None
    assert_no_half(world)
    world.run()
    assert contents(world) == expected
    assert pipeline.verify(world.settings).is_well

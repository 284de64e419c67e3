"""Crash anywhere: a run killed at any moment loses nothing, and nobody reads half a batch."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash import killed_at
from tests.undisturbed import SCENARIOS, Undisturbed, assert_no_half, contents

PARTS = 12


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_run_is_made_good_by_the_next(
    undisturbed: Undisturbed, tmp_path: Path, scenario: str, part: int
) -> None:
    """After SIGKILL at any moment readers find no half, and a plain run makes all good."""
    with undisturbed.before(scenario, tmp_path) as (world, outcome):
        first, last = (outcome.moments * n // PARTS for n in (part, part + 1))
        assert killed_at(world, random.Random(part).randint(max(1, first), last)) is None
        assert_no_half(world)
        world.run()
        assert_no_half(world)
        assert contents(world) == outcome.contents

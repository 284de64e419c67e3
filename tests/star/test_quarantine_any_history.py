"""A short walk through random rows that break and are mended; `make soak` takes longer ones."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.any_quarantine import AnyQuarantine
from totes.demo.postgres import PostgresServer


@pytest.mark.slow
def test_never_in_both_and_never_in_neither(server: PostgresServer, handmade: str) -> None:
    """However rows break and are mended, a row's newest version is in the star or in quarantine,
    the older versions stand, and a mended row is out by itself."""
    AnyQuarantine.server, AnyQuarantine.template = server, handmade
    AnyQuarantine.waited = 0
    few = settings(
        max_examples=3,
        stateful_step_count=5,
        deadline=None,
        derandomize=False,  # in CI, too, each walk is another
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(AnyQuarantine, settings=few)
    assert AnyQuarantine.waited > 0

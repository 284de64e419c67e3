"""A short walk through random histories; `make soak` takes longer ones."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.any_history import AnyHistory
from tests.world import Stock


@pytest.mark.slow("three histories, with some ten runs each")
@pytest.mark.parametrize("part", range(2))
def test_history_is_what_was_seen(stock: Stock, part: int) -> None:
    """Whatever the source's sessions do, the history holds each version that was seen, once."""
    AnyHistory.stock, AnyHistory.checked = stock, 0
    few = settings(
        max_examples=3,
        stateful_step_count=20,
        deadline=None,
        derandomize=False,  # in CI, too, each walk is another
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(AnyHistory, settings=few)
    assert AnyHistory.checked > 0

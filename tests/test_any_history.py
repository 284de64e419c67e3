"""A short walk through random histories; `make soak` takes longer ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.any_history import AnyHistory, server_that_crashes
from tests.world import Stock, make_template


@pytest.fixture(scope="module", autouse=True)
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server of their own for these histories, as it is to crash."""
    with server_that_crashes() as server:
        stock = Stock(server, make_template(server), tmp_path_factory.mktemp("histories"))
        AnyHistory.server, AnyHistory.stock = server, stock
        yield
        stock.close()


@pytest.mark.slow("three histories, with some ten runs each")
@pytest.mark.parametrize("part", range(2))
def test_history_is_what_was_seen(part: int) -> None:
    """Whatever the source's sessions do, the history holds each version that was seen, once."""
    AnyHistory.checked = 0
    few = settings(
        max_examples=3,
        stateful_step_count=20,
        deadline=None,
        derandomize=False,  # in CI, too, each walk is another
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(AnyHistory, settings=few)
    assert AnyHistory.checked > 0

"""A deadline ends stages between two batches, waits in time, and sessions on the source."""

from __future__ import annotations

import pytest

from tests.world import World
from totes import pipeline
from totes.errors import TransientError
from totes.extract import open_source, take_snapshot
from totes.pipeline import patience
from totes.pipeline.deadline import Deadline
from totes.report import silent


def test_without_a_deadline_every_step_is_taken() -> None:
    """There is always time where nobody has said when it ends."""
    assert list(Deadline().in_time(range(1000))) == list(range(1000))


def test_steps_that_might_not_end_in_time_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is begun only where one of twice the longest so far would fit."""
    now = 0.0
    monkeypatch.setattr("totes.pipeline.deadline.monotonic", lambda: now)
    taken = []
    for step in Deadline(99).in_time(range(100)):
        taken.append(step)
        now += 30 if step == 1 else 10
    assert taken == [0, 1]
    assert now == 40


def test_the_first_step_is_always_taken() -> None:
    """What is called again and again gets on, however little time it has."""
    assert list(Deadline(0).in_time([1, 2])) == [1]


def test_stages_leave_to_the_next_call_what_there_is_no_time_for(ran: World) -> None:
    """Process and load do one batch, say how many are left, and vouch for nothing until none is."""
    for number in range(3):
        ran.change(f"update sales_order set units_sold = {6000 + number}")
        true_at = pipeline.ingest(ran.settings).taken_at
    late = Deadline(0)
    processed = pipeline.process(ran.settings, deadline=late)
    assert (processed.batches, processed.pending) == ([2], 2)
    assert pipeline.process(ran.settings).batches == [3, 4]
    loaded = pipeline.load(ran.settings, true_at=true_at, deadline=late)
    assert (loaded.batches, loaded.pending) == ([2], 2)
    assert loaded.true_at
    assert true_at
    assert loaded.true_at < true_at
    loaded = pipeline.load(ran.settings, true_at=true_at)
    assert (loaded.batches, loaded.pending, loaded.true_at) == ([3, 4], 0, true_at)


def test_nothing_is_tried_again_too_late() -> None:
    """An attempt that might still wait for an answer at the deadline is not begun."""
    tries = []

    def work() -> None:
        tries.append(1)
        raise TransientError("away")

    with pytest.raises(TransientError, match=r"away \(tried 1 time\)"):
        patience.patiently(work, "load", silent, deadline=Deadline(patience.ATTEMPT))
    assert len(tries) == 1
    with pytest.raises(TransientError, match=r"away \(tried 4 times\)"):
        patience.patiently(work, "load", silent, deadline=Deadline(patience.ATTEMPT + 60))


def test_a_session_on_the_source_lasts_no_longer_than_it_may(world: World) -> None:
    """Where there is a deadline, the source's own time limits are what is left until then."""
    with open_source(world.source, 90) as source:
        take_snapshot(source, [("public", "currency")], 90)
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert source.execute(f"show {name}").fetchone() in [("90001ms",), ("90s",)]

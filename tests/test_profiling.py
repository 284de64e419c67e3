"""Profiles: the parts of a stage add up, whatever is measured within what."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.world import World
from totes import pipeline
from totes.cli import cli
from totes.profiling import REST, Part, measured, passed, profiled


def test_parts_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured within another part counts once; what nobody measured is the rest."""
    clock = [0.0]
    monkeypatch.setattr("totes.profiling.perf_counter", lambda: clock[0])
    with profiled() as parts:
        with measured("outer"):
            clock[0] += 1
            for _ in range(2):
                with measured("inner", 5):
                    clock[0] += 4
        passed("beside", 7, 100.0)
        clock[0] += 2
    assert parts == {
        "beside": Part(1, 100.0, 7, beside=True),
        "inner": Part(2, 8.0, 10),
        REST: Part(1, 2.0),
        "outer": Part(1, 1.0),
    }
    assert list(parts) == ["beside", "inner", REST, "outer"]


def test_nothing_is_kept_where_nobody_asked() -> None:
    """Outside a profile, measuring does nothing."""
    with measured("a part"):
        passed("another", 1, 1.0)
    with profiled() as parts:
        pass
    assert list(parts) == [REST]


@pytest.mark.slow
def test_a_stage_says_where_its_seconds_went(world: World) -> None:
    """Each stage's report has its parts, those of the threads beside it too."""
    ingested, _, loaded = pipeline.run(world.settings)
    for report in (ingested, loaded):
        own = sum(part.seconds for part in report.parts.values() if not part.beside)
        assert 0 < own <= report.seconds
    assert ingested.parts["COPY out waits for the engine"].beside
    assert ingested.parts["store files"].bytes == sum(t.bytes for t in ingested.tables.values())
    assert loaded.parts["COPY in takes the rows"].bytes > 0


def test_profile_is_shown_when_asked_for(ran: World) -> None:
    """`totes run --profile` prints the parts of each stage, or has them in its JSON. Where there is
    nothing new, to start an engine is none of them."""
    runner = CliRunner(env=ran.environment)
    plain = runner.invoke(cli, ["run"]).output
    shown = runner.invoke(cli, ["run", "--profile"]).output
    assert "connect" not in plain
    assert shown.count("find the newest batch") == 3
    assert "start the engine" not in shown
    reports = json.loads(runner.invoke(cli, ["run", "--profile", "--json"]).output)
    assert all(set(report["parts"]) >= {"find the newest batch", REST} for report in reports)
    assert "parts" not in json.loads(runner.invoke(cli, ["run", "--json"]).output)[0]

"""`make smoke`: does what was deployed work?"""

from __future__ import annotations

import pytest

from scripts import smoke
from tests.aws.deployment import Deployment


def ran(machine: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["smoke", machine])
    return smoke.main()


def test_smoke_tells_a_deployment_that_works_from_one_that_does_not(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that comes to its end is well; a stopped table, and a failed execution, are named."""
    assert ran(deployed.machine, monkeypatch) == 0
    assert "all is well" in capsys.readouterr().out
    deployed.change("alter table design rename column file_name to path")
    assert ran(deployed.machine, monkeypatch) == 1
    assert "error: design: column file_name is missing" in capsys.readouterr().err
    deployed.configure("load", Environment={"Variables": {}})
    assert ran(deployed.machine, monkeypatch) == 1
    assert "error: FAILED: " in capsys.readouterr().err  # the stand-in does not say of what


def test_smoke_names_what_is_left() -> None:
    """Batches that are pending, and a stage that is ahead of the one before it, are faults."""
    told = (
        '{"ingest": {"pending": 0, "batch": 3, "problems": {}},'
        ' "process": {"pending": 1, "batch": 2}, "load": {"pending": 0, "batch": 2}}'
    )
    assert smoke.faults({"status": "SUCCEEDED", "output": told}) == [
        "process: 1 batches are left",
        "ingest, process and load have come to batches [3, 2, 2]",
    ]


def test_smoke_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no execution comes to its end in time, that is an error."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    with pytest.raises(TimeoutError, match="no execution of a-machine"):
        smoke.run("a-machine", patience=0.0)

"""Every optional part, applied."""

from __future__ import annotations

from pathlib import Path

from tests.aws.applied import apply, prepared
from tests.aws.stand_in import StandIn
from tests.aws.test_applied_runs import at, change, held_up, waiting
from tests.aws.test_functions import until


def test_everything_optional_is_applied_works_and_goes(
    plugins: dict[str, str],
    aws: StandIn,
    databases: tuple[str, str],
    tmp_path: Path,
    package: Path,
) -> None:
    """Nothing is left to change; with policies enforced, an execution does its work and a second
    one, as concurrency is reserved, is skipped; then nothing is left at all."""
    root = "examples/complete"
    name = "totes-complete"
    made = apply(prepared(aws, databases, tmp_path, package, plugins, root=root, name=name))
    made.configuration.plan()
    with aws.enforcing():
        made.done()
        batch = change(made)
        with held_up(made):
            first = aws.started(made.machine)
            until(lambda: waiting(made) == 1)
            assert "skipped" in made.done()
        assert aws.ended(first)["status"] == "SUCCEEDED"
    assert at(made) == batch
    made.configuration.run("terraform", "apply", "-auto-approve", "-var", "lakes_destroyable=true")
    made.configuration.run("terraform", "destroy", "-auto-approve")
    assert made.configuration.there() == []

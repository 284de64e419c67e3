"""The deployment that other tests applied is taken away: all but the lakes, then these too.

By its name this module is the last of those that share the deployment.
"""

from __future__ import annotations

import re

import pytest

from tests.aws.applied import Applied

LAKES = re.compile(r"module\.(ingestion|processed)\.")


def objects(applied: Applied) -> list[int]:
    """How many objects each lake has."""
    s3 = applied.aws.client("s3")
    lakes = (applied.told[f"{kind}_bucket"] for kind in ("ingestion", "processed"))
    return [s3.list_objects_v2(Bucket=lake)["KeyCount"] for lake in lakes]


def test_everything_goes_but_the_lakes_unless_told_twice(default: Applied) -> None:
    """What is told once leaves the lakes as they are, whichever of the two it is."""
    default.done()
    full, configuration = objects(default), default.configuration
    assert all(full)
    configuration.run("bash", "destroy.sh", "-auto-approve")
    lakes = configuration.there()
    assert lakes
    assert all(map(LAKES.match, lakes))
    assert not default.aws.client("lambda").list_functions()["Functions"]
    assert "nothing is there but the lakes" in configuration.run(
        "bash", "destroy.sh", "-auto-approve"
    )
    with pytest.raises(pytest.fail.Exception, match="lakes_destroyable"):
        configuration.run("bash", "destroy.sh", "--lakes", "-auto-approve")
    assert configuration.there() == lakes
    assert objects(default) == full
    targets = ("-target=module.ingestion", "-target=module.processed")
    configuration.run(
        "terraform", "apply", "-auto-approve", "-var", "lakes_destroyable=true", *targets
    )
    assert objects(default) == full
    configuration.run("bash", "destroy.sh", "--lakes", "-auto-approve")
    assert configuration.there() == []
    buckets = default.aws.client("s3").list_buckets()["Buckets"]
    assert not [bucket for bucket in buckets if bucket["Name"].startswith(default.name)]

"""A real PostgreSQL for the session, and a whole world of Totes for a test."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.world import World, made_databases, make_template
from totes.demo.postgres import PostgresServer

# A shell that runs the tests in the background has them ignore Ctrl-C, and so all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# what the names of modules begin with that share a deployment, or a dashboard
SHARED = ("tests/aws/test_applied", "tests/dashboard/test_browser")


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that ends with the session; never to be stopped by a test."""
    folder = Path(tempfile.mkdtemp(prefix="totes-tests-"))
    folder.chmod(0o755)  # where root has no mask, the server runs as another user
    try:
        with PostgresServer(folder / "postgres", durable=False) as running:
            yield running
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def handmade(server: PostgresServer) -> str:
    """The name of a template database that holds a small totesys made by hand."""
    return make_template(server)


@pytest.fixture
def databases(server: PostgresServer, handmade: str) -> Iterator[tuple[str, str]]:
    """The DSNs of a source like `handmade` and of an empty database, of the test's own."""
    with made_databases(server, handmade) as dsns:
        yield dsns


@pytest.fixture
def world(databases: tuple[str, str], tmp_path: Path) -> World:
    """A world over the handmade totesys, in which nothing has run yet."""
    return World(*databases, tmp_path)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts of a stage no test of this process waits."""
    monkeypatch.setattr("totes.pipeline.patience.FIRST_WAIT", 0.0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Each test is run by whichever worker is free, but all that share something large by one.

    Not by `--dist loadgroup`: of pytest 9.2, xdist does not see the groups.
    """
    made = LoadScopeScheduling(config, log)
    made._split_scope = lambda nodeid: next(filter(nodeid.startswith, SHARED), nodeid)
    return made

"""A real PostgreSQL for the session, and a whole world of Totes for a test."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.own_model import add_things, insert, own_world
from tests.s3 import running_s3
from tests.undisturbed import Undisturbed
from tests.world import (
    Stock,
    World,
    folder_for_servers,
    let_in_fast,
    made_databases,
    make_template,
    make_trouble,
)
from totes.demo.postgres import PostgresServer

# A shell that runs the tests in the background has them ignore Ctrl-C, and so all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# what the names of modules begin with that share a deployment, a dashboard, or a demo
SHARED = ("tests/aws/test_applied", "tests/dashboard/test_browser", "tests/demo/test_show")


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server that ends with the session; never to be stopped by a test."""
    folder = folder_for_servers("totes-tests-")
    try:
        with PostgresServer(folder / "postgres", durable=False) as running:
            let_in_fast(running)
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


@pytest.fixture(scope="session")
def untouched_databases(server: PostgresServer, handmade: str) -> Iterator[tuple[str, str]]:
    """Databases as of `databases`, of the session."""
    with made_databases(server, handmade) as dsns:
        yield dsns


@pytest.fixture
def untouched(untouched_databases: tuple[str, str], tmp_path: Path) -> Iterator[World]:
    """A world over the handmade totesys, in which nothing runs: for tests that only look at its
    databases, which are shared, or are refused. Its lakes' folder is the test's own."""
    world = World(*untouched_databases, tmp_path)
    yield world
    assert world.ask("select to_regnamespace('totes')") == [(None,)], "the warehouse was touched"


@pytest.fixture(scope="session")
def troubled(
    server: PostgresServer, handmade: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A world after `make_trouble`, for tests that only look at it."""
    with made_databases(server, handmade) as dsns:
        world = World(*dsns, tmp_path_factory.mktemp("troubled"))
        make_trouble(world)
        yield world


@pytest.fixture(scope="session")
def stock(
    server: PostgresServer, handmade: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stock]:
    """Worlds over the handmade totesys that many tests begin with."""
    made = Stock(server, handmade, tmp_path_factory.mktemp("stock"))
    yield made
    made.close()


@pytest.fixture
def ran(stock: Stock, tmp_path: Path) -> Iterator[World]:
    """A world over the handmade totesys after its first run: batch 1 is in the warehouse."""
    with stock.copied("ran", World.run, tmp_path) as copy:
        yield copy


@pytest.fixture
def own(server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """A world without a data model yet, which is the test's to write."""
    with own_world(server, tmp_path) as world:
        yield world


@pytest.fixture
def small(own: World) -> World:
    """A world of two source tables, two facts and two dimensions, after its first run."""
    for also in ("", "_2"):
        add_things(own, also=also)
        insert(own, f"things{also}", {"id": 1, "said": "one"}, {"id": 2, "said": "two"})
    own.run()
    return own


@pytest.fixture(scope="session")
def undisturbed(stock: Stock, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What there is before a run, and after it if nothing disturbs it."""
    return Undisturbed(stock, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of an S3 on loopback, with a bucket `lake`, which all tests share."""
    with running_s3() as url:
        yield url


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two attempts of a stage no test of this process waits."""
    monkeypatch.setattr("totes.pipeline.patience.FIRST_WAIT", 0.0)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick",
        action="store_true",
        help="leave out slow tests, and of each that needs a server all but the first case",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests start first, so that no worker waits for one at the end; or are left out."""
    is_slow = {item: item.get_closest_marker("slow") is not None for item in items}
    if config.getoption("--quick"):
        left_out = {item for item in items if is_slow[item]} | _further_cases(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: not is_slow[item])


def _further_cases(items: list[pytest.Item]) -> set[pytest.Item]:
    """All but the first case of each test that needs a server."""
    first: dict[str, pytest.Item] = {}
    for item in items:
        first.setdefault(item.nodeid.partition("[")[0], item)
    firsts = set(first.values())
    return {item for item in items if "server" in _fixtures(item) and item not in firsts}


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Each test is run by whichever worker is free, but all that share something large by one.

    Not by `--dist loadgroup`: of pytest 9.2, xdist does not see the groups.
    """
    made = LoadScopeScheduling(config, log)
    made._split_scope = lambda nodeid: next(filter(nodeid.startswith, SHARED), nodeid)
    return made

"""One company, one server and one browser for all tests of the dashboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from scripts.browser import NoBrowserError, chromium
from tests.dashboard.company import Traded, served, traded
from tests.world import World, made_databases
from totes.demo.postgres import PostgresServer


@pytest.fixture(scope="session")
def company(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    """TerrificTotes in a warehouse of two batches; tests only read it."""
    server.create_database("blank")
    with made_databases(server, "blank") as dsns:
        yield traded(World(*dsns, tmp_path_factory.mktemp("company")))


@pytest.fixture(scope="session")
def dashboard(company: Traded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard over the company's warehouse, by a login that may only read it.

    No page of any test may have failed unseen.
    """
    log = tmp_path_factory.mktemp("dashboard") / "log"
    environment = {**os.environ, "TOTES_WAREHOUSE": company.analyst, "LOG": str(log)}
    with served(environment) as (url, said):
        yield url
    assert not [line for line in said if "Traceback" in line or "Error" in line], said


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser. Without one the tests fail, and say how to get one."""
    try:
        with chromium() as opened:
            yield opened
    except NoBrowserError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def shared_page(browser: Browser) -> Iterator[Page]:
    """A browser's page for one test after another: what it has fetched and compiled, it keeps."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Where a dashboard of a test's own writes."""
    return str(tmp_path / "log")

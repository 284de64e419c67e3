"""`totes dashboard`: what it opens, where it listens, and what it says when it cannot."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result

from tests.dashboard.company import served
from tests.test_cli import assert_is_clear_error
from totes.cli import cli
from totes.dashboard.serving import SCRIPT
from totes.demo import show
from totes.demo.postgres import PostgresServer, stop_kept
from totes.errors import DemoError


def dashboard(*arguments: str, **settings: str | None) -> Result:
    environment: dict[str, str | None] = {"TOTES_WAREHOUSE": None, **settings}
    return CliRunner().invoke(cli, ["dashboard", *arguments], env=environment)


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A demo that has ended, before it founded anything, in a folder that the server can reach."""
    monkeypatch.setattr(show, "PostgresServer", partial(PostgresServer, durable=False))
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "demo"
        show._make_room(folder)
        with show._box(folder, keep=False):
            pass
        yield folder
        stop_kept(folder / "postgres")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a dashboard that was started with --json, and what it has printed."""
    log = tmp_path_factory.mktemp("dashboard") / "log"
    environment = {**os.environ, "TOTES_WAREHOUSE": "dbname=none", "LOG": str(log)}
    with served(environment, "--json") as (url, _):
        yield url, log


@pytest.mark.slow
def test_without_settings_it_opens_the_demo(demo: Path, log: str) -> None:
    """With no warehouse named, that of the demo is shown, its server started for as long; a line
    says so."""
    environment = {name: value for name, value in os.environ.items() if "TOTES_" not in name}
    with served({**environment, "LOG": log}, "--folder", str(demo)) as (url, said):
        assert PostgresServer(demo / "postgres").dsn()
        with urlopen(url) as page:
            assert page.status == 200
    with pytest.raises(DemoError, match="no PostgreSQL is running"):
        PostgresServer(demo / "postgres").dsn()
    assert said == [f"{url} shows the demo's warehouse, in {demo}, until Ctrl-C"]


def test_it_listens_to_this_machine_alone(running: tuple[str, Path]) -> None:
    """Unless told otherwise it listens at 127.0.0.1 and at no other address."""
    url, log = running
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", urlsplit(url).port or 0), timeout=5)
    (said,) = log.read_text().splitlines()
    assert json.loads(said) == {"url": url, "warehouse": "your warehouse"}


def test_a_page_s_own_address_leads_to_it(running: tuple[str, Path]) -> None:
    """A page's address is led to the root, with its filters, where Streamlit finds its server."""
    url, _ = running
    with urlopen(f"{url}/payments?currency=USD") as page:
        assert page.url == f"{url}/?page=payments&currency=USD"


def test_without_settings_and_without_a_demo(tmp_path: Path) -> None:
    """Where there is nothing to show, the error names the setting and the demo."""
    result = dashboard("--folder", str(tmp_path / "none"))
    assert_is_clear_error(result, "TOTES_WAREHOUSE is not set", "totes demo")


def test_a_port_that_is_taken() -> None:
    """A port at which something listens already is an error that offers another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = dashboard("--port", str(port), TOTES_WAREHOUSE="dbname=none")
    assert_is_clear_error(result, str(port), f"--port {port + 1}")


def test_without_the_extra_it_says_how_to_install_it() -> None:
    """Without Streamlit the error says what is missing, and the command that installs it."""
    code = (
        "import sys; sys.modules['streamlit'] = None\n"
        "from totes.cli import main\n"
        "sys.argv = ['totes', 'dashboard']\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "error: the dashboard needs streamlit, not installed here",
        "hint: pip install 'totes[dashboard]'",
    ]


def test_pages_are_imported_before_a_browser_asks() -> None:
    """What the script imports of Totes is there when the server takes its first request."""
    code = (
        "import asyncio, sys, uvicorn; from totes.dashboard import serving\n"
        "async def begin(app):\n    async with app.lifespan()(app): print(*sys.modules)\n"
        "uvicorn.run = lambda app, **_: asyncio.run(begin(app)); serving._run('127.0.0.1', 0)"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    script = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    needed = {node.module for node in script.body if isinstance(node, ast.ImportFrom)}
    assert "totes.dashboard.pages" in needed
    assert needed <= {*loaded}

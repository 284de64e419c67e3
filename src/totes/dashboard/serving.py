"""`totes dashboard`: which warehouse, and Streamlit as we want it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from totes.config import Settings
from totes.dashboard import connection
from totes.demo.postgres import PostgresServer
from totes.demo.show import MARK
from totes.errors import ConfigurationError, DemoError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGES = ("sales", "purchases", "payments", "history", "pipeline")
SCRIPT = Path(__file__).with_name("app.py")

LIGHT = {
    "primaryColor": "#0f5e9c",
    "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f2f5f8",
    "textColor": "#1b2733",
    "linkColor": "#0f5e9c",
    "borderColor": "#c5cfd9",
    "chartCategoricalColors": ["#0f5e9c"],
}
DARK = {
    "primaryColor": "#6cb4ee",
    "backgroundColor": "#11181f",
    "secondaryBackgroundColor": "#1c2630",
    "textColor": "#e8eef4",
    "linkColor": "#8cc6f5",
    "borderColor": "#3a4856",
    "chartCategoricalColors": ["#6cb4ee"],
}
OPTIONS: dict[str, Any] = {
    "browser.gatherUsageStats": False,  # or each page would tell another host
    "client.toolbarMode": "minimal",  # no button to deploy it elsewhere
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "logger.hideWelcomeMessage": True,
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": False,
    "theme.headingFontSizes": ["1.75rem", "1.2rem", "1.1rem", "1rem", "1rem", "1rem"],
    "theme.metricValueFontSize": "1.75rem",
    **{f"theme.light.{name}": value for name, value in LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in DARK.items()},
}


def serve(folder: Path, *, address: str, port: int, as_json: bool) -> None:
    """Show the dashboard at `address` and `port` until Ctrl-C.

    It reads the warehouse of TOTES_WAREHOUSE or, where that is not set, of the demo in `folder`.
    Raises ConfigurationError if the extra is not installed, there is no warehouse, or the port is
    taken.
    """
    _check_installed()
    with _warehouse(folder) as (dsn, whose):
        _check_free(address, port)
        connection.use(dsn)
        url = f"http://{_printed(address)}:{port}"
        if as_json:
            click.echo(json.dumps({"url": url, "warehouse": whose}))
        else:
            click.echo(f"{url} shows {whose}, until Ctrl-C")
        _run(address, port)


def _run(address: str, port: int) -> None:
    import streamlit
    import uvicorn
    from starlette.routing import Route
    from streamlit.web import bootstrap

    bootstrap.load_config_options({**OPTIONS, "server.address": address, "server.port": port})
    pages = [Route(f"/{page}", _at_the_root) for page in PAGES]
    application = streamlit.App(SCRIPT, routes=pages, lifespan=_with_pages)
    with suppress(KeyboardInterrupt):  # which is how it is meant to end
        uvicorn.run(
            application,
            host=address,
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )


@asynccontextmanager
async def _with_pages(_: object) -> AsyncIterator[None]:
    """Import the pages before the server takes a request.

    Streamlit runs the script in threads, and a first run among several has failed to import them.
    """
    importlib.import_module("totes.dashboard.pages")
    yield


def _at_the_root(request: Request) -> Response:
    """Lead a page's address to the root, which shows it at once.

    Opened at its own path, Streamlit would look for the server below that first, in vain.
    """
    from starlette.responses import RedirectResponse

    page = request.url.path.rpartition("/")[2]
    query = f"&{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"./?page={page}{query}")


def _check_installed() -> None:
    missing = [name for name in ("streamlit", "altair") if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the dashboard needs {' and '.join(missing)}, not installed here",
            hint="pip install 'totes[dashboard]'",
        )


@contextmanager
def _warehouse(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield a warehouse's connection string, and whose it is."""
    settings = Settings.of_environment()
    if settings.warehouse and settings.warehouse.get_secret_value().strip():
        yield settings.dsn("warehouse"), "your warehouse"
        return
    if not (folder / MARK).exists():
        raise ConfigurationError(
            f"TOTES_WAREHOUSE is not set, and there is no demo in {folder}",
            hint="export TOTES_WAREHOUSE=postgresql://…, or run totes demo first",
        )
    whose = f"the demo's warehouse, in {folder}"
    server = PostgresServer(folder / "postgres")
    with ExitStack() as started:
        try:
            dsn = server.dsn("warehouse")
        except DemoError:  # it does not run
            started.enter_context(server)
            dsn = server.dsn("warehouse")
        yield dsn, whose


def _check_free(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.create_server((address, port), family=family):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen at {address}, port {port}: {error.strerror or error}",
            hint=f"name another port, for example --port {port + 1}",
        ) from error


def _printed(address: str) -> str:
    return f"[{address}]" if ":" in address else address

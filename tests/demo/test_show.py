"""The demo as a newcomer sees it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.following import blocks, expected
from tests.world import made_database
from totes.cli import cli
from totes.demo import show
from totes.demo.company import found
from totes.demo.postgres import PostgresServer, stop_kept
from totes.demo.process import command_line

README = Path(__file__).parents[2] / "README.md"


class Live(NamedTuple):
    """A live demo that Ctrl-C has ended: what it printed, and whether it left a server."""

    folder: Path
    printed: str
    left_a_server: bool


@pytest.fixture(scope="module", autouse=True)
def hasty() -> Iterator[None]:
    """The demos' servers do not wait for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(show, "PostgresServer", partial(PostgresServer, durable=False))
        yield


@pytest.fixture(scope="module")
def live(hasty: None) -> Iterator[Live]:
    """A live demo of the real size, that somebody ends while it pauses for the second time."""
    pauses = count(1)

    def pause(seconds: float) -> None:
        if next(pauses) == 2:
            signal.raise_signal(signal.SIGINT)

    with tempfile.TemporaryDirectory() as parent, pytest.MonkeyPatch.context() as patch:
        Path(parent).chmod(0o755)  # the server's own user has to enter where tests run as root
        folder = Path(parent) / "demo"
        clock = SimpleNamespace(perf_counter=time.perf_counter, sleep=pause)
        patch.setattr(show, "time", clock)
        result = CliRunner().invoke(cli, ["demo", "--live", "--folder", str(folder)])
        assert result.exit_code == 0, result.output
        yield Live(folder, result.stdout, stop_kept(folder / "postgres"))
        stop_kept(folder / "postgres")


def totes(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["demo", "--scale", "0.02", *map(str, arguments)])


def settings(folder: Path) -> dict[str, str]:
    """What the demo's settings.sh exports, as a shell reads it."""
    command = f". {folder}/settings.sh && env"
    out = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    pairs = (line.partition("=") for line in out.splitlines())
    return {name: value for name, _, value in pairs if name.startswith("TOTES_")}


def path_of(folder: Path) -> str:
    """The PATH that the demo's settings.sh leaves a shell with."""
    command = f'. {folder}/settings.sh && echo "$PATH"'
    return subprocess.check_output(["sh", "-c", command], text=True).strip()


@pytest.mark.slow
def test_demo_tells_the_whole_story(live: Live) -> None:
    """The demo shows both runs by stage and answers from the warehouse, and leaves no server."""
    for title in (
        "First run",
        "Second run",
        "Sales by month and currency",
        "What is owed",
        "corrected today",
        "deleted today",
        "Where it all is",
        "What to try next",
    ):
        assert title in live.printed
    lines = live.printed.splitlines()
    deleted = next(i for i, line in enumerate(lines) if "deleted today" in line)
    assert [line.split()[0] for line in lines[deleted + 2 : deleted + 4]] == ["insert", "delete"]
    corrected = next(i for i, line in enumerate(lines) if "corrected today" in line)
    assert lines[corrected + 3].split()[0] == "update"
    assert lines[corrected + 3].endswith("yes")
    assert not live.left_a_server


@pytest.mark.slow
def test_demo_is_as_the_readme_shows(live: Live) -> None:
    """What the README shows of the demo is what it prints, line by line, but for what varies."""
    page = README.read_text(encoding="utf-8")
    shown = next(block for block in blocks(page) if block.text.startswith("First run"))
    lines = re.sub(r"\w+ has moved", "… has moved", shown.text)  # whichever department it is
    rest = live.printed
    for line in filter(str.strip, lines.splitlines()):
        found = expected(replace(shown, text=line, figures_vary=True)).search(rest)
        assert found, f"the demo does not print: {line}"
        rest = rest[found.end() :]


@pytest.mark.slow
def test_live_goes_on_until_ctrl_c(live: Live) -> None:
    """--live trades and runs on, a line each, until Ctrl-C, which ends it well."""
    _, _, rest = live.printed.partition("trading and running until Ctrl-C\n")
    went_on, _, end = rest.partition("Where it all is")
    batches = [re.search(r"batch (\d+): \d+ rows .* behind", line) for line in went_on.split("\n")]
    assert [found[1] for found in batches if found] == ["3", "4"]
    assert "What to try next" in end


@pytest.mark.slow
def test_a_demo_that_is_kept_replaces_the_one_before_and_serves_until_it_is_stopped(
    live: Live,
) -> None:
    """A demo that is there already is made anew, though its server runs; --keep leaves a server
    that a psql, status and verify reach by the settings, --stop ends it. With --json one document
    is printed: where it is, and the reports of both runs."""
    before = PostgresServer(live.folder / "postgres")
    before.start(outlive=True)
    pid = int((before.folder / "data" / "postmaster.pid").read_text().split()[0])
    document = json.loads(totes("--folder", live.folder, "--keep", "--json").output)
    assert document["folder"] == str(live.folder)
    stages = [[report["stage"] for report in run] for run in document["runs"]]
    assert stages == [["ingest", "process", "load"]] * 2
    assert not command_line(pid)
    environment = settings(live.folder)
    assert (live.folder / "settings.sh").stat().st_mode & 0o077 == 0
    psql = f"{path_of(live.folder).split(os.pathsep)[-1]}/psql"
    query = [psql, environment["TOTES_WAREHOUSE"], "-Atc", "select count(*) > 0 from fact_payment"]
    assert subprocess.run(query, capture_output=True, text=True, check=True).stdout == "t\n"
    for command in ("run", "status", "verify"):
        result = CliRunner().invoke(cli, [command], env=environment)
        assert result.exit_code == 0, result.output
    assert "has stopped" in totes("--folder", live.folder, "--stop").output
    assert "no server runs" in totes("--folder", live.folder, "--stop").output
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(environment["TOTES_WAREHOUSE"])


def test_demo_replaces_nothing_that_it_has_not_made(tmp_path: Path) -> None:
    """A folder of anybody else's is not touched."""
    (tmp_path / "thesis.txt").write_text("years of work")
    result = totes("--folder", tmp_path)
    assert result.exit_code == 1
    assert "was not made by totes demo" in result.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["years of work"]


def test_demo_corrects_and_deletes_what_was_there(server: PostgresServer, tmp_path: Path) -> None:
    """The demo corrects and deletes orders that its first run has seen, however few there are: one
    that comes and goes between two runs is never seen."""
    with made_database(server, "totesys") as dsn, psycopg.connect(dsn) as connection:
        found(connection, scale=0.001, until=datetime(2024, 11, 5))
        connection.commit()
        before = {
            order for (order,) in connection.execute("select sales_order_id from sales_order")
        }
        connection.commit()
        assert set(show._trade(show.Box(tmp_path, server), show._quiet)) <= before

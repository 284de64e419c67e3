"""The demo as a newcomer sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from totes.cli import cli
from totes.demo.postgres import stop_kept


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the demo, that the server's own user can reach where tests run as root."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        yield Path(parent) / "demo"
        stop_kept(Path(parent) / "demo" / "postgres")


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


def test_demo_tells_the_whole_story(folder: Path) -> None:
    """The demo shows both runs by stage and answers from the warehouse, and leaves no server."""
    result = totes("--folder", folder)
    assert result.exit_code == 0, result.output
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
        assert title in result.output
    lines = result.output.splitlines()
    deleted = next(i for i, line in enumerate(lines) if "deleted today" in line)
    assert [line.split()[0] for line in lines[deleted + 2 : deleted + 4]] == ["insert", "delete"]
    corrected = next(i for i, line in enumerate(lines) if "corrected today" in line)
    assert lines[corrected + 3].split()[0] == "update"
    assert lines[corrected + 3].endswith("yes")
    assert stop_kept(folder / "postgres") is False


def test_demo_json(folder: Path) -> None:
    """With --json the demo prints one document: where it is, and the reports of both runs."""
    document = json.loads(totes("--folder", folder, "--json").output)
    assert document["folder"] == str(folder)
    assert [[report["stage"] for report in run] for run in document["runs"]] == [
        ["ingest", "process", "load"]
    ] * 2


def test_kept_server_serves_every_command_until_it_is_stopped(folder: Path) -> None:
    """--keep leaves a server that a psql, status and verify reach by the settings;
    --stop ends it."""
    assert totes("--folder", folder, "--keep").exit_code == 0
    environment = settings(folder)
    assert (folder / "settings.sh").stat().st_mode & 0o077 == 0
    psql = f"{path_of(folder).split(os.pathsep)[-1]}/psql"
    query = [psql, environment["TOTES_WAREHOUSE"], "-Atc", "select count(*) > 0 from fact_payment"]
    assert subprocess.run(query, capture_output=True, text=True, check=True).stdout == "t\n"
    for command in ("run", "status", "verify"):
        result = CliRunner().invoke(cli, [command], env=environment)
        assert result.exit_code == 0, result.output
    assert "has stopped" in totes("--folder", folder, "--stop").output
    assert "no server runs" in totes("--folder", folder, "--stop").output
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(environment["TOTES_WAREHOUSE"])


def test_demo_replaces_a_demo_and_nothing_else(folder: Path) -> None:
    """A folder that an earlier demo made is made anew; anybody else's is not touched."""
    assert totes("--folder", folder, "--keep").exit_code == 0
    assert totes("--folder", folder).exit_code == 0
    (folder / "made-by-totes-demo").unlink()
    before = sorted(folder.rglob("*"))
    result = totes("--folder", folder)
    assert result.exit_code == 1
    assert "was not made by totes demo" in result.stderr
    assert sorted(folder.rglob("*")) == before


def test_live_goes_on_until_ctrl_c(folder: Path) -> None:
    """--live trades and runs on, a line each, until Ctrl-C, which ends it well."""
    command = [sys.executable, "-m", "totes", "demo", "--scale", "0.02", "--folder", str(folder)]
    pipe: Any = subprocess.PIPE
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, "--live"], stdout=pipe, stderr=pipe, text=True, env=environment
    )
    try:
        for line in process.stdout or ():
            if "behind the source" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "What to try next" in rest
    assert "Traceback" not in errors
    assert stop_kept(folder / "postgres") is False

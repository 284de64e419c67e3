"""The demo: everything that Totes does, on this machine, and what a newcomer wants to see of it."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import psycopg

from totes import pipeline, terminal
from totes.config import Settings
from totes.demo import answers
from totes.demo.company import found
from totes.demo.postgres import PostgresServer, binaries, stop_kept
from totes.demo.trading import Company
from totes.errors import ConfigurationError
from totes.report import Report

MARK = "made-by-totes-demo"  # a file in the folder, without which nothing in it is ever removed
PAUSE = 3.0  # seconds between two spells of trading when live


@dataclass(frozen=True)
class Box:
    """A running demo: the server, and the settings that name its databases and lakes."""

    folder: Path
    server: PostgresServer

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TOTES_SOURCE": self.server.dsn("totesys"),
            "TOTES_WAREHOUSE": self.server.dsn("warehouse"),
            "TOTES_INGESTION": (self.folder / "ingestion").as_uri(),
            "TOTES_PROCESSED": (self.folder / "processed").as_uri(),
        }

    @property
    def settings(self) -> Settings:
        values = {k.removeprefix("TOTES_").lower(): v for k, v in self.environment.items()}
        return Settings.model_validate(values)


def stop(folder: Path) -> None:
    """Stop the server that an earlier demo left running in `folder`."""
    stopped = stop_kept(folder / "postgres")
    click.echo("the demo's server has stopped" if stopped else f"no server runs in {folder}")


def demo(folder: Path, *, scale: float, keep: bool, live: bool, as_json: bool) -> None:
    """Found TerrificTotes in `folder`, run, let it trade, run again, and show what came of it."""
    _make_room(folder)
    with _box(folder, keep=keep) as box:
        say = _quiet if as_json else click.echo
        say(f"{_title('TerrificTotes')}: founded, with two years of trade, at scale {scale:g}")
        with terminal.waiting("founding TerrificTotes", hidden=as_json):
            _found(box, scale)
        say(f"\n{_title('First run')}: everything there is")
        first = _run(box, as_json=as_json)
        say(f"\n{_title('A day of trade')}")
        deleted, corrected = _trade(box, say)
        say(f"\n{_title('Second run')}: just what changed")
        second = _run(box, as_json=as_json)
        if as_json:
            reports = [[report.to_dict() for report in run] for run in (first, second)]
            click.echo(json.dumps({"folder": str(folder), "runs": reports}))
            return
        with psycopg.connect(box.settings.dsn("warehouse")) as connection:
            answers.show(connection, corrected=corrected, deleted=deleted)
        if live:
            _live(box)
        _farewell(box, keep=keep)


def _quiet(text: str) -> None:
    pass


def _title(text: str) -> str:
    return click.style(text, bold=True, fg="cyan")


def _make_room(folder: Path) -> None:
    """Leave `folder` new and empty. Only what an earlier demo made is ever removed."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise ConfigurationError(
                f"{folder} is not empty, and was not made by totes demo",
                hint="name another place with --folder",
            )
        stop_kept(folder / "postgres")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARK).write_text("Everything here was made by `totes demo` and may be deleted.\n")
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be made: {error.strerror}", hint="name another place with --folder"
        ) from error


@contextmanager
def _box(folder: Path, *, keep: bool) -> Iterator[Box]:
    """Yield a running demo. Its server ends with the block, unless `keep` and all went well."""
    server = PostgresServer(folder / "postgres")
    server.start(outlive=keep)
    try:
        for database in ("totesys", "warehouse"):
            server.create_database(database)
        box = Box(folder, server)
        exports = [f"export {name}='{value}'\n" for name, value in box.environment.items()]
        # for those who have no psql; the reader's own comes first
        exports.append(f'export PATH="$PATH:"{shlex.quote(str(binaries()))}\n')
        settings = folder / "settings.sh"
        settings.touch(mode=0o600)
        settings.write_text("".join(exports))
        yield box
    except BaseException:
        server.stop()
        raise
    if not keep:
        server.stop()


def _found(box: Box, scale: float) -> None:
    """Found the company as of last midnight: the same all day."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    with psycopg.connect(box.settings.dsn("source")) as connection:
        found(connection, scale=scale, until=midnight)


def _run(box: Box, *, as_json: bool) -> list[Report]:
    with terminal.progress(hidden=as_json) as progress:
        reports = pipeline.run(box.settings, progress)
    if not as_json:
        terminal.show_reports(reports)
    return reports


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _trade(box: Box, tell: Callable[[str], None]) -> tuple[int, int]:
    """Let the company trade for a day; the ids of an order that it deleted and one corrected."""
    with psycopg.connect(box.settings.dsn("source"), autocommit=True) as connection:
        company = Company(connection)
        # before any order is new: one that comes and goes between two runs is never seen
        deleted = company.delete_one(_now())
        corrected = company.correct_one(_now())
        day = company.trade(_now())
        department = company.move_department(_now())
    tell(
        f"  {day.sales_orders} sales orders, {day.purchase_orders} purchase orders, "
        f"{day.payments_made} payments made, {day.corrections + 1} corrections"
    )
    tell(f"  order {corrected} corrected, order {deleted} deleted, {department} has moved")
    return deleted, corrected


def _live(box: Box) -> None:
    """Trade and run every few seconds until Ctrl-C, a line each."""
    click.echo(f"\n{_title('Live')}: trading and running until Ctrl-C")
    try:
        with psycopg.connect(box.settings.dsn("source"), autocommit=True) as connection:
            company = Company(connection)
            while True:
                company.trade(_now(), orders=3)
                began = time.perf_counter()
                reports = pipeline.run(box.settings)
                seconds = time.perf_counter() - began
                fresh = pipeline.status(box.settings).freshness or 0.0
                rows = sum(table.rows for table in reports[-1].tables.values())
                click.echo(
                    f"  {_now():%H:%M:%S}  batch {reports[-1].at}: {rows} rows in {seconds:.2f} s; "
                    f"the warehouse is {fresh:.1f} s behind the source"
                )
                time.sleep(PAUSE)
    except KeyboardInterrupt:
        click.echo()


def _farewell(box: Box, *, keep: bool) -> None:
    """Say where everything is, and what to try next."""
    totes = "totes" if shutil.which("totes") else shlex.quote(_relative(Path(sys.argv[0])))
    folder = shlex.quote(_relative(box.folder))
    click.echo(f"\n{_title('Where it all is')}")
    terminal.table(
        ("what", "where"),
        [
            ("ingestion lake", f"{folder}/ingestion"),
            ("processed lake", f"{folder}/processed"),
            ("warehouse", f"database `warehouse` of the server in {folder}/postgres"),
            *([("settings", f"{folder}/settings.sh")] if keep else []),  # of a server that runs
        ],
    )
    click.echo(f"\n{_title('What to try next')}")
    here = "" if folder == "totes-demo" else f" --folder {folder}"
    if keep:
        commands = [
            f". {folder}/settings.sh",
            f"{totes} status",
            f"{totes} verify",
            'psql "$TOTES_WAREHOUSE" -c "select * from sales_order_history limit 5"',
            f"{totes} dashboard    # in a browser, until Ctrl-C",
            f"{totes} demo{here} --stop",
        ]
    else:
        commands = [
            f"{totes} dashboard{here}    # the warehouse in a browser, until Ctrl-C",
            f"{totes} demo{here} --keep    # and leave the server running, for a BI tool",
            f"{totes} demo{here} --live    # and go on trading, until Ctrl-C",
            f"{totes} --help",
        ]
    for each in commands:
        click.echo(f"  {each}")


def _relative(path: Path) -> str:
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

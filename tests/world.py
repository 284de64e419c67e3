"""A whole world of Totes for a test: a source, two lakes and a warehouse."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from totes import pipeline
from totes.config import Settings
from totes.demo.postgres import PostgresServer
from totes.report import Report

HANDMADE = Path(__file__).with_name("handmade.sql")
MEMORY = Path("/dev/shm")  # Linux's folder that lies in memory
ROOM = 4 << 30  # bytes that have to be free there
_numbers = count(1)


def folder_for_servers(prefix: str) -> Path:
    """A new folder that every user may enter, as where root has no mask, servers run as another.

    It lies in memory if it can: a database is made in a tenth of the time that it takes on a disk.
    """
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY if is_roomy else None))
    folder.chmod(0o755)
    return folder


def let_in_fast(server: PostgresServer) -> None:
    """Hash a server's password once, and not 4096 times: most of what it takes to connect."""
    password = str(conninfo_to_dict(server.dsn())["password"])
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("set scram_iterations = 1")
        alter = sql.SQL("alter role current_user password {}")
        connection.execute(alter.format(sql.Literal(password)))


def make_template(server: PostgresServer) -> str:
    """Make a template database that holds a small totesys made by hand; its name."""
    server.create_database("handmade")
    with psycopg.connect(server.dsn("handmade")) as connection:
        connection.execute(HANDMADE.read_text())
    return "handmade"


@contextmanager
def made_databases(server: PostgresServer, template: str) -> Iterator[tuple[str, str]]:
    """Yield the DSNs of a source like `template` and of an empty database; drop them after."""
    number = next(_numbers)
    with (
        made_database(server, f"source_{number}", template) as source,
        made_database(server, f"warehouse_{number}") as warehouse,
    ):
        yield source, warehouse


@contextmanager
def made_database(
    server: PostgresServer, name: str, template: str | None = None, oid: int | None = None
) -> Iterator[str]:
    """Yield the DSN of a new database, empty or like `template`; drop it after."""
    # to copy the files is half the work of the default, which is to log all pages
    options: list[sql.Composable] = [sql.SQL("strategy file_copy")]
    options += [sql.SQL("template {}").format(sql.Identifier(template))] if template else []
    options += [sql.SQL("oid {}").format(oid)] if oid else []
    create = sql.SQL("create database {} {}")
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(create.format(sql.Identifier(name), sql.SQL(" ").join(options)))
    try:
        if oid:
            # PostgreSQL fails to drop a database of which it still has the statistics of a dropped
            # one with that oid; whoever connects begins them again
            psycopg.connect(server.dsn(name)).close()
        yield server.dsn(name)
    finally:
        server.drop_database(name)


@dataclass
class World:
    """A source, two lakes and a warehouse; `run` brings them up to date."""

    source: str
    warehouse: str
    folder: Path
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The settings as a person would export them."""
        return {
            "TOTES_SOURCE": self.source,
            "TOTES_WAREHOUSE": self.warehouse,
            "TOTES_INGESTION": f"file://{self.folder}/ingestion",
            "TOTES_PROCESSED": f"file://{self.folder}/processed",
        }

    @property
    def settings(self) -> Settings:
        values = {k.removeprefix("TOTES_").lower(): v for k, v in self.environment.items()}
        return Settings.model_validate({**values, **self.extra})

    def change(self, *statements: str, warehouse: bool = False) -> None:
        """Commit statements at the source, or the warehouse, as one transaction."""
        with psycopg.connect(self.warehouse if warehouse else self.source) as connection:
            for statement in statements:
                connection.execute(statement)

    def run(self) -> list[Report]:
        return pipeline.run(self.settings)

    def ask(self, query: str, *, source: bool = False) -> list[tuple[Any, ...]]:
        """The rows of a query on the warehouse, or on the source."""
        with psycopg.connect(self.source if source else self.warehouse) as connection:
            return connection.execute(query).fetchall()

    def objects(self) -> dict[str, bytes]:
        """Every object in both lakes, with its content."""
        lakes = [self.folder / "ingestion", self.folder / "processed"]
        files = [path for lake in lakes for path in lake.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


NO_DATE = "no day of any month " * 4  # two of them are too long to be shown whole


def make_trouble(world: World) -> None:
    """Two batches in the handmade totesys, after which the table design is stopped, and a payment
    and three orders are in quarantine: one for a short reason, one for a long one, and one for a
    value that clears a screen."""
    world.run()
    world.change(
        "alter table design rename column file_name to filename",
        "update payment set payment_date = '2026-02-30' where payment_id = 8",
        "update sales_order set agreed_payment_date = 'soon' where sales_order_id = 14",
        f"update sales_order set agreed_payment_date = '{NO_DATE}', "
        f"agreed_delivery_date = '{NO_DATE}' where sales_order_id = 2",
        "update sales_order set agreed_payment_date = e'\\x1b[2Jsoon\\n' where sales_order_id = 90",
    )
    world.run()


class Stock:
    """Worlds in which something has happened, to be copied instead of lived through again.

    Totes cannot tell a copy from its original: the source database has the same oid, its rows the
    same transaction ids, and the lakes the same files. So there is one copy at a time of each.
    """

    def __init__(self, server: PostgresServer, template: str, folder: Path) -> None:
        self._server, self._template, self._folder = server, template, folder
        self._oids: dict[str, int] = {}
        self._kept = ExitStack()

    def close(self) -> None:
        """Drop the originals."""
        self._kept.close()

    @contextmanager
    def copied(
        self, name: str, happens: Callable[[World], object], folder: Path
    ) -> Iterator[World]:
        """Yield a copy, with its lakes in `folder`, of the world in which something happened.

        That is done once, in a new world; later copies are of the same `name`.
        """
        if name not in self._oids:
            self._oids[name] = self._keep(name, happens)
        shutil.copytree(self._folder / name, folder, dirs_exist_ok=True)
        source, warehouse = f"{name}_source", f"{name}_warehouse"
        with (
            made_database(self._server, source, f"kept_{source}", self._oids[name]) as at,
            made_database(self._server, warehouse, f"kept_{warehouse}") as to,
        ):
            yield World(at, to, folder)

    def _keep(self, name: str, happens: Callable[[World], object]) -> int:
        """Keep a world's databases as templates, and its lakes; the oid that its source had."""
        source, warehouse = f"{name}_source", f"{name}_warehouse"
        keep = self._kept.enter_context
        (self._folder / name).mkdir()
        with made_database(self._server, source, self._template) as at:
            to = keep(made_database(self._server, f"kept_{warehouse}"))
            world = World(at, to, self._folder / name)
            happens(world)
            query = "select oid::bigint from pg_database where datname = current_database()"
            ((oid,),) = world.ask(query, source=True)
            keep(made_database(self._server, f"kept_{source}", source))
        return int(oid)

"""TerrificTotes after a day of trade, in a warehouse, and a login that may read it and no more."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.world import World
from totes.demo.company import found
from totes.demo.postgres import _free_port
from totes.demo.trading import Company

HOSTILE = "www.evil.example\n- a@evil.example"
ANALYST = "dashboard_analyst"


@dataclass
class Traded:
    """A company's world; `analyst` is the login that may only read, the numbers those of orders."""

    world: World
    analyst: str
    corrected: int
    deleted: int

    def ask(self, query: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.world.warehouse, row_factory=dict_row) as connection:
            return connection.execute(sql.SQL(query), values).fetchall()


def traded(world: World) -> Traded:
    """Found the company, run, let it trade for a day, run again: with a payment whose date is none,
    and a table of which somebody has renamed a column, to what a browser might take for more."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with psycopg.connect(world.source) as connection:
        found(connection, until=now.replace(hour=0, minute=0, second=0, microsecond=0))
    world.run()
    with psycopg.connect(world.source, autocommit=True) as connection:
        company = Company(connection)
        # before any order is new: one that comes and goes between two runs is never seen
        deleted, corrected = company.delete_one(now), company.correct_one(now)
        company.trade(now)
    world.change(
        "update payment set payment_date = '2024-02-30' where payment_id = 31",
        f'alter table design rename column file_name to "{HOSTILE}"',
    )
    world.run()
    analyst = may_only_read(world.warehouse, "public", "totes")
    return Traded(world, analyst, corrected, deleted)


def may_only_read(warehouse: str, *schemas: str) -> str:
    """The connection string of a login that may SELECT in the schemas, and nothing else."""
    with psycopg.connect(warehouse) as connection:
        role = sql.Identifier(ANALYST)
        there = connection.execute("select from pg_roles where rolname = %s", [ANALYST]).fetchone()
        if there is None:
            create = "create role {} login password 'reads' "
            connection.execute(sql.SQL(create).format(role))
        within = sql.SQL(", ").join(map(sql.Identifier, schemas))
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(within, role))
        grant = "grant select on all tables in schema {} to {}"
        connection.execute(sql.SQL(grant).format(within, role))
    return re.sub(r"//[^@]*@", f"//{ANALYST}:reads@", warehouse)


@contextmanager
def served(environment: dict[str, str], *arguments: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a dashboard in a process of its own, and what that has said so far."""
    port = _free_port()
    command = [sys.executable, "-m", "totes", "dashboard", "--port", str(port), *arguments]
    said: list[str] = []
    log = Path(environment["LOG"])
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/_stcore/health", process, log)
        yield url, said
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
        said.extend(log.read_text().splitlines())


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)

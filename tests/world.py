"""A whole world of Totes for a test: a source, two lakes and a warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from totes import pipeline
from totes.config import Settings
from totes.demo.postgres import PostgresServer
from totes.report import Report

HANDMADE = Path(__file__).with_name("handmade.sql")
_numbers = count(1)


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
    names = f"source_{number}", f"warehouse_{number}"
    server.create_database(names[0], template=template)
    server.create_database(names[1])
    yield server.dsn(names[0]), server.dsn(names[1])
    for name in names:
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

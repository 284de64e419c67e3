"""What a run costs as batches pile up: does one over 10,000 start as fast as one over 10?

    python -m benchmarks.many_batches --batches 10000 --folder /somewhere/else

TerrificTotes, small, trades on an embedded PostgreSQL; each batch is a few changed rows, and goes
through the real stages. Up to 10, 100, 1,000 and 10,000 batches each stage is timed over the last
few, of one changed row each, and the medians are printed as a line of a table: just there a folder
of manifests is full, and takes longest to list. In the end `verify` is timed. Only stages are
timed, not Python's start. The folder keeps the lakes and the databases: `--reuse` takes them up
where they were left, and makes what they lack of the batches.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

import psycopg

from totes import pipeline
from totes.config import Settings
from totes.demo.company import found
from totes.demo.postgres import PostgresServer
from totes.demo.trading import Company
from totes.lake import Manifest, keys

T = TypeVar("T")

SIZES = (10, 100, 1_000, 10_000)
REPEATS = 9  # odd, so that a median is one that was measured
CHUNK = 250  # batches that are ingested before they are processed and loaded, but for measured ones
COLUMNS = (
    "batches",
    "ingest, nothing new",
    "ingest, one row",
    "process",
    "load",
    "status",
    "files of the current rows",
    "bytes of a manifest",
    "versions",
    "history view, counted",
)


def main() -> None:
    """Make the batches, and print a line at each size on the way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, default=max(SIZES))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--reuse", action="store_true", help="go on with what is in the folder")
    options = parser.parse_args()
    with opened(options.folder, reuse=options.reuse) as bench:
        run(bench, options.batches)


def run(bench: Bench, batches: int, repeats: int = REPEATS) -> None:
    """Measure up to each size that the lakes have not outgrown yet, and at last verify."""
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{' ---: |' * len(COLUMNS)}", flush=True)
    for size in [size for size in SIZES if bench.batch < size < batches] + [batches]:
        bench.fill(size - repeats)
        print(f"| {' | '.join(bench.measured(repeats))} |", flush=True)
    seconds, verification = timed(lambda: pipeline.verify(bench.settings))
    audited = sum(audit.files for audit in verification.audits.values())
    well = "all is well" if verification.is_well else f"NOT WELL: {verification.damage[:3]}"
    print(f"\nverify: {seconds:.1f} s for {bench.batch:,} batches, {audited:,} files; {well}")


@contextmanager
def opened(folder: Path, *, reuse: bool) -> Iterator[Bench]:
    """Yield the bench in a folder, new or as it was left."""
    if not reuse and folder.exists():
        raise SystemExit(f"{folder} is there already; hint: --reuse goes on with it")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # where root has no mask, the server runs as another user
    with PostgresServer(folder / "postgres", durable=False) as server:
        if not (folder / "founded").exists():
            server.create_database("totesys")
            server.create_database("warehouse")
            with psycopg.connect(server.dsn("totesys")) as connection:
                found(connection, scale=0.05, until=now())
            (folder / "founded").touch()
        lakes = folder.resolve() / "ingestion", folder.resolve() / "processed"
        settings = Settings.model_validate(
            {
                "source": server.dsn("totesys"),
                "warehouse": server.dsn("warehouse"),
                "ingestion": lakes[0].as_uri(),
                "processed": lakes[1].as_uri(),
            }
        )
        with psycopg.connect(server.dsn("totesys"), autocommit=True) as connection:
            yield Bench.over(settings, connection, lakes)


@dataclass
class Bench:
    """A company at work, and two lakes and a warehouse that follow it."""

    settings: Settings
    connection: psycopg.Connection
    company: Company
    lakes: tuple[Path, Path]
    batch: int

    @classmethod
    def over(
        cls, settings: Settings, connection: psycopg.Connection, lakes: tuple[Path, Path]
    ) -> Bench:
        """A bench that goes on where the lakes are; each goes on differently."""
        batch = pipeline.status(settings).ingestion.batch
        return cls(settings, connection, Company(connection, seed=batch), lakes, batch)

    def change(self) -> None:
        """Change a few rows, as a company does: mostly orders, now and then something else."""
        if self.batch % 50 == 49:
            self.connection.execute(
                "update counterparty set commercial_contact = %s, last_updated = %s"
                " where counterparty_id = %s",
                [f"Contact {self.batch}", now(), 1 + self.batch // 50 % 20],
            )
        elif self.batch % 20 == 19:
            self.company.delete_one(now())
        elif self.batch % 5 == 4:
            self.company.trade(now(), orders=1)
        else:
            self.company.correct_one(now())

    def fill(self, batches: int) -> None:
        """Make batches until there are so many, and one at least; process and load them all."""
        while self.batch < max(1, batches):
            if self.batch:
                self.change()
            self.batch = pipeline.ingest(self.settings).at
            if self.batch % CHUNK == 0:
                self.follow()
        self.follow()

    def follow(self) -> None:
        """Process and load all that is pending."""
        pipeline.process(self.settings)
        pipeline.load(self.settings)

    def measured(self, repeats: int) -> list[str]:
        """Measure every stage, over batches of one changed row each; the cells of a line."""
        stages: dict[str, Callable[[], object]] = {
            "ingest": lambda: pipeline.ingest(self.settings),
            "process": lambda: pipeline.process(self.settings),
            "load": lambda: pipeline.load(self.settings),
            "status": lambda: pipeline.status(self.settings),
        }
        seconds: dict[str, list[float]] = {"nothing": [], **{name: [] for name in stages}}
        for _ in range(repeats):
            seconds["nothing"].append(timed(stages["ingest"])[0])
            self.company.correct_one(now())
            for name, stage in stages.items():
                seconds[name].append(timed(stage)[0])
            self.batch += 1
        medians = [f"{median(times) * 1000:,.0f} ms" for times in seconds.values()]
        return [f"{self.batch:,}", *medians, *self.sizes(), *self.history(repeats)]

    def sizes(self) -> tuple[str, str]:
        """What the newest manifests list, and their size: ingestion / processed."""
        contents = [(lake / keys.manifest(self.batch)).read_bytes() for lake in self.lakes]
        manifests = [Manifest.from_bytes(content, "the newest manifest") for content in contents]
        files = [sum(len(table.state) for table in each.tables.values()) for each in manifests]
        return f"{files[0]} / {files[1]}", " / ".join(f"{len(each):,}" for each in contents)

    def history(self, repeats: int) -> tuple[str, str]:
        """How many versions the warehouse has of orders, and how long their history takes."""
        with psycopg.connect(self.settings.dsn("warehouse")) as connection:
            query = "select count(*) from sales_order_history"
            took = [timed(lambda: connection.execute(query).fetchone()) for _ in range(repeats)]
            ((_, row), *_) = took
        return f"{row[0] if row else 0:,}", f"{median(each for each, _ in took) * 1000:,.0f} ms"


def now() -> datetime:
    """This moment, naive UTC, as the source writes it."""
    return datetime.now(UTC).replace(tzinfo=None)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds that some work took, and what it gave."""
    start = perf_counter()
    given = work()
    return perf_counter() - start, given


if __name__ == "__main__":
    main()

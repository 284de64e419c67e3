"""Rounds: everybody does the same work in turn, each round on databases and lakes of its own."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from benchmarks.compare import copying
from benchmarks.compare.databases import Databases, change_share, change_ten
from benchmarks.compare.processes import Ran, totes
from benchmarks.compare.results import Results
from benchmarks.compare.rival import Dlt


@dataclass(frozen=True)
class Bench:
    """Where it all happens, and what is kept of it; `dlt` is None where it cannot be had."""

    folder: Path
    databases: Databases
    results: Results
    dlt: Dlt | None = None

    def settings(
        self, source: str, name: str, model: Path | None = None, *, fresh: bool = True
    ) -> dict[str, str]:
        """The settings of a Totes over a source, with lakes and a warehouse of that name."""
        lakes = self.folder.resolve() / f"lakes-{name}"
        if fresh:
            shutil.rmtree(lakes, ignore_errors=True)
            warehouse = self.databases.fresh(f"warehouse_{name}")
        else:
            warehouse = self.databases.server.dsn(f"warehouse_{name}")
        return {
            "TOTES_SOURCE": source,
            "TOTES_WAREHOUSE": warehouse,
            "TOTES_INGESTION": (lakes / "ingestion").as_uri(),
            "TOTES_PROCESSED": (lakes / "processed").as_uri(),
            **({"TOTES_MODEL": str(model)} if model else {}),
        }

    def measure(self, scale: str, what: str, work: Callable[[], Ran]) -> Ran:
        """Do some work and keep how long it took."""
        self.databases.settle()
        ran = work()
        self.results.add(scale, what, ran.seconds)
        return ran


def run_rounds(bench: Bench, scale: float, rounds: int) -> None:
    """Measure all that is done once, at one scale."""
    template = bench.databases.founded(scale)
    for number in range(rounds):
        Round(bench, f"{scale:g}x", bench.databases.fresh("source", template), number).run()


@dataclass
class Round:
    """One round: the first runs, and then a run for each kind of change."""

    bench: Bench
    scale: str
    source: str
    number: int

    def run(self) -> None:
        self._copies_out()
        self.whole = self.bench.settings(self.source, "whole")
        first = self._totes("first run")
        self.bench.results.add(self.scale, "Totes: peak memory, first run (MB)", first.peak)
        self._lake_sizes()
        self._stages()
        self._copies_in()
        self._dlt("first run", fresh=True)
        changes: dict[str, Callable[[], object]] = {
            "nothing changed": lambda: None,
            "10 rows changed": lambda: change_ten(self.source, self.number),
            "1 % changed": lambda: change_share(self.source),
        }
        for name, change in changes.items():
            change()
            ran = self._totes(name)
            self._dlt(name)
        self.bench.results.add(self.scale, "Totes: peak memory, 1 % changed (MB)", ran.peak)
        self._check()

    def _measure(self, what: str, work: Callable[[], Ran]) -> Ran:
        return self.bench.measure(self.scale, what, work)

    def _totes(self, name: str) -> Ran:
        return self._measure(f"Totes: {name}", lambda: totes("run", settings=self.whole))

    def _check(self) -> None:
        """Whoever has lost a row or doubled one was not faster."""
        orders = "sales_order"
        there = counted(self.source, orders)
        held = {"Totes": counted(self.whole["TOTES_WAREHOUSE"], "current_sales_order")}
        if self.bench.dlt:
            held["dlt"] = counted(self.bench.databases.server.dsn("dlt"), "totesys.sales_order")
        for who, rows in held.items():
            if rows != there:
                raise RuntimeError(f"{who} has {rows} rows of {orders}, and the source {there}")

    def _copies_out(self) -> None:
        kept = self.bench.folder / "csv"
        kept.mkdir(exist_ok=True)
        copying.copy_out(self.source, kept)  # warms up, and says how large it is
        self.csv = sum(path.stat().st_size for path in kept.iterdir())
        shutil.rmtree(kept)
        self._measure("COPY out", lambda: copying.copy_out(self.source))

    def _lake_sizes(self) -> None:
        lakes = self.bench.folder / "lakes-whole"
        for kind in ("ingestion", "processed"):
            size = sum(path.stat().st_size for path in (lakes / kind).rglob("*") if path.is_file())
            self.bench.results.add(self.scale, f"{kind} lake / csv (%)", 100 * size / self.csv)

    def _stages(self) -> None:
        """Each stage of a first run as a process of its own."""
        settings = self.bench.settings(self.source, "stages")
        with snapshot_held(self.source) as held:
            self._measure("Totes: ingest alone", lambda: totes("ingest", settings=settings))
        self.bench.results.add(self.scale, "Totes: snapshot held", held[-1] - held[0])
        for stage in ("process", "load"):
            self._measure(f"Totes: {stage} alone", partial(totes, stage, settings=settings))

    def _copies_in(self) -> None:
        rows = self.bench.folder / "rows"
        copying.export(self.whole["TOTES_WAREHOUSE"], rows)
        for name in ("primary keys", "all constraints"):
            dsn, more = copying.prepare(self.bench.databases, "warehouse_whole")
            afterwards = more if name == "all constraints" else ()
            self._measure(f"COPY in, {name}", partial(copying.copy_in, dsn, rows, *afterwards))
        self.bench.databases.server.drop_database(copying.EMPTY)
        shutil.rmtree(rows)

    def _dlt(self, name: str, *, fresh: bool = False) -> None:
        dlt, folder = self.bench.dlt, self.bench.folder / "dlt"
        if dlt is None:
            return
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
            self.bench.databases.fresh("dlt")
        target = self.bench.databases.server.dsn("dlt")
        works = {
            "lake": lambda: dlt.lake(self.source, folder / "lake"),
            "warehouse": lambda: dlt.warehouse(self.source, target, folder / "warehouse"),
        }
        for kind, work in works.items():
            ran = self._measure(f"dlt to a {kind}: {name}", work)
            if fresh:
                what = f"dlt to a {kind}: peak memory, first run (MB)"
                self.bench.results.add(self.scale, what, ran.peak)


def counted(dsn: str, table: str) -> int:
    """How many rows a table has."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def snapshot_held(source: str) -> Iterator[list[float]]:
    """Watch when a session of Totes holds a snapshot of a database; moments, once it has ended."""
    moments = [0.0]
    ended = threading.Event()

    def watch() -> None:
        query = (
            "select 1 from pg_stat_activity where datname = current_database()"
            " and application_name = 'totes' and backend_xmin is not null"
        )
        seen = []
        with psycopg.connect(source, autocommit=True) as connection:
            while not ended.wait(0.01):
                if connection.execute(query).fetchone():
                    seen.append(time.perf_counter())
        moments[:] = seen or moments

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield moments
    finally:
        ended.set()
        watcher.join()

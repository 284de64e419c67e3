"""What goes on for a while: ticks, the way of a commit to the warehouse, and writers beside."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from statistics import median, quantiles

from benchmarks.compare import beside, copying
from benchmarks.compare.databases import change_ten
from benchmarks.compare.processes import totes
from benchmarks.compare.rounds import Bench
from benchmarks.compare.ticking import PATIENCE, freshness, ticking


def run_ticks(bench: Bench, scale: float, ticks: int, seconds: float) -> None:
    """Measure so many ticks of each kind, and then the freshness over some seconds."""
    at, add = f"{scale:g}x", bench.results.add
    source = bench.databases.fresh("source", bench.databases.founded(scale))
    settings = bench.settings(source, "whole")
    totes("run", settings=settings)
    with ticking(settings, "1s") as queue:
        queue.get(timeout=PATIENCE)  # the first one imports and connects
        for number in range(ticks):
            add(at, "Totes: a tick, nothing changed", queue.get(timeout=PATIENCE).seconds)
            change_ten(source, number)
            while not (tick := queue.get(timeout=PATIENCE)).news:
                pass
            add(at, "Totes: a tick, 10 rows changed", tick.seconds)
        waited = freshness(source, settings["TOTES_WAREHOUSE"], queue, seconds)
    add(at, "Totes: commit to warehouse, median", median(waited))
    add(at, "Totes: commit to warehouse, 99th percentile", quantiles(waited, n=100)[98])


def run_beside(bench: Bench, scale: float, rounds: int, seconds: int) -> None:
    """Measure what writers at the source feel of readers that begin again and again."""
    at, add = f"{scale:g}x", bench.results.add
    source = bench.databases.fresh("source", bench.databases.founded(scale))
    beside.prepare(source)
    settings = bench.settings(source, "beside")
    lakes = (f"{settings['TOTES_INGESTION']}-{number}" for number in count())

    def ingest() -> None:
        totes("ingest", settings={**settings, "TOTES_INGESTION": next(lakes)})

    conditions: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "alone": nullcontext,
        "beside bare COPY": lambda: beside.again_and_again(lambda: copying.copy_out(source)),
        "beside Totes": lambda: beside.again_and_again(ingest),
    }
    names = [*conditions]
    for number in range(rounds):
        for name in names[number % 3 :] + names[: number % 3]:  # no one is always the first
            bench.databases.settle()
            with conditions[name]():
                tps = beside.writing(source, seconds)
            add(at, f"writers {name} (transactions a second)", tps)

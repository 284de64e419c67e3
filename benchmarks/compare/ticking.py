"""`totes run --every`: what a tick costs, and how soon a commit at the source can be read."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Queue
from typing import Any

import psycopg

from benchmarks.compare.databases import now
from benchmarks.compare.processes import KEPT, TOTES

PATIENCE = 120  # seconds until a tick that does not come is an error


@dataclass(frozen=True)
class Tick:
    """One run: how long it took, and whether it found anything."""

    seconds: float
    news: bool


@contextmanager
def ticking(settings: Mapping[str, str], every: str) -> Iterator[Queue[Tick]]:
    """Run Totes every so often while the block lasts; its ticks come out of the queue."""
    command = [*TOTES, "run", "--every", every, "--json"]
    ticks: Queue[Tick] = Queue()
    with subprocess.Popen(  # noqa: S603
        command,
        env={**os.environ, **KEPT, **settings, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        listener = threading.Thread(target=_listen, args=(process, ticks), daemon=True)
        listener.start()
        try:
            yield ticks
        finally:
            process.terminate()  # SIGINT may be ignored: a shell sees to that in the background
            listener.join()


def _listen(process: subprocess.Popen[str], ticks: Queue[Tick]) -> None:
    """A run prints a line when it begins, and its reports when it has ended."""
    began = time.perf_counter()
    for line in process.stdout or ():
        if line.startswith("[{"):
            reports: list[dict[str, Any]] = json.loads(line)
            news = any(report["batches"] for report in reports)
            ticks.put(Tick(time.perf_counter() - began, news))
        began = time.perf_counter()


class Watch(threading.Thread):
    """Sees from outside when each batch can first be read in a warehouse."""

    def __init__(self, dsn: str) -> None:
        super().__init__(daemon=True)
        self._dsn, self._ended = dsn, threading.Event()
        self.seen: dict[int, float] = {}

    def run(self) -> None:
        last = 0
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._ended.wait(0.01):
                row = connection.execute("select max(batch) from totes.ledger").fetchone()
                newest, at = (row and row[0]) or 0, time.perf_counter()
                self.seen |= dict.fromkeys(range(last + 1, newest + 1), at)
                last = newest

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self.join()


def freshness(
    source: str, warehouse: str, ticks: Queue[Tick], seconds: float, rate: float = 50
) -> list[float]:
    """Seconds from a commit at the source to its row in the warehouse, for each of many changes.

    Each change is a transaction of its own that touches an order no other one does.
    """
    watch = Watch(warehouse)
    watch.start()
    with psycopg.connect(source, autocommit=True) as connection:
        query = "select sales_order_id from sales_order order by 1 desc limit %s"
        orders = [order for (order,) in connection.execute(query, [int(seconds * rate)])]
        committed: dict[int, float] = {}
        began = time.perf_counter()
        for number, order in enumerate(orders):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            change = "update sales_order set units_sold = units_sold + 1, last_updated = %s"
            connection.execute(f"{change} where sales_order_id = %s".encode(), [now(), order])
            committed[order] = time.perf_counter()
    _wait_until_quiet(ticks)
    watch.end()
    with psycopg.connect(warehouse) as connection:
        query = (
            "select sales_order_id, max(batch) from fact_sales_order"
            " where sales_order_id = any(%s) group by 1"
        )
        found = connection.execute(query, [orders]).fetchall()
    return [watch.seen[batch] - committed[order] for order, batch in found]


def _wait_until_quiet(ticks: Queue[Tick]) -> None:
    """Return after a tick that has found nothing and began after now."""
    while not ticks.empty():
        ticks.get()
    ticks.get(timeout=PATIENCE)  # it may have begun before
    while ticks.get(timeout=PATIENCE).news:
        pass

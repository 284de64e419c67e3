"""What the source's writers feel of a reader: pgbench alone, beside bare COPY, beside Totes."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks.compare.processes import login, run
from totes.demo.postgres import binaries


def prepare(dsn: str, scale: int = 5) -> None:
    """Make pgbench's own tables in a source database, beside the others."""
    run([_pgbench(), "--initialize", "--quiet", f"--scale={scale}"], login(dsn))


def writing(dsn: str, seconds: int) -> float:
    """Transactions a second of two writers."""
    command = [_pgbench(), "--no-vacuum", "--client=2", "--jobs=1", f"--time={seconds}"]
    found = re.search(r"tps = ([\d.]+)", run(command, login(dsn)).output)
    if not found:
        raise AssertionError("pgbench says how many transactions a second there were")
    return float(found[1])


@contextmanager
def again_and_again(work: Callable[[], object]) -> Iterator[None]:
    """Do some work over and over beside the block."""
    ended = threading.Event()

    def loop() -> None:
        while not ended.is_set():
            work()

    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(loop)
        try:
            yield
        finally:
            ended.set()
    worker.result()  # a reader that failed has disturbed nobody


def _pgbench() -> str:
    return str(binaries() / "pgbench")

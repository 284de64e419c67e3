"""Processes that begin with everything imported: each is forked off one that does nothing else.

A new interpreter takes longer to import what a run needs than a small run takes. The process that
forks has a single thread, always: those of DuckDB and of obstore begin with their work.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing import forkserver
from pathlib import Path

# Imported for whoever is forked; what is not in use in the process that forks costs nothing there.
from totes import pipeline, terminal  # noqa: F401
from totes.cli import cli

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", "duckdb", __name__])


class Fork:
    """A process that does some work, with an environment of its own, until it ends or is ended.

    It is ended at the latest when the block is left.
    """

    def __init__(
        self, environment: Mapping[str, str], work: Callable[..., None], *arguments: object
    ) -> None:
        descriptor, path = tempfile.mkstemp(prefix="totes-printed-")
        os.close(descriptor)
        self._path = Path(path)
        whole = {**os.environ, **environment}
        self._process = _context.Process(target=_do, args=(path, whole, work, arguments))

    def __enter__(self) -> Fork:
        _let_fork()
        self._process.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.join()
        self._path.unlink()

    def printed(self) -> str:
        """What it has printed so far."""
        return self._path.read_text()

    def wake(self) -> None:
        """Let it go on, if it has stopped itself."""
        assert self._process.pid
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """End it, wherever it is."""
        self._process.kill()

    def wait(self, seconds: float = 60) -> tuple[int, str]:
        """Its exit code, as subprocess has it, and what it printed; fails if it does not end."""
        self._process.join(seconds)
        code = self._process.exitcode
        assert code is not None, f"it does not end: {self.printed()}"
        return code, self.printed()


def _let_fork() -> None:
    """Start the process that forks, without a measurement of coverage, which no fork would save."""
    measured = {name: os.environ[name] for name in os.environ if name.startswith("COVERAGE_")}
    for name in measured:
        del os.environ[name]
    try:
        forkserver.ensure_running()
    finally:
        os.environ.update(measured)


def _do(
    path: str, environment: Mapping[str, str], work: Callable[..., None], arguments: tuple[object]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    printed = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.dup2(printed, sys.stdout.fileno())
    os.dup2(printed, sys.stderr.fileno())
    work(*arguments)


def run_totes(*arguments: str) -> None:
    """Work for a Fork: a command of totes."""
    cli(arguments)

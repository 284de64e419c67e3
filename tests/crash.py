"""A `totes` that is killed, in a process of its own.

Moments are counted just before and just after everything that writes or commits: an object put
into a lake, a file or folder synced, a Parquet file written, a statement, a COPY, a transaction's
end. At the given one the process gets SIGKILL. If it lives, it prints how many there were.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

import obstore
import psycopg

from tests.forks import Fork
from tests.world import World
from totes import duck
from totes.cli import cli
from totes.lake import store


class Fate:
    """Counts moments, and strikes at one of them."""

    def __init__(self, moment: int) -> None:
        self.moment, self.passed = moment, 0

    def pass_moment(self) -> None:
        self.passed += 1
        if self.passed == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: Any, name: str) -> None:
        """Make moments of the beginning and the end of every call of a function."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def watched(*args: Any, **keywords: Any) -> Any:
            self.pass_moment()
            result = function(*args, **keywords)
            self.pass_moment()
            return result

        setattr(owner, name, watched)


def run_until(moment: int) -> None:
    """Run totes in this process until the moment comes."""
    fate = Fate(moment)
    fate.watch(obstore, "put")
    fate.watch(store, "_sync")
    fate.watch(duck, "write_parquet")
    fate.watch(psycopg.Connection, "execute")
    fate.watch(psycopg.Cursor, "copy")
    fate.watch(psycopg.Connection, "commit")
    fate.watch(psycopg.Transaction, "__exit__")
    try:
        cli(["run"])
    finally:
        print(fate.passed)


def killed_at(world: World, moment: int) -> int | None:
    """Run totes until a moment, and kill it; how many moments there were, if it lived."""
    with Fork(world.environment, run_until, moment) as run:
        code, printed = run.wait()
    if code == -signal.SIGKILL:
        return None
    assert code == 0, printed
    return int(printed.splitlines()[-1])

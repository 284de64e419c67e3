"""A `totes` that is killed: `python -m tests.crash MOMENT COMMAND…`.

Moments are counted just before and just after everything that writes or commits: an object put
into a lake, a file or folder synced, a Parquet file written, a statement, a COPY, a transaction's
end. At the given one the process gets SIGKILL. If it lives, it prints how many there were.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import obstore
import psycopg

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


def main(moment: int, command: list[str]) -> None:
    """Run a command of totes until the moment comes."""
    fate = Fate(moment)
    fate.watch(obstore, "put")
    fate.watch(store, "_sync")
    fate.watch(duck, "write_parquet")
    fate.watch(psycopg.Connection, "execute")
    fate.watch(psycopg.Cursor, "copy")
    fate.watch(psycopg.Connection, "commit")
    fate.watch(psycopg.Transaction, "__exit__")
    try:
        cli(command)
    finally:
        print(fate.passed)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

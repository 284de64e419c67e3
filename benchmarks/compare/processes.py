"""Whole processes, measured: seconds from start to end, Python's start included, and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from psycopg.conninfo import conninfo_to_dict

TOTES = (sys.executable, "-m", "totes")
MEGA = 1_000_000
KEPT = {"PYTHONDONTWRITEBYTECODE": ""}  # a program that is used a second time has its bytecode


@dataclass(frozen=True)
class Ran:
    """A process that has ended well: what it took, and what it printed.

    The peak is never below that of the process that started it, which therefore has to stay small.
    """

    seconds: float
    peak: float  # megabytes
    output: str


def run(command: Sequence[str], variables: Mapping[str, str]) -> Ran:
    """Run a command to its end; `variables` come on top of our environment.

    Raises RuntimeError, with the end of what it printed, if it fails.
    """
    # a file, not a pipe: nobody reads while it runs, and it must not wait for us
    with tempfile.TemporaryFile() as printed:
        began = perf_counter()
        process = subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **KEPT, **variables},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:6])} failed:\n{output[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Ran(seconds, usage.ru_maxrss * unit / MEGA, output)


def totes(*arguments: str, settings: Mapping[str, str]) -> Ran:
    """Run a command of Totes as a person would, with JSON for an answer."""
    return run([*TOTES, *arguments, "--json"], settings)


def login(dsn: str) -> dict[str, str]:
    """A DSN as the variables that PostgreSQL's own programs read: no password is in a command."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    parts = conninfo_to_dict(dsn)
    found = {variable: str(parts[name]) for name, variable in names.items()}
    return {**found, "PGDATABASE": str(parts["dbname"])}

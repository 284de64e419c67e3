"""A `totes` that freezes while it works, in a process of its own.

Its moment is `idle`, between two queries, `copy`, while rows are read, or `load`, between two
tables. It tells, and stops itself by SIGSTOP, once; until it is woken its sessions are limited to a
length of time as PostgreSQL writes it. It then goes on without delay.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.forks import Fork
from tests.waiting import eventually
from tests.world import World
from totes import copying
from totes.cli import cli
from totes.extract import source
from totes.extract.table import Table
from totes.pipeline import patience
from totes.warehouse import load

TOLD = "now it freezes"


@contextmanager
def frozen(world: World, moment: str, limit: str, *command: str) -> Iterator[Fork]:
    """Yield a process in which a command of totes has frozen."""
    with Fork(world.environment, _run_until, moment, limit, command) as process:
        eventually(lambda: TOLD in process.printed())
        yield process


def _run_until(moment: str, limit: str, command: tuple[str, ...]) -> None:
    """Run a command of totes, in this process, that freezes at the moment."""
    places: dict[str, tuple[Any, str]] = {
        "idle": (Table, "whole"),
        "copy": (copying, "_write_all"),
        "load": (load, "_copy"),
    }
    owner, name = places[moment]
    function = getattr(owner, name)
    limits = (load if moment == "load" else source).LIMITS
    usual = limits.copy()
    calls = 0

    def freezing(*arguments: Any) -> Any:
        nonlocal calls
        is_counted = moment != "copy" or len(arguments[1]) >= copying.CHUNK
        calls += is_counted
        if is_counted and calls == 3:
            print(TOLD, flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
            limits.update(usual)
        return function(*arguments)

    setattr(owner, name, freezing)
    limits["idle_in_transaction_session_timeout"] = limit
    if moment == "copy":
        limits["tcp_user_timeout"] = limit
    patience.FIRST_WAIT = 0.0
    cli(command)

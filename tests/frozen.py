"""A `totes` that freezes while it works: `python -m tests.frozen MOMENT LIMIT COMMAND…`.

MOMENT is `idle`, between two queries, `copy`, while rows are read, or `load`, between two tables.
It stops itself by SIGSTOP, once; its sessions are limited to LIMIT, as PostgreSQL writes a length
of time.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from totes import copying
from totes.cli import cli
from totes.extract import source
from totes.extract.table import Table
from totes.warehouse import load


def main(moment: str, limit: str, command: list[str]) -> None:
    """Run a command of totes that freezes at the moment."""
    places: dict[str, tuple[Any, str]] = {
        "idle": (Table, "whole"),
        "copy": (copying, "_write_all"),
        "load": (load, "_copy"),
    }
    owner, name = places[moment]
    function = getattr(owner, name)
    calls = 0

    def freezing(*arguments: Any) -> Any:
        nonlocal calls
        is_counted = moment != "copy" or len(arguments[1]) >= copying.CHUNK
        calls += is_counted
        if is_counted and calls == 3:
            os.kill(os.getpid(), signal.SIGSTOP)
        return function(*arguments)

    setattr(owner, name, freezing)
    limits = (load if moment == "load" else source).LIMITS
    limits["idle_in_transaction_session_timeout"] = limit
    if moment == "copy":
        limits["tcp_user_timeout"] = limit
    cli(command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

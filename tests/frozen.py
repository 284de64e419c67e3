"""A `totes` that freezes while it captures: `python -m tests.frozen MOMENT LIMIT COMMAND…`.

MOMENT is `idle`, between two queries, or `copy`, while rows are read. It stops itself by SIGSTOP,
once; sessions of it are limited to LIMIT, as PostgreSQL writes a length of time.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from totes import postgres
from totes.cli import cli
from totes.extract import source
from totes.extract.capture import _Reader


def main(moment: str, limit: str, command: list[str]) -> None:
    """Run a command of totes that freezes at the moment."""
    owner: Any = _Reader if moment == "idle" else postgres
    name = "whole" if moment == "idle" else "_write_all"
    function = getattr(owner, name)
    calls = 0

    def freezing(*arguments: Any) -> Any:
        nonlocal calls
        is_counted = moment == "idle" or len(arguments[1]) >= postgres.CHUNK
        calls += is_counted
        if is_counted and calls == 3:
            os.kill(os.getpid(), signal.SIGSTOP)
        return function(*arguments)

    setattr(owner, name, freezing)
    limits = ("idle_in_transaction_session_timeout",) if moment == "idle" else ("tcp_user_timeout",)
    source.LIMITS.update(dict.fromkeys(limits, limit))
    cli(command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

"""A terminal for a test: what a call in this process draws on one."""

from __future__ import annotations

import contextlib
import os
import pty
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO


def drawn(call: Callable[[TextIO], object]) -> str:
    """What `call` writes to a terminal, which it is given as an open file."""
    ours, theirs = pty.openpty()
    try:
        # read meanwhile, as a terminal holds a few kilobytes only
        with ThreadPoolExecutor(1) as pool, os.fdopen(theirs, "w", encoding="utf-8") as screen:
            reading = pool.submit(_read, ours)
            call(screen)
        return reading.result().decode().replace("\r\n", "\n")
    finally:
        os.close(ours)


def _read(terminal: int) -> bytes:
    """Everything that is written to a terminal until nobody has it open any more."""
    parts = []
    with contextlib.suppress(OSError):  # what a terminal says when nobody writes any more
        while part := os.read(terminal, 1 << 16):
            parts.append(part)
    return b"".join(parts)

"""A command again and again: every so many seconds, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from totes.errors import TransientError


class Duration(click.ParamType[float]):
    """A length of time: 30s, 5m, 1h, or a bare number of seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        units = {"s": 1, "m": 60, "h": 3600}
        number, unit = (value[:-1], value[-1]) if value[-1:] in units else (value, "s")
        try:
            seconds = float(number) * units[unit]
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < float("inf"):
            self.fail(f"{value!r} is no length of time; write 30s, 5m or 1h", param, ctx)
        return seconds


def repeated(
    call: Callable[[], bool], every: float | None, show: Callable[[TransientError], None]
) -> bool:
    """Call once, or every so many seconds until Ctrl-C; a passing fault does not end it."""
    if every is None:
        return call()
    try:
        while True:
            began = time.monotonic()
            click.echo(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", err=True)
            try:
                call()
            except TransientError as error:
                show(error)
            time.sleep(max(0.0, began + every - time.monotonic()))
    except KeyboardInterrupt:
        click.echo("\nstopped between two runs or in one; nothing half done was kept", err=True)
        return True

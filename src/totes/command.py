"""What every command has: --json and --debug, errors in a line and a hint, and its exit code.

Exit codes: 0 done, 1 failed (or done but for a table that was stopped), 2 wrong use.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from totes.errors import TotesError

if TYPE_CHECKING:
    from totes.config import Settings
    from totes.report import Progress, Report

FAILED = 1


def commanded(
    function: Callable[..., bool], *, group: click.Group, name: str | None = None
) -> click.Command:
    """A command with --json and --debug, whose errors are a line and a hint.

    The function returns whether all is well, which is the exit code.
    """

    @group.command(name=name or function.__name__)
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(function)
    def run(*, as_json: bool, debug: bool, **options: Any) -> None:
        try:
            well = function(as_json=as_json, **options)
        except TotesError as error:
            show_error(error, as_json=as_json, debug=debug)
            well = False
        except KeyboardInterrupt:
            click.echo("\nstopped; nothing half done was kept", err=True)
            well = False
        sys.exit(0 if well else FAILED)

    return run


def show_error(error: TotesError, *, as_json: bool, debug: bool) -> None:
    """Print an error and its hint, or both as JSON."""
    if debug:
        traceback.print_exception(error)
    if as_json:
        click.echo(json.dumps({"error": str(error), "hint": error.hint}))
        return
    click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
    if error.hint:
        click.echo(f"{click.style('hint:', bold=True)} {error.hint}", err=True)


def settings_of_environment() -> Settings:
    """The settings, read when a command needs them."""
    from totes.config import Settings

    return Settings.of_environment()


def stage(
    call: Callable[[Progress], list[Report]], *, as_json: bool, profile: bool = False
) -> bool:
    """Run stages with progress, show their reports, and say whether no table was stopped."""
    from totes import terminal

    with terminal.progress(hidden=as_json) as progress:
        reports = call(progress)
    if as_json:
        click.echo(json.dumps([report.to_dict(profile=profile) for report in reports]))
    else:
        terminal.show_reports(reports, profile=profile)
    return not any(report.problems for report in reports)

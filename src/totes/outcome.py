"""What comes of a command: an exit code, and of an error a line and a hint."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from totes.errors import TotesError

if TYPE_CHECKING:
    from totes.report import Progress, Report

FAILED = 1


def with_outcome(function: Callable[..., bool]) -> Callable[..., None]:
    """Give a command's function the options --json and --debug, and show its errors.

    It returns whether all is well, which is the exit code. Where it has an option `form`, --json is
    the form `json`.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(function)
    def run(*, as_json: bool, debug: bool, **options: Any) -> None:
        if "form" in options:
            options["form"] = _form(options["form"], as_json=as_json)
            as_json = options["form"] == "json"
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


def _form(form: str | None, *, as_json: bool) -> str | None:
    if as_json and form not in {None, "json"}:
        raise click.UsageError(f"--json is --format json, and --format says {form}; say one")
    return "json" if as_json else form


def show_error(error: TotesError, *, as_json: bool, debug: bool) -> None:
    """Print an error: a line and a hint, or JSON."""
    if debug:
        traceback.print_exception(error)
    if as_json:
        click.echo(json.dumps({"error": str(error), "hint": error.hint}))
        return
    click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
    if error.hint:
        click.echo(f"{click.style('hint:', bold=True)} {error.hint}", err=True)


def staged(
    call: Callable[[Progress], Iterable[Report]], *, as_json: bool, profile: bool = False
) -> bool:
    """Run stages with progress, show their reports, and say whether no table was stopped.

    Of stages before one that fails there are reports too, but not as JSON.
    """
    from totes import terminal

    reports: list[Report] = []
    try:
        with terminal.progress(hidden=as_json) as progress:
            for report in call(progress):
                reports.append(report)  # to have those before an error
    except TotesError:
        if not as_json:
            terminal.show_reports(reports, profile=profile)
        raise
    if as_json:
        click.echo(json.dumps([report.to_dict(profile=profile) for report in reports]))
    else:
        terminal.show_reports(reports, profile=profile)
    return not any(report.problems for report in reports)

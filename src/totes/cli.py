"""The commands, thin: read the settings, call the pipeline, show what came of it.

Exit codes: 0 done, 1 failed (or done but for a table that was stopped), 2 wrong use.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from totes import __version__
from totes.dashboard.command import dashboard
from totes.outcome import show_error, staged, with_outcome
from totes.repeating import Duration, repeated

# Whatever is heavy is imported by the command that needs it: `totes --help` must not wait.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="totes")
def cli() -> None:
    """Keeps a lake, three star schemas and a warehouse true of an operational database.

    Settings are environment variables: TOTES_SOURCE and TOTES_WAREHOUSE (PostgreSQL connection
    strings), TOTES_INGESTION and TOTES_PROCESSED (file:///FOLDER or s3://BUCKET/PREFIX).
    `totes demo` needs none of them.
    """


def main() -> None:
    """Run the command line. To be told to end (SIGTERM) is as good as Ctrl-C: all is tidied up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cli(prog_name="totes")


def command(
    function: Callable[..., bool], *, group: click.Group = cli, name: str | None = None
) -> click.Command:
    """A command with --json and --debug, whose errors are a line and a hint.

    The function returns whether all is well, which is the exit code.
    """
    return group.command(name=name or function.__name__)(with_outcome(function))


def _settings() -> Any:
    from totes.config import Settings

    return Settings.of_environment()


confirmation = click.option(
    "--confirm-deletions",
    "confirmed",
    metavar="TABLE",
    multiple=True,
    help="Yes, it is right that so many rows of this table are gone; for several, repeat it.",
)


@command
@click.option("--every", type=Duration(), help="Go on, beginning a run every 30s, 5m, 1h…")
@click.option("--profile", is_flag=True, help="Also say where the seconds and the bytes went.")
@confirmation
def run(*, every: float | None, profile: bool, confirmed: tuple[str, ...], as_json: bool) -> bool:
    """Ingest, process and load: bring lakes and warehouse up to date."""
    from totes import pipeline

    settings = _settings()
    pending = list(confirmed)  # a person's word is for one run, and not for those to come

    def once() -> bool:
        said = [pending.pop() for _ in pending[:]]
        return staged(
            lambda progress: pipeline.stages(settings, progress, confirmed=said),
            as_json=as_json,
            profile=profile,
        )

    return repeated(once, every, partial(show_error, as_json=as_json, debug=False))


@command
@confirmation
def ingest(*, confirmed: tuple[str, ...], as_json: bool) -> bool:
    """Archive what changed at the source in the ingestion lake."""
    from totes import pipeline

    return staged(
        lambda progress: [pipeline.ingest(_settings(), progress, confirmed=confirmed)],
        as_json=as_json,
    )


@command
def process(*, as_json: bool) -> bool:
    """Remodel new ingestion batches as star schemas in the processed lake."""
    from totes import pipeline

    return staged(lambda progress: [pipeline.process(_settings(), progress)], as_json=as_json)


@command
def load(*, as_json: bool) -> bool:
    """Apply new processed batches to the warehouse."""
    from totes import pipeline

    return staged(lambda progress: [pipeline.load(_settings(), progress)], as_json=as_json)


@command
@click.option("--as-of", type=click.IntRange(min=1), metavar="BATCH", help="Stop at this batch.")
@click.option("--yes", is_flag=True, help="Yes, empty the warehouse's tables and fill them anew.")
def rebuild(*, as_of: int | None, yes: bool, as_json: bool) -> bool:
    """Make the warehouse anew from the processed lake alone."""
    from totes import pipeline

    if not yes:
        raise click.UsageError(
            "this empties the warehouse's tables and fills them anew from the lake; add --yes"
        )
    return staged(
        lambda progress: [pipeline.rebuild(_settings(), progress, as_of=as_of)], as_json=as_json
    )


@command
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "prometheus"]),
    help="How to print it: for people (the default), or for programs.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write it as a web page instead; - is standard output.",
)
def status(*, form: str | None, page: Path | None, as_json: bool) -> bool:
    """Show what is in lakes and warehouse, per table, what is wrong, and how fresh it is."""
    from totes import pipeline, terminal

    if page and form:
        raise click.UsageError(f"--html writes a page, and nothing as {form}; say one")
    if page:
        from totes.terminal.page import BATCHES, status_page, write_page

        found = pipeline.status(_settings(), batches=BATCHES)
        write_page(status_page(found), page)
        return found.is_well
    found = pipeline.status(_settings())
    if as_json:
        click.echo(json.dumps(terminal.status_document(found)))
    elif form == "prometheus":
        from totes.terminal.metrics import status_metrics

        click.echo(status_metrics(found), nl=False)
    else:
        terminal.show_status(found)
    return found.is_well


@command
@click.option("--repair", is_flag=True, help="Capture tables again that differ from the source.")
def verify(*, repair: bool, as_json: bool) -> bool:
    """Check both lakes' hashes, and that source, lakes and warehouse are equal in every column."""
    from totes import pipeline, terminal

    with terminal.progress(hidden=as_json) as progress:
        if repair:
            reports, found = pipeline.repair(_settings(), progress)
        else:
            reports, found = [], pipeline.verify(_settings(), progress)
    if as_json:
        done = {"repaired": [report.to_dict() for report in reports]} if repair else {}
        click.echo(json.dumps({**done, **terminal.verification_document(found)}))
    else:
        terminal.show_reports(reports)
        terminal.show_verification(found)
    return found.is_well


@command
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def rates(*, file: Path, as_json: bool) -> bool:
    """Take exchange rates into the warehouse, from a file in the layout of the European Central
    Bank's eurofxref-hist.csv; zipped will do. They add to those that are there, and correct them.
    """
    from totes import pipeline, terminal

    taken = pipeline.take_rates(_settings(), file)
    if as_json:
        click.echo(json.dumps(terminal.rates_document(taken)))
    else:
        terminal.show_rates(taken)
    return True


@command
@click.argument("name", metavar="TABLE[.COLUMN]")
def lineage(*, name: str, as_json: bool) -> bool:
    """Show which columns of the source a column of the warehouse comes from, or all of a table's or
    view's: read off the data model's SQL."""
    from totes import terminal
    from totes.lineage import lineage

    found = lineage(_settings().data_model(), name)
    if as_json:
        click.echo(json.dumps(terminal.lineage_document(found)))
    else:
        terminal.show_lineage(found)
    return True


@cli.group()
def contract() -> None:
    """Contracts: what Totes expects of each table of the source."""


@partial(command, group=contract)
def check(*, as_json: bool) -> bool:
    """Compare the source with its contracts, without a run: what would stop a table?"""
    from totes import pipeline, terminal

    found = pipeline.check_contracts(_settings())
    if as_json:
        click.echo(json.dumps(terminal.contract_check_document(found)))
    else:
        terminal.show_contract_check(found)
    return found.is_well


@partial(command, group=contract)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--schema", default="public", show_default=True, help="The schema of the tables.")
def infer(*, folder: Path, schema: str, as_json: bool) -> bool:
    """Write contracts for the source's tables to FOLDER/source: a data model to begin with."""
    from totes import pipeline, terminal

    made = pipeline.infer_contracts(_settings(), folder, schema)
    if as_json:
        click.echo(json.dumps(terminal.inferred_document(made)))
    else:
        terminal.show_inferred(made)
    return True


@cli.group()
def quarantine() -> None:
    """Rows that cannot enter the star: which and why, and another try."""


@partial(command, group=quarantine, name="list")
@click.option("--model", metavar="NAME", help="Only the rows of this star table.")
def quarantine_list(*, model: str | None, as_json: bool) -> bool:
    """Show the rows in quarantine, each with its reason; with --json whole."""
    from totes import pipeline, terminal

    limit = None if as_json else terminal.LISTED
    found = pipeline.quarantined_rows(_settings(), model, limit=limit)
    if as_json:
        click.echo(json.dumps(terminal.quarantine_document(found)))
    else:
        terminal.show_quarantine(found)
    return True


@partial(command, group=quarantine, name="retry")
def quarantine_retry(*, as_json: bool) -> bool:
    """Try all rows in quarantine again, although nothing changed at the source."""
    from totes import pipeline, terminal

    with terminal.progress(hidden=as_json) as progress:
        retried = pipeline.retry(_settings(), progress)
    if as_json:
        click.echo(json.dumps(terminal.retried_document(retried)))
    else:
        terminal.show_retried(retried)
    return not any(report.problems for report in retried.reports)


@command
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("totes-demo"),
    show_default=True,
    help="Where everything that the demo makes lies; a demo that is there already is replaced.",
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0.01, max=1000),
    default=1.0,
    show_default=True,
    help="How many times TerrificTotes' real size.",
)
@click.option("--keep", is_flag=True, help="Leave the database server running at the end.")
@click.option("--live", is_flag=True, help="Go on trading and running until Ctrl-C.")
@click.option("--stop", is_flag=True, help="Stop the server that --keep left running.")
def demo(*, folder: Path, scale: float, keep: bool, live: bool, stop: bool, as_json: bool) -> bool:
    """Show it all on this machine: TerrificTotes in a box, both lakes, and a warehouse."""
    from totes.demo import show

    if stop:
        show.stop(folder)
        return True
    show.demo(folder.absolute(), scale=scale, keep=keep, live=live, as_json=as_json)
    return True


command(dashboard)

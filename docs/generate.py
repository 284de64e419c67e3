"""Write the reference pages from the code that they describe, so that they cannot disagree.

`python docs/generate.py` writes docs/reference/*.md; with --check it writes nothing, and exits 1
naming the pages that are stale.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

import click

from totes import aws, errors
from totes.cli import cli
from totes.column import Column
from totes.config import EXAMPLES, FunctionSettings, Settings
from totes.contract import DataModel, StarContract, shipped_model
from totes.lineage import Tracer
from totes.table import TableContract
from totes.terminal.metrics import METRICS
from totes.warehouse.schema import FACT_MARKS

FOLDER = Path(__file__).with_name("reference")
COMMAND = "python docs/generate.py"
MOST_NAMED = 6  # columns that a column comes from; of more, just the tables


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', '&#124;') for c in line)} |" for line in lines)


def commands() -> Iterator[str]:
    """Every command with its help and its options."""
    parent = click.Context(cli, info_name="totes", **cli.context_settings)
    yield "# Commands"
    yield inspect.cleandoc(cli.help or "")
    yield (
        "Every command exits with 0 when it is done, with 1 when it failed or when a table was "
        "stopped, and with 2 when it was called wrongly."
    )
    yield from commands_of(cli, parent)


def commands_of(group: click.Group, parent: click.Context) -> Iterator[str]:
    """The commands of a group, and of the groups in it."""
    for name in group.list_commands(parent):
        command = group.commands[name]
        context = click.Context(command, info_name=name, parent=parent)
        yield f"## {context.command_path}"
        yield inspect.cleandoc(command.help or "")
        if isinstance(command, click.Group):
            yield from commands_of(command, context)
            continue
        records = [option.get_help_record(context) for option in command.get_params(context)]
        yield table(
            ("option", "meaning"), [(f"`{r[0]}`", r[1].replace("<", "&lt;")) for r in records if r]
        )


def settings() -> Iterator[str]:
    """Every environment variable, with an example."""
    prefix = Settings.model_config["env_prefix"]
    yield "# Settings"
    yield inspect.cleandoc(Settings.__doc__ or "")
    rows = []
    for name, field in Settings.model_fields.items():
        secret = "secret: never printed or logged" if "Secret" in str(field.annotation) else ""
        example = f"`{EXAMPLES[name]}`" if name in EXAMPLES else "unset: the model that ships"
        rows.append((f"`{prefix}{name.upper()}`", example, secret))
    yield table(("variable", "for example", ""), rows)
    yield (
        "A command asks only for the settings that it needs, and says which one is missing. "
        "Connection strings are libpq's: URLs or `key=value` pairs. Where one says nothing of "
        "`sslmode` (nor does `PGSSLMODE`) and the server is not on this machine, it is `require`."
    )
    yield "## In a Lambda function"
    yield inspect.cleandoc(aws.__doc__ or "")
    yield inspect.cleandoc(FunctionSettings.__doc__ or "")


def dictionary() -> Iterator[str]:
    """Every table of the shipped data model, and every view."""
    model = DataModel.load(shipped_model())
    yield "# Data dictionary"
    yield (
        "[Warehouse tables](#warehouse-tables) are what analysts query; the processed lake has the "
        "same columns, and `batch` and `change` in dimensions too. [Views](#views) are in the "
        "warehouse only. [Source tables](#source-tables) are what Totes expects of the "
        "operational database; the ingestion lake has the same columns, and `_xid`, `_raw` and "
        "`_change`. Where a column comes from in the end is read off the SQL; `totes lineage "
        "TABLE` also says by which steps."
    )
    tracer = Tracer(model)
    yield "## Warehouse tables"
    for star in model.load_order:
        yield from described(star, star.columns, facts_of(star), tracer)
    if model.rates:
        yield from described(
            model.rates, model.rates.columns, "Exchange rates, filled by `totes rates FILE`."
        )
    yield "## Views"
    for view in model.views.values():
        yield f"### {view.name}"
        lines = takewhile(lambda line: line.startswith("--"), view.sql.splitlines())
        comment = [line[2:].strip() for line in lines]
        yield f"{view.grain[0].upper()}{view.grain[1:]}. {' '.join(comment)}"
        rows = [
            (
                f"`{name}`",
                str(column.type),
                column.unit or "",
                column.meaning,
                comes_from(tracer, f"{view.name}.{name}"),
            )
            for name, column in view.columns.items()
        ]
        yield table(("column", "type", "unit", "meaning", "comes from"), rows)
    yield "## Source tables"
    for source in model.sources.values():
        where = f"Table `{source.schema_name}.{source.source_table}` at the source."
        yield from described(source, source.columns, where)


def facts_of(star: StarContract) -> str:
    """What else there is to say of a star table."""
    driven = ", ".join(f"`{name}`" for name in star.driven_by)
    if not star.is_fact:
        return f"A dimension, built from {driven}."
    return f"A fact, built from {driven}; `{star.record_id}` is its primary key."


def described(
    contract: TableContract, columns: dict[str, Column], more: str, tracer: Tracer | None = None
) -> Iterator[str]:
    """One table: its grain, its key and its columns; with a tracer, where these come from."""
    key = ", ".join(f"`{name}`" for name in contract.key)
    yield f"### {contract.name}"
    yield f"{contract.grain[0].upper()}{contract.grain[1:]}. Key: {key}. {more}"
    rows = [
        (
            f"`{name}`",
            str(column.type),
            "yes" if column.null else "",
            f"[{column.references}](#{column.references})" if column.references else "",
            column.unit or "",
            column.meaning,
        )
        for name, column in columns.items()
    ]
    if isinstance(contract, StarContract) and contract.is_fact:
        marks = FACT_MARKS.items()
        rows += [(f"`{n}`", kind.split()[0], "", "", "", meaning) for n, (kind, meaning) in marks]
    header = ["column", "type", "null", "refers to", "unit", "meaning"]
    if tracer is None:
        yield table(header, rows)
        return
    names = [*columns, *FACT_MARKS][: len(rows)]
    origins = [comes_from(tracer, f"{contract.name}.{name}") for name in names]
    yield table([*header, "comes from"], [(*r, o) for r, o in zip(rows, origins, strict=True)])


def comes_from(tracer: Tracer, name: str) -> str:
    """Where a column comes from, briefly."""
    (found,) = tracer.lineage(name)
    named = [f"`{origin}`" for origin in found.origins if origin.kind != "totes"]
    if len(named) > MOST_NAMED:
        tables = sorted({f"`{origin.table}`" for origin in found.origins})
        return f"{len(named)} columns of {', '.join(tables)}"
    is_ours = any(origin.kind == "totes" for origin in found.origins)
    return ", ".join([*named, *(["Totes"] if is_ours else [])])


def error_tree() -> Iterator[str]:
    """The errors, by what to do next."""
    tree = [line for line in (errors.__doc__ or "").splitlines() if line.startswith("    ")]
    first, *rest = [part for part in (errors.__doc__ or "").split("\n\n") if part[0] != " "]
    yield "# Errors"
    yield first
    yield "```text\n" + textwrap.dedent("\n".join(tree)) + "\n```"
    yield from (inspect.cleandoc(part) for part in rest)
    yield (
        "The messages below are those that stand in the code, `…` in place of each value. What "
        "PostgreSQL or a lake's storage says for itself comes with it, and is not listed."
    )
    said = messages()
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.TotesError):
            yield f"## {name}"
            yield inspect.cleandoc(kind.__doc__ or "")
            if name in said:
                yield table(("message", "hint"), sorted(said[name]))
    guide = "[day and night](../guides/day-and-night.md#when-it-fails)"
    yield f"What to do about the messages: {guide}."


def metrics() -> Iterator[str]:
    """Every metric that `totes status --format prometheus` prints."""
    yield "# Metrics"
    yield (
        "What `totes status --format prometheus` prints, in "
        "[Prometheus' text format]"
        "(https://prometheus.io/docs/instrumenting/exposition_formats/). Of a stage that cannot be "
        "asked there is only that it is not up. How to have them collected: "
        "[day and night](../guides/day-and-night.md#watching-it)."
    )
    yield table(
        ("metric", "type", "unit", "labels", "meaning"),
        [
            (f"`{m.name}`", "gauge", m.unit, ", ".join(f"`{n}`" for n in m.labels), m.meaning)
            for m in METRICS
        ],
    )
    yield (
        "The label `stage` is `ingestion`, `processed` or `warehouse`, and `table` the name of a "
        "table there; in quarantine are rows that a table of the star would have."
    )


def messages() -> dict[str, set[tuple[str, str]]]:
    """Error class → the messages, each with its hint, with which the code makes one."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in Path(inspect.getfile(errors)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                message = literal(node.args[0])
                hints = [literal(w.value) or "…" for w in node.keywords if w.arg == "hint"]
                if re.search(r"\w{2}", message.replace(".sql", "")):  # has words of its own
                    said = found.setdefault(node.func.id, set())
                    said.add((f"`{message}`", "".join(hints)))
    return found


def literal(node: ast.expr) -> str:
    """What an expression says for certain: a text, with `…` for what is put into it."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            text = "".join(literal(part) or "…" for part in parts)
            return re.sub(r"…+", "…", text).replace("`", "'")
    return ""


PAGES = {
    "commands.md": commands,
    "settings.md": settings,
    "data-dictionary.md": dictionary,
    "errors.md": error_tree,
    "metrics.md": metrics,
}


def pages() -> dict[Path, str]:
    """Every page as it should be."""
    note = f"<!-- Generated by `{COMMAND}`; do not edit. -->"
    return {
        FOLDER / name: "\n\n".join([note, *make()]).rstrip() + "\n" for name, make in PAGES.items()
    }


def stale() -> list[Path]:
    """The pages that are missing or are not as they should be."""
    return [p for p, text in pages().items() if not p.exists() or p.read_text("utf-8") != text]


def main(arguments: Sequence[str]) -> int:
    """Write the stale pages, or with --check name them; the exit code."""
    found = stale()
    if "--check" in arguments:
        for path in found:
            click.echo(f"{path} is stale; hint: {COMMAND}", err=True)
        return 1 if found else 0
    FOLDER.mkdir(exist_ok=True)
    for path in found:
        path.write_text(pages()[path], "utf-8")
        click.echo(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

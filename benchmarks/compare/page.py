"""The page that a comparison leaves behind: docs/reference/performance.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.compare.goals import COPIES, GOALS
from benchmarks.compare.results import Results

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "performance.md"
BASES = {
    "Totes: ingest alone": ("COPY out",),
    "Totes: snapshot held": ("COPY out",),
    "Totes: load alone": ("COPY in, all constraints",),
    "COPY out": (),
    "COPY in, primary keys": (),
    "COPY in, all constraints": (),
}
INTRODUCTION = """\
# Performance

What Totes costs beside PostgreSQL's bare `COPY`, which no tool that moves the same rows can beat \
by much, and beside [dlt](https://dlthub.com), which does a part of the same work. Measured by \
`{command}`, which wrote this page. Whole processes, Python's start included; medians, with the \
least and the most; all in turn on one machine, so that the ratios mean more than the seconds. \
What exactly is compared, and why that is fair: \
[benchmarks/README.md](../../benchmarks/README.md)."""


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def goals(results: Results) -> str:
    """Every goal that the run has a figure for."""
    rows = [line for goal in GOALS for line in goal.lines(results)]
    return markdown(("", "at", "goal", "measured", ""), rows)


def measured(results: Results, scale: str) -> str:
    """All that was measured at one scale, with its ratio to bare COPY where there is one."""
    rows = []
    for what, values in results.samples[scale].items():
        ratio = None
        if "(" not in what and "tick" not in what and "commit" not in what:
            ratio = results.ratio(scale, what, *BASES.get(what, COPIES))
        digits = 0 if "(" in what else 2
        told = [f"{each:,.{digits}f}" for each in (median(values), min(values), max(values))]
        spread = f"{told[1]} to {told[2]}" if len(values) > 1 else ""
        rows.append((what, told[0], spread, "" if ratio is None else f"{ratio:.2f}"))
    return markdown(("seconds, unless said otherwise", "median", "spread", "x bare COPY"), rows)


def machine(load: Sequence[float]) -> Iterator[str]:
    """What it was measured on; nothing that would tell whose it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load_text = " to ".join(f"{each:.1f}" for each in load)
    yield f"- {datetime.now(UTC):%Y-%m-%d}"
    yield f"- {platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB"
    yield f"- load average, beginning to end: {load_text}"
    yield f"- Python {platform.python_version()}, PostgreSQL 18 (embedded, as it ships, durable)"
    names = ("totes", "duckdb", "psycopg", "obstore")
    yield f"- {', '.join(f'{name} {version(name)}' for name in names)}"


def page(results: Results, command: str, load: Sequence[float], dlt: str | None) -> str:
    """The whole page."""
    parts = [INTRODUCTION.format(command=command), "## Goals", goals(results)]
    for scale in results.samples:
        parts += [f"## {scale}", measured(results, scale)]
    parts.append("## Measured on")
    parts.append("\n".join([*machine(load), f"- dlt {dlt}" if dlt else "- without dlt"]))
    parts.append(
        "Without a figure beside a size, that size or that tool was not part of this run. "
        "`make bench` measures all but the largest sizes, `make bench-full` these too."
    )
    return "\n\n".join(parts) + "\n"

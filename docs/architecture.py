"""Draw docs/images/architecture.svg: the way of the data, its commands, and what it is on AWS.

`python docs/architecture.py` writes the picture; with --check it writes nothing, and exits 1 if it
is stale. Its background is its own, so that it can be read on a light page and on a dark one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import click

PICTURE = Path(__file__).with_name("images") / "architecture.svg"
COMMAND = "python docs/architecture.py"


class Place(NamedTuple):
    """Where data is, or goes: what it says on the box, and what it is on AWS."""

    title: str
    kind: str
    lines: tuple[str, str, str]
    colour: str
    aws: tuple[str, str]


PLACES = (
    Place(
        "totesys",
        "your PostgreSQL",
        ("today's rows only", "a read-only login", "is all that is asked"),
        "#475569",
        ("PostgreSQL", "RDS or another"),
    ),
    Place(
        "ingestion lake",
        "Parquet, immutable",
        ("every version seen", "deletions included", "a chain of hashes"),
        "#0f766e",
        ("S3 bucket", "only grows"),
    ),
    Place(
        "processed lake",
        "Parquet, immutable",
        ("three star schemas", "facts: all versions", "bad rows set aside"),
        "#1d4ed8",
        ("S3 bucket", "Glue's catalogue"),
    ),
    Place(
        "warehouse",
        "PostgreSQL",
        ("facts: full history", "dimensions: latest", "views: now, then"),
        "#7e22ce",
        ("PostgreSQL", "RDS or another"),
    ),
    Place(
        "who asks",
        "people and tools",
        ("a dashboard", "psql and SQL", "any BI tool"),
        "#9a3412",
        ("Athena", "asks the lake"),
    ),
)
STAGES = ("ingest", "process", "load")  # what leads from each place to the next
SAID = (
    (("run", "does all three"), ("status", "says how fresh it is")),
    (("verify", "proves it all equal"), ("rebuild", "remakes the warehouse")),
)
AROUND = (
    "Step Functions runs all three, every minute, by EventBridge Scheduler; "
    "Secrets Manager has the logins; CloudWatch and SNS mail alarms"
)

BOX, GAP, EDGE = 172, 72, 20
WIDTH = 2 * EDGE + len(PLACES) * BOX + (len(PLACES) - 1) * GAP
HEIGHT = 396
INK, FAINT = "#1e293b", "#475569"
MONO = 'font-family="Menlo, Consolas, DejaVu Sans Mono, monospace" font-weight="bold"'


def left(place: float) -> float:
    """The left edge of a place, counted from 0."""
    return EDGE + place * (BOX + GAP)


def text(x: float, y: float, size: int, words: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" {more}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, more: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="10" {more}/>'


def arrow(place: int, y: float) -> str:
    """An arrow from a place to the next."""
    start, end = left(place) + BOX + 5, left(place + 1) - 5
    return (
        f'<path d="M{start:g} {y:g}H{end - 12:g}" stroke="{FAINT}" stroke-width="4"/>'
        f'<path d="M{end - 13:g} {y - 8:g}L{end:g} {y:g}L{end - 13:g} {y + 8:g}Z" fill="{FAINT}"/>'
    )


def places() -> Iterator[str]:
    """The boxes, and what leads from one to the next."""
    for number, place in enumerate(PLACES):
        middle = left(number) + BOX / 2
        yield box(left(number), 20, BOX, 146, f'fill="{place.colour}"')
        yield text(middle, 51, 18, place.title, 'font-weight="bold" fill="#fff"')
        yield text(middle, 72, 14, place.kind, 'font-style="italic" fill="#fff"')
        for line, words in enumerate(place.lines):
            yield text(middle, 103 + 22 * line, 15, words, 'fill="#fff"')
    for number in range(len(PLACES) - 1):
        yield arrow(number, 93)
    for number, stage in enumerate(STAGES):
        yield text(left(number + 1) - GAP / 2, 80, 15, stage, f'{MONO} fill="{INK}"')
    yield text(left(len(STAGES) + 1) - GAP / 2, 80, 15, "SQL", f'{MONO} fill="{INK}"')


def commands() -> Iterator[str]:
    """The commands that are about more than one place."""
    width = (WIDTH - 2 * EDGE - GAP / 2) / 2
    for number, said in enumerate(SAID):
        x = EDGE + number * (width + GAP / 2)
        yield box(x, 186, width, 40, 'fill="#334155"')
        words = ", ".join(f"<tspan {MONO}>{name}</tspan> {escape(does)}" for name, does in said)
        yield f'<text x="{x + width / 2:g}" y="211" font-size="15" fill="#fff">{words}</text>'


def on_aws() -> Iterator[str]:
    """What each place and each stage is on AWS."""
    outline = f'fill="#fff7ed" stroke="{FAINT}"'
    frame = 'fill="none" stroke="#b45309" stroke-width="2" stroke-dasharray="7 5"'
    yield box(EDGE, 254, WIDTH - 2 * EDGE, 122, frame)
    yield box(EDGE + 20, 243, 84, 22, 'fill="#ffffff"')
    yield text(EDGE + 62, 259, 15, "on AWS", 'font-weight="bold" fill="#92400e"')
    for number, place in enumerate(PLACES):
        x = left(number) + 12
        yield box(x, 276, BOX - 24, 52, outline)
        for line, words in enumerate(place.aws):
            weight = "" if line else 'font-weight="bold"'
            yield text(x + BOX / 2 - 12, 298 + 20 * line, 15, words, f'{weight} fill="{INK}"')
    for number in range(len(STAGES)):
        middle = left(number + 1) - GAP / 2
        yield text(middle, 306, 15, "Lambda", f'font-weight="bold" fill="{INK}"')
    yield text(WIDTH / 2, 358, 15, AROUND, f'fill="{INK}"')


def picture() -> str:
    """The whole picture."""
    way = " → ".join(place.title for place in PLACES)
    lines = [
        f"<!-- Drawn by `{COMMAND}`; do not edit. -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-labelledby="title text">',
        '<title id="title">The way of the data through Totes</title>',
        f'<desc id="text">{escape(way)}, by the commands {", ".join(STAGES)}; on AWS by three '
        "Lambda functions that Step Functions runs over two S3 buckets.</desc>",
        box(1, 1, WIDTH - 2, HEIGHT - 2, 'fill="#ffffff" stroke="#cbd5e1"'),
        '<g font-family="Helvetica, Arial, sans-serif" text-anchor="middle">',
        *places(),
        *commands(),
        *on_aws(),
        "</g></svg>",
    ]
    return "\n".join(lines) + "\n"


def stale() -> bool:
    return not PICTURE.exists() or PICTURE.read_text("utf-8") != picture()


def main(arguments: Sequence[str]) -> int:
    """Write the picture, or with --check say whether it is stale; the exit code."""
    if not stale():
        return 0
    if "--check" in arguments:
        click.echo(f"{PICTURE} is stale; hint: {COMMAND}", err=True)
        return 1
    PICTURE.write_text(picture(), "utf-8")
    click.echo(f"wrote {PICTURE}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

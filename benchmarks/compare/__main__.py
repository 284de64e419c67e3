"""Compare Totes with bare COPY and with dlt, print tables, and write a page of them.

    python -m benchmarks.compare --folder /somewhere --scale 1 --scale 20

The folder keeps the server, the founded databases and dlt's environment for the next time; it takes
about 70 MB for a scale of 1, some 10 GB for 100, and 15 GB for 50 million rows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.compare import rival
from benchmarks.compare.databases import Databases
from benchmarks.compare.going_on import run_beside, run_ticks
from benchmarks.compare.large import run_large
from benchmarks.compare.page import PAGE, page
from benchmarks.compare.results import Results
from benchmarks.compare.rounds import Bench, run_rounds
from totes.demo.postgres import PostgresServer


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    options = parse(arguments)
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # where root has no mask, the server runs as another user
    load = [os.getloadavg()[0]]
    results = Results(folder / "results.json")
    dlt = None if options.without_dlt else dlt_or_none(folder)
    with PostgresServer(folder / "postgres") as server:
        measure(Bench(folder, Databases(server), results, dlt), options)
    load.append(os.getloadavg()[0])
    command = f"make {options.target}" if options.target else "python -m benchmarks.compare"
    text = page(results, command, load, rival.VERSION if dlt else None)
    options.page.write_text(text, encoding="utf-8")
    print(f"\n{text}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="where it all lies, and stays")
    parser.add_argument("--scale", type=float, action="append", dest="scales", default=[])
    parser.add_argument("--rounds", type=int, default=3, help="of all that is done once")
    parser.add_argument("--ticks", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=30, help="of freshness, and of writers")
    parser.add_argument("--large", type=int, default=0, metavar="ROWS", help="a table so large")
    parser.add_argument("--without-dlt", action="store_true")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--target", help="the target of make that calls this, for the page")
    return parser.parse_args(arguments)


def measure(bench: Bench, options: argparse.Namespace) -> None:
    """All that is asked for, the small first; what goes on for a while at the least scale."""
    for scale in sorted(options.scales):
        run_rounds(bench, scale, options.rounds)
    if options.scales:
        run_ticks(bench, min(options.scales), options.ticks, options.seconds)
        middle = [scale for scale in options.scales if scale <= 20] or options.scales
        run_beside(bench, max(middle), options.rounds, max(1, options.seconds // 3))
    if options.large:
        run_large(bench, options.large)


def dlt_or_none(folder: Path) -> rival.Dlt | None:
    """dlt, or a word that it is left out."""
    try:
        return rival.Dlt.installed(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"without dlt, as it cannot be installed: {error}", file=sys.stderr)
        return None


if __name__ == "__main__":
    main()

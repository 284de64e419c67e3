"""One very large table: is memory bounded by anything but the settings?"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.compare.databases import Databases
from benchmarks.compare.processes import totes
from benchmarks.compare.rounds import Bench

MODEL = Path(__file__).with_name("event")
TABLE = """
    create table event as
    select
        number as event_id,
        (number % 1000)::integer as sensor_id,
        timestamp '2025-01-01' + number * interval '0.3 s' as happened_at,
        (number * 7919 % 100000)::numeric / 100 as reading,
        case number % 3 when 0 then 'kelvin' when 1 then 'pascal' else 'metre' end::varchar as unit
    from generate_series(1::bigint, {rows}::bigint) as number
"""


def run_large(bench: Bench, rows: int) -> None:
    """Measure each stage of a first run over one table of so many rows, and a run after that."""
    at = f"{rows / 1e6:g} million rows"
    source = bench.databases.server.dsn(_made(bench.databases, rows))
    settings = bench.settings(source, "large", MODEL)
    for stage in ("ingest", "process", "load"):
        ran = bench.measure(at, f"Totes: {stage} alone", partial(totes, stage, settings=settings))
        bench.results.add(at, f"Totes: peak memory, {stage} (MB)", ran.peak)
    bench.measure(at, "Totes: nothing changed", lambda: totes("run", settings=settings))


def _made(databases: Databases, rows: int) -> str:
    name = f"event_{rows}"
    if not databases.exists(name):
        databases.fresh("making")
        with databases.talk("making") as connection:
            connection.execute(TABLE.format(rows=rows).encode())
            connection.execute("alter table event add primary key (event_id)")
            connection.execute("alter table event alter sensor_id set not null")
            connection.execute("vacuum (analyze) event")
        with databases.talk() as connection:
            connection.execute(f"alter database making rename to {name}".encode())
    return name

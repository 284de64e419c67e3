"""The status as metrics: Prometheus' text format, which is small enough to be written by hand.

Its rules are three: a family is one block under its HELP and TYPE, label values escape backslash,
quote and newline, and the last line ends. The tests read it with Prometheus' own parser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from totes.pipeline.status import StageStatus, Status

Samples = Iterator[tuple[tuple[str, ...], float]]


@dataclass(frozen=True)
class Metric:
    """A gauge: its name, unit and meaning, the names of its labels, and how to read it from a
    status, as label values and a number."""

    name: str
    unit: str
    meaning: str
    labels: tuple[str, ...]
    samples: Callable[[Status], Samples]


def _stages(found: Status) -> dict[str, StageStatus]:
    """The stages by the value of the label `stage`."""
    return {
        "ingestion": found.ingestion,
        "processed": found.processed,
        "warehouse": found.warehouse,
    }


def _seconds(moment: datetime) -> float:
    """Seconds since 1970 of a naive time in UTC."""
    return moment.replace(tzinfo=UTC).timestamp()


def _up(found: Status) -> Samples:
    for name, stage in _stages(found).items():
        yield (name,), float(stage.error is None)


def _batch(found: Status) -> Samples:
    for name, stage in _stages(found).items():
        if not stage.error:
            yield (name,), stage.batch


def _true_at(found: Status) -> Samples:
    for name, stage in _stages(found).items():
        if stage.true_at:
            yield (name,), _seconds(stage.true_at)


def _freshness(found: Status) -> Samples:
    if found.freshness is not None:
        yield (), found.freshness


def _rows(found: Status) -> Samples:
    for name, stage in _stages(found).items():
        for table, rows in stage.rows.items():
            yield (name, table), rows


def _bytes(found: Status) -> Samples:
    for name, stage in _stages(found).items():
        for table, size in stage.bytes.items():
            yield (name, table), size


def _stopped(found: Status) -> Samples:
    for table in found.ingestion.rows:
        yield ("ingestion", table), float(table in found.ingestion.problems)


def _quarantined(found: Status) -> Samples:
    for table in dict.fromkeys([*found.processed.rows, *found.quarantine]):
        yield (table,), found.quarantine.get(table, 0)


def _well(found: Status) -> Samples:
    yield (), float(found.is_well)


def _asked_at(found: Status) -> Samples:
    yield (), _seconds(found.now)


STAGE, TABLE = ("stage",), ("stage", "table")
METRICS = (
    Metric("totes_well", "", "1 if no table is stopped and all could be asked, else 0", (), _well),
    Metric("totes_up", "", "1 if the stage could be asked, else 0", STAGE, _up),
    Metric("totes_batch", "", "number of the newest batch; 0 before the first", STAGE, _batch),
    Metric(
        "totes_freshness_seconds",
        "seconds",
        "how long ago the source was as the warehouse is known to be; not there if that is unknown",
        (),
        _freshness,
    ),
    Metric(
        "totes_true_at_timestamp_seconds",
        "seconds since 1970",
        "source time of a lake's newest batch; that which the warehouse is known to be true of",
        STAGE,
        _true_at,
    ),
    Metric(
        "totes_asked_at_timestamp_seconds",
        "seconds since 1970",
        "when the status was asked for",
        (),
        _asked_at,
    ),
    Metric(
        "totes_rows",
        "rows",
        "rows of a table: those of today in a lake, all versions in the warehouse",
        TABLE,
        _rows,
    ),
    Metric(
        "totes_table_bytes",
        "bytes",
        "size of the lake's files that a table's rows of today are read from",
        TABLE,
        _bytes,
    ),
    Metric(
        "totes_table_stopped",
        "",
        "1 if the table no longer fits its contract or waits for a confirmation, else 0",
        TABLE,
        _stopped,
    ),
    Metric(
        "totes_quarantined_rows",
        "rows",
        "rows that cannot enter this table of the star, and wait",
        ("table",),
        _quarantined,
    ),
)


def status_metrics(found: Status) -> str:
    """The status in Prometheus' text format; of a stage that cannot be asked only that."""
    return "".join(line + "\n" for metric in METRICS for line in _family(metric, found))


def _family(metric: Metric, found: Status) -> Iterator[str]:
    samples = list(metric.samples(found))
    if not samples:
        return
    yield f"# HELP {metric.name} {metric.meaning}"
    yield f"# TYPE {metric.name} gauge"
    for values, number in samples:
        pairs = zip(metric.labels, values, strict=True)
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
        yield f"{metric.name}{f'{{{labels}}}' if labels else ''} {_spelled(number)}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _spelled(number: float) -> str:
    """A number without an exponent: whole if it is, else to the millisecond."""
    return str(int(number)) if number == int(number) else f"{number:.3f}"

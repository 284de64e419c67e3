"""The status as metrics, read as Prometheus reads it."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.test_cli import totes
from tests.world import World
from totes.pipeline.refusals import Refusals
from totes.pipeline.status import StageStatus, Status
from totes.terminal.metrics import METRICS, status_metrics

Labels = frozenset[tuple[str, str]]


def read(text: str) -> dict[tuple[str, Labels], float]:
    """Every sample; none is there twice, and each family has a help and is a gauge."""
    found: dict[tuple[str, Labels], float] = {}
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found
            found[key] = sample.value
    return found


def scraped(world: World, **settings: str) -> dict[tuple[str, Labels], float]:
    return read(totes(world, "status", "--format", "prometheus", **settings).stdout)


def of(**labels: str) -> Labels:
    return frozenset(labels.items())


def test_metrics_say_what_the_status_says(ran: World) -> None:
    """Rows, batches, freshness and quarantine are there; what is not stopped or not in quarantine
    is 0, so that an alert ends."""
    ran.change(
        "update sales_order set agreed_payment_date = 'soon' where sales_order_id = 14",
        "update sales_order set units_sold = 4321 where sales_order_id = 90",
    )
    ran.run()
    found = scraped(ran)
    assert found["totes_well", of()] == 1
    for stage in ("ingestion", "processed", "warehouse"):
        assert found["totes_up", of(stage=stage)] == 1
        assert found["totes_batch", of(stage=stage)] == 2
        true_at = found["totes_true_at_timestamp_seconds", of(stage=stage)]
        assert 0 <= time.time() - true_at < 60
    assert 0 <= found["totes_freshness_seconds", of()] < 60
    assert 0 <= time.time() - found["totes_asked_at_timestamp_seconds", of()] < 60
    assert found["totes_rows", of(stage="ingestion", table="sales_order")] == 4
    assert found["totes_rows", of(stage="warehouse", table="fact_sales_order")] == 5
    files = ran.folder.glob("ingestion/sales_order/*/*.parquet")
    size = found["totes_table_bytes", of(stage="ingestion", table="sales_order")]
    assert size == sum(file.stat().st_size for file in files)
    assert found["totes_quarantined_rows", of(table="fact_sales_order")] == 1
    assert found["totes_quarantined_rows", of(table="dim_staff")] == 0
    assert found["totes_table_stopped", of(stage="ingestion", table="design")] == 0


def test_metrics_of_a_table_that_is_stopped(troubled: World) -> None:
    """A table that is stopped is 1, the exit code too; the others stay 0."""
    shown = totes(troubled, "status", "--format", "prometheus")
    assert shown.exit_code == 1
    found = read(shown.stdout)
    stopped = [labels for (name, labels), value in found.items() if "stopped" in name and value]
    assert stopped == [of(stage="ingestion", table="design")]
    assert found["totes_well", of()] == 0


def test_metrics_of_what_is_away(ran: World) -> None:
    """Of a stage that cannot be asked there is that it is not up, and nothing that is a guess."""
    found = scraped(ran, TOTES_WAREHOUSE="postgresql://u:hunter2@127.0.0.1:1/x")
    away = {name: v for (name, labels), v in found.items() if ("stage", "warehouse") in labels}
    assert away == {"totes_up": 0}
    assert ("totes_freshness_seconds", of()) not in found
    assert found["totes_up", of(stage="ingestion")] == 1
    assert found["totes_well", of()] == 0


def test_metrics_before_the_first_batch(untouched: World) -> None:
    """Before the first batch the stages are up, and at batch 0."""
    found = scraped(untouched)
    assert {v for (name, _), v in found.items() if name == "totes_batch"} == {0}
    assert not any(name == "totes_rows" for name, _ in found)


def test_any_name_of_a_table_is_a_label() -> None:
    """Quotes, backslashes, newlines and braces in a table's name arrive as they are."""
    names = ['a"b', "a\\b", "a\nb", "a\\nb", "a}b{", 'x",stage="y', "täble", "a\\", ""]
    stage = StageStatus(batch=1, rows=dict.fromkeys(names, 7), problems={names[0]: "no"})
    refused = {name: Refusals(3, []) for name in names}
    now = datetime(2026, 2, 28)
    found = read(status_metrics(Status(stage, stage, stage, refused, [], now)))
    for name in names:
        for where in ("ingestion", "processed", "warehouse"):
            assert found["totes_rows", of(stage=where, table=name)] == 7
        assert found["totes_quarantined_rows", of(table=name)] == 3
    assert found["totes_table_stopped", of(stage="ingestion", table=names[0])] == 1


def test_large_numbers_are_spelled_whole() -> None:
    """A billion rows are a billion, and a moment is exact to the millisecond."""
    stage = StageStatus(1, datetime(2026, 2, 28, 1, 2, 3, 4000), {"t": 10**15 + 1})
    text = status_metrics(Status(stage, stage, stage, {}, [], datetime(2026, 2, 28, 1, 2, 4)))
    assert 'totes_rows{stage="ingestion",table="t"} 1000000000000001\n' in text
    assert 'totes_true_at_timestamp_seconds{stage="ingestion"} 1772240523.004\n' in text
    assert "totes_freshness_seconds 0.996\n" in text


def test_names_keep_to_the_conventions() -> None:
    """Names are lower case with one prefix, a unit is a base unit at their end, and no name is
    there twice."""
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"totes(_[a-z]+)+", metric.name)
        assert "\n" not in metric.meaning
        assert "\\" not in metric.meaning
        assert metric.unit.split()[:1] in ([], [metric.name.rpartition("_")[2]]), metric.name


def test_alerts_in_the_guide_are_about_metrics_that_there_are() -> None:
    """Each metric in the rules that the guide shows exists."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "day-and-night.md"
    (rules,) = re.findall(r"```yaml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    shown = set(re.findall(r"\btotes_\w+", rules))
    assert len(shown) > 2
    assert shown <= {metric.name for metric in METRICS}

"""`totes status` for people: what it says, how it looks, and what it does not wait for."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys

import pytest

from tests.test_cli import totes
from tests.world import World

JSON = ["--format", "json"]
BOTH = ["--json", *JSON]
AWAY = "postgresql://u:hunter2@127.0.0.1:1/x"


def breaks(world: World, orders: int, date: str = "soon") -> None:
    """Give the first orders a payment date that is none."""
    world.change(
        f"update sales_order set agreed_payment_date = '{date}' where sales_order_id in "
        f"(select sales_order_id from sales_order order by 1 limit {orders})"
    )


def next_of(world: World, **settings: str | None) -> list[str]:
    """The commands that the status proposes, the first first."""
    _, _, proposed = totes(world, "status", **settings).output.rpartition("next: ")
    return [line.partition("#")[0].strip() for line in proposed.splitlines()]


@pytest.mark.parametrize(
    ("age", "word"),
    [
        ("0 minutes", "fresh"),
        ("9 minutes", "fresh"),
        ("11 minutes", "late"),
        ("29 minutes", "late"),
        ("31 minutes", "old"),
        ("3 days", "old"),
    ],
)
def test_freshness_has_a_word(world: World, age: str, word: str) -> None:
    """A warehouse is fresh, late from ten minutes on, old from half an hour on; none of it is an
    exit code."""
    totes(world, "run")
    world.change(
        f"update totes.state set true_at = now() at time zone 'UTC' - interval '{age}'",
        warehouse=True,
    )
    shown = totes(world, "status")
    assert f"\n{word}: the warehouse is true of the source as it was " in shown.output
    assert shown.exit_code == 0
    assert next_of(world) == ["totes verify" if word == "fresh" else "totes run"]


def test_freshness_that_is_not_known_says_why(world: World) -> None:
    """Without a batch, without a batch of the whole source, or without an answer of the warehouse,
    there is no freshness, and the reason stands in its place."""
    assert "\nempty: the warehouse holds nothing yet\n" in totes(world, "status").output
    totes(world, "run")
    world.change("update totes.state set true_at = null", warehouse=True)
    shown = totes(world, "status").output
    assert "\nwarehouse: at batch 1\n" in shown
    assert "\nunknown: the warehouse holds no batch of the whole source\n" in shown
    away = totes(world, "status", TOTES_WAREHOUSE=AWAY).output
    assert "\nunknown: the warehouse cannot be asked\n" in away


def test_first_reasons_are_told(world: World) -> None:
    """Of each model's rows in quarantine the status has the count and the first three reasons,
    those first that wait longest; and how many more there are."""
    world.change("update payment set payment_date = '2026-02-30' where payment_id = 8")
    breaks(world, 1, "later")
    totes(world, "run")
    breaks(world, 4)
    totes(world, "run")
    _, _, told = totes(world, "status").output.partition("\nquarantine: ")
    assert told.splitlines()[:8] == [
        "5 rows",
        "  fact_payment: 1",
        "    payment_id 8: payment_date: 2026-02-30 is no date",
        "  fact_sales_order: 4",
        "    sales_order_id 2: agreed_payment_date: soon is no date",
        "    sales_order_id 14: agreed_payment_date: soon is no date",
        "    sales_order_id 90: agreed_payment_date: soon is no date",
        "    and 1 more",
    ]
    assert next_of(world) == ["totes quarantine list"]


def test_values_do_not_command_the_terminal(world: World) -> None:
    """Control characters of a refused value are shown by the status, and not sent."""
    world.change("update sales_order set agreed_payment_date = e'\\x1b[2Jsoon\\n'")
    totes(world, "run")
    shown = totes(world, "status").output
    assert "\\x1b[2Jsoon\\n is no date" in shown
    assert "\x1b[2J" not in shown


def test_next_command_is_the_one_that_helps(world: World) -> None:
    """The status ends with the command to type next: a run where one is due, a look at the
    contracts where a table is stopped, itself where something is away."""
    assert next_of(world) == ["totes run"]
    totes(world, "ingest")
    assert next_of(world) == ["totes run"]
    totes(world, "run")
    assert next_of(world) == ["totes verify"]
    assert next_of(world, TOTES_WAREHOUSE=AWAY) == ["totes status"]
    world.change("alter table design rename column file_name to filename")
    breaks(world, 1)
    totes(world, "run")
    assert next_of(world) == ["totes contract check", "totes quarantine list"]


def test_stopped_table_has_its_reason_and_what_to_do(world: World) -> None:
    """A table that is stopped is told with the reason and the hint, and the exit code is 1."""
    totes(world, "run")
    world.change("alter table design rename column file_name to filename")
    totes(world, "run")
    shown = totes(world, "status")
    assert shown.exit_code == 1
    assert "\nstopped: design: column file_name is missing\n  hint: has it become" in shown.output
    found = json.loads(totes(world, "status", "--json").output)
    assert not found["well"]
    assert found["ingestion"]["hints"]["design"].startswith("has it become filename?")


def test_quarantine_of_a_lake_that_is_away_is_not_empty(world: World) -> None:
    """Where the processed lake cannot be asked, its quarantine is unknown, and not said empty."""
    shown = totes(world, "status", TOTES_PROCESSED=None).output
    assert "\nquarantine: unknown\n" in shown


def on_terminal(world: World, columns: int) -> str:
    """What `totes status` draws on a terminal so wide."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, **world.environment, "TERM": "xterm", "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "totes", "status"]
    process = subprocess.Popen(command, env=environment, stdout=theirs)
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):  # what a terminal says when nobody writes any more
        while part := os.read(ours, 1 << 16):
            drawn += part
    os.close(ours)
    process.wait(timeout=30)
    return drawn.decode().replace("\r\n", "\n")


def test_terminal_has_colour_and_is_not_overrun(world: World) -> None:
    """On a terminal problems are red, long lines are broken between words, none is wider than the
    terminal, and where there is room the tables stand side by side."""
    totes(world, "run")
    world.change("alter table design rename column file_name to filename")
    breaks(world, 1, "no day of any month " * 12)
    totes(world, "run")
    drawn = on_terminal(world, 80)
    assert re.search(r"\x1b\[1;31mstopped *\x1b\[0m +design: column file_name is missing", drawn)
    narrow = re.sub(r"\x1b\[[0-9;]*m", "", drawn).splitlines()
    assert max(map(len, narrow)) <= 80
    assert "no day of any month no day" in " ".join(" ".join(narrow).split())
    wide = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(world, 120)).splitlines()
    (title,) = [line for line in wide if line.startswith("ingestion lake   ") and "at" not in line]
    assert title.split() == ["ingestion", "lake", "processed", "lake", "warehouse"]
    assert len(wide) < len(narrow)


def test_status_waits_for_nothing_that_it_does_not_need(world: World) -> None:
    """With nothing in quarantine, and not on a terminal, neither the engine nor the drawing of
    tables is loaded, whatever the form."""
    totes(world, "run")
    page = str(world.folder / "status.html")
    for form in ([], ["--json"], ["--format", "prometheus"], ["--html", page]):
        code = f"""
import sys
from totes.cli import cli
try:
    cli({["status", *form]!r})
except SystemExit as end:
    assert not end.code
print(*sorted(set(sys.modules) & {{"duckdb", "rich"}}), file=sys.stderr)
"""
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **world.environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == "\n", form


def test_forms_do_not_contradict_each_other(world: World) -> None:
    """--json and --format json are one; two different forms are wrong use, and nothing is
    written."""
    totes(world, "run")
    either = [json.loads(totes(world, "status", *a).output) for a in (["--json"], JSON, BOTH)]
    for document in either:
        del document["now"], document["freshness"]
    assert either[0] == either[1] == either[2]
    page = world.folder / "status.html"
    for wrong in (
        ["--json", "--format", "prometheus"],
        ["--json", "--format", "text"],
        ["--json", "--html", str(page)],
        ["--format", "text", "--html", str(page)],
        ["--format", "xml"],
    ):
        assert totes(world, "status", *wrong).exit_code == 2, wrong
    assert not page.exists()


def test_errors_have_the_form_that_was_asked_for(world: World) -> None:
    """An error of `--format json` is a document; that of the other forms leaves standard output
    empty, so that nothing takes it for a status."""
    nowhere = str(world.folder / "nowhere")
    found = totes(world, "status", "--format", "json", TOTES_MODEL=nowhere)
    assert "nowhere" in json.loads(found.stdout)["error"]
    for form in (["--format", "prometheus"], ["--html", "-"]):
        failed = totes(world, "status", *form, TOTES_MODEL=nowhere)
        assert (failed.exit_code, failed.stdout) == (1, "")

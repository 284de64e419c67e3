"""`totes status` for people: what it says, how it looks, and what it does not wait for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

import pytest

from tests.screen import drawn
from tests.test_cli import totes
from tests.world import World
from totes.cli import cli

JSON = ["--format", "json"]
BOTH = ["--json", *JSON]
AWAY = "postgresql://u:hunter2@127.0.0.1:1/x"


def breaks(world: World, orders: int, date: str = "soon") -> None:
    """Give the first orders a payment date that is none."""
    world.change(
        f"update sales_order set agreed_payment_date = '{date}' where sales_order_id in "
        f"(select sales_order_id from sales_order order by 1 limit {orders})"
    )


def next_in(shown: str) -> list[str]:
    """The commands that a status proposes, the first first."""
    _, _, proposed = shown.rpartition("next: ")
    return [line.partition("#")[0].strip() for line in proposed.splitlines()]


def next_of(world: World, **settings: str | None) -> list[str]:
    return next_in(totes(world, "status", **settings).output)


AGES = {
    "0 minutes": "fresh",
    "9 minutes": "fresh",
    "11 minutes": "late",
    "29 minutes": "late",
    "31 minutes": "old",
    "3 days": "old",
}


def test_freshness_has_a_word(ran: World) -> None:
    """A warehouse is fresh, late from ten minutes on, old from half an hour on; none of it is an
    exit code, and what is not fresh is to be run."""
    told = r"^(\w+): the warehouse is true of the source as it was "
    found = {}
    for age in AGES:
        ran.change(
            f"update totes.state set true_at = now() at time zone 'UTC' - interval '{age}'",
            warehouse=True,
        )
        shown = totes(ran, "status")
        words = re.findall(told, shown.output, re.MULTILINE)
        found[age] = words, shown.exit_code, next_in(shown.output)
    assert found == {
        age: ([word], 0, ["totes verify" if word == "fresh" else "totes run"])
        for age, word in AGES.items()
    }


def test_status_before_the_first_batch(untouched: World) -> None:
    """Without a batch the warehouse is empty, and a run is due."""
    shown = totes(untouched, "status").output
    assert "\nempty: the warehouse holds nothing yet\n" in shown
    assert next_in(shown) == ["totes run"]


def test_freshness_that_is_not_known_says_why(ran: World) -> None:
    """Without a batch of the whole source, or without an answer of the warehouse, there is no
    freshness, and the reason stands in its place; of what is away the status is to be asked."""
    ran.change("update totes.state set true_at = null", warehouse=True)
    shown = totes(ran, "status").output
    assert "\nwarehouse: at batch 1\n" in shown
    assert "\nunknown: the warehouse holds no batch of the whole source\n" in shown
    away = totes(ran, "status", TOTES_WAREHOUSE=AWAY).output
    assert "\nunknown: the warehouse cannot be asked\n" in away
    assert next_in(away) == ["totes status"]


def test_first_reasons_are_told(ran: World) -> None:
    """Of each model's rows in quarantine the status has the count and the first three reasons,
    those first that wait longest; and how many more there are."""
    ran.change("update payment set payment_date = '2026-02-30' where payment_id = 8")
    breaks(ran, 1, "later")
    ran.run()
    breaks(ran, 4)
    ran.run()
    shown = totes(ran, "status").output
    _, _, told = shown.partition("\nquarantine: ")
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
    assert next_in(shown) == ["totes quarantine list"]


def test_values_do_not_command_the_terminal(troubled: World) -> None:
    """Control characters of a refused value are shown by the status, and not sent."""
    shown = totes(troubled, "status").output
    assert "\\x1b[2Jsoon\\n is no date" in shown
    assert "\x1b[2J" not in shown


def test_run_is_next_where_one_is_due(ran: World) -> None:
    """The status ends with the command to type next: a run where the warehouse lacks a batch, a
    verification where nothing is to be done."""
    ran.run()  # the copy may be some minutes old
    assert next_of(ran) == ["totes verify"]
    breaks(ran, 1)
    totes(ran, "ingest")
    assert next_of(ran) == ["totes run"]


def test_stopped_table_has_its_reason_and_what_to_do(troubled: World) -> None:
    """A table that is stopped is told with the reason and the hint, the exit code is 1, and next is
    a look at the contracts, then at the quarantine."""
    shown = totes(troubled, "status")
    assert shown.exit_code == 1
    assert "\nstopped: design: column file_name is missing\n  hint: has it become" in shown.output
    assert next_in(shown.output) == ["totes contract check", "totes quarantine list"]
    found = json.loads(totes(troubled, "status", "--json").output)
    assert not found["well"]
    assert found["ingestion"]["hints"]["design"].startswith("has it become filename?")


def test_quarantine_of_a_lake_that_is_away_is_not_empty(untouched: World) -> None:
    """Where the processed lake cannot be asked, its quarantine is unknown, and not said empty."""
    shown = totes(untouched, "status", TOTES_PROCESSED=None).output
    assert "\nquarantine: unknown\n" in shown


def on_terminal(world: World, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `totes status` draws on a terminal so wide."""
    for name, value in {**world.environment, "TERM": "xterm", "COLUMNS": str(columns)}.items():
        monkeypatch.setenv(name, value)

    def status(screen: TextIO) -> None:
        with redirect_stdout(screen), pytest.raises(SystemExit):
            cli(["status"])

    return drawn(status)


def test_terminal_has_colour_and_is_not_overrun(
    troubled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal problems are red, long lines are broken between words, none is wider than the
    terminal, no value commands it, and where there is room the tables stand side by side."""
    shown = on_terminal(troubled, 80, monkeypatch)
    assert re.search(r"\x1b\[1;31mstopped *\x1b\[0m +design: column file_name is missing", shown)
    assert "\x1b[2J" not in shown
    narrow = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, narrow)) <= 80
    assert "no day of any month no day" in " ".join(" ".join(narrow).split())
    wide = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(troubled, 120, monkeypatch)).splitlines()
    (title,) = [line for line in wide if line.startswith("ingestion lake   ") and "at" not in line]
    assert title.split() == ["ingestion", "lake", "processed", "lake", "warehouse"]
    assert len(wide) < len(narrow)


WATCHED = """
import os, sys
from totes import pipeline, terminal
from totes.cli import cli
for form in {forms!r}:
    if not (child := os.fork()):  # so that no form finds what another has loaded
        sys.argv[1:] = form
        try:
            cli()
        finally:
            loaded = sorted(set(sys.modules) & {{"duckdb", "rich"}})
            print(*form, "loads", *loaded, file=sys.stderr)
    assert os.waitpid(child, 0) == (child, 0), form
"""


def test_status_waits_for_nothing_that_it_does_not_need(ran: World) -> None:
    """With nothing in quarantine, and not on a terminal, neither the engine nor the drawing of
    tables is loaded, whatever the form."""
    page = str(ran.folder / "status.html")
    forms = [[], ["--json"], ["--format", "prometheus"], ["--html", page]]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED.format(forms=[["status", *form] for form in forms])],
        env={**os.environ, **ran.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.splitlines() == [" ".join(["status", *form, "loads"]) for form in forms]


def test_forms_do_not_contradict_each_other(troubled: World, tmp_path: Path) -> None:
    """--json and --format json are one; two different forms are wrong use, and nothing is
    written."""
    either = [json.loads(totes(troubled, "status", *a).output) for a in (["--json"], JSON, BOTH)]
    for document in either:
        del document["now"], document["freshness"]
    assert either[0] == either[1] == either[2]
    page = tmp_path / "status.html"
    for wrong in (
        ["--json", "--format", "prometheus"],
        ["--json", "--format", "text"],
        ["--json", "--html", str(page)],
        ["--format", "text", "--html", str(page)],
        ["--format", "xml"],
    ):
        assert totes(troubled, "status", *wrong).exit_code == 2, wrong
    assert not page.exists()


def test_errors_have_the_form_that_was_asked_for(untouched: World) -> None:
    """An error of `--format json` is a document; that of the other forms leaves standard output
    empty, so that nothing takes it for a status."""
    nowhere = str(untouched.folder / "nowhere")
    found = totes(untouched, "status", "--format", "json", TOTES_MODEL=nowhere)
    assert "nowhere" in json.loads(found.stdout)["error"]
    for form in (["--format", "prometheus"], ["--html", "-"]):
        failed = totes(untouched, "status", *form, TOTES_MODEL=nowhere)
        assert (failed.exit_code, failed.stdout) == (1, "")

"""The command line: what people see, what programs read, and what an error looks like."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from threading import Timer
from typing import IO, TextIO

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from tests.screen import drawn
from tests.world import World, made_database
from totes.cli import cli
from totes.contract import shipped_model
from totes.demo.postgres import PostgresServer


def totes(world: World | None, *arguments: str, **settings: str | None) -> Result:
    """Run a command with the world's settings; `settings` overrides some, None unsets."""
    environment: dict[str, str | None] = dict.fromkeys(
        ("TOTES_SOURCE", "TOTES_WAREHOUSE", "TOTES_INGESTION", "TOTES_PROCESSED", "TOTES_MODEL")
    )
    environment |= world.environment if world else {}
    return CliRunner().invoke(cli, arguments, env=environment | settings)


def assert_is_clear_error(result: Result, *words: str) -> None:
    """One line that names the thing, one hint, no traceback, exit code 1."""
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == 1, result.output
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2, lines
    for word in words:
        assert word in result.stderr


def sells(world: World, units: int) -> None:
    """Change something at the source: an order's units."""
    world.change(f"update sales_order set units_sold = {units} where sales_order_id = 14")


def test_run_shows_what_each_stage_did(ran: World) -> None:
    """`totes run` shows each stage with its tables; a second one that there was nothing new, by
    which the warehouse is known to be in sync with a later moment."""
    sells(ran, 4321)
    first = totes(ran, "run")
    assert first.exit_code == 0, first.output
    assert "ingest   batch 2" in first.output
    assert "fact_sales_order" in first.output
    before = ran.ask("select true_at from totes.state")
    second = totes(ran, "run")
    assert second.output.count("nothing new, at batch 2") == 3
    assert ran.ask("select true_at from totes.state") > before


def test_stages_before_one_that_fails_are_shown(ran: World) -> None:
    """Where a stage fails, what the ones before it did is shown above the error."""
    folder = ran.folder / "model"
    shutil.copytree(shipped_model(), folder)
    (folder / "star" / "dim_design.sql").write_text("select design_id from design")
    empty = {"TOTES_MODEL": str(folder), "TOTES_PROCESSED": f"file://{ran.folder}/elsewhere"}
    sells(ran, 4321)
    result = totes(ran, "run", **empty)
    assert_is_clear_error(result, "dim_design.sql returns design_id")
    assert "ingest   batch 2" in result.stdout
    assert "process" not in result.stdout


def test_another_data_model_writes_nothing(ran: World) -> None:
    """Where TOTES_MODEL was forgotten, or names another database's model, no batch is written, and
    the error asks for the right one."""
    before = ran.objects()
    model = ran.folder / "model"
    (model / "source").mkdir(parents=True)
    contract = (shipped_model() / "source" / "staff.toml").read_text()
    (model / "source" / "members.toml").write_text(contract)
    result = totes(ran, "ingest", TOTES_MODEL=str(model))
    assert_is_clear_error(result, "address, counterparty, currency and so on", "TOTES_MODEL")
    assert ran.objects() == before


def test_rebuild_and_status_know_another_data_model(ran: World) -> None:
    """A processed lake that was made with another model is not loaded as if it were this one's;
    status says what makes it anew."""
    model = ran.folder / "model"
    shutil.copytree(shipped_model(), model)
    sql_file = model / "star" / "dim_staff.sql"
    sql_file.write_text(sql_file.read_text().replace("staff.first_name,", "'x' as first_name,"))
    rebuilt = totes(ran, "rebuild", "--yes", TOTES_MODEL=str(model))
    assert_is_clear_error(rebuilt, "another dim_staff", "name an empty TOTES_PROCESSED")
    assert ran.ask("select count(*) from dim_staff where first_name = 'x'") == [(0,)]
    status = totes(ran, "status", TOTES_MODEL=str(model))
    assert "name an empty TOTES_PROCESSED" in " ".join(status.stdout.split())
    empty = {"TOTES_MODEL": str(model), "TOTES_PROCESSED": f"file://{ran.folder}/anew"}
    assert totes(ran, "process", **empty).exit_code == 0
    assert totes(ran, "rebuild", "--yes", **empty).exit_code == 0
    assert ran.ask("select distinct first_name from dim_staff") == [("x",)]


def test_load_knows_another_data_model(ran: World, untouched: World) -> None:
    """An empty warehouse is not filled from a processed lake that was made with another model."""
    model = ran.folder / "model"
    shutil.copytree(shipped_model(), model)
    with (model / "star" / "dim_staff.sql").open("a") as text:
        text.write("where true\n")
    empty = {"TOTES_MODEL": str(model), "TOTES_WAREHOUSE": untouched.warehouse}
    result = totes(ran, "load", **empty)
    assert_is_clear_error(result, "another dim_staff", "name an empty TOTES_PROCESSED")
    assert untouched.ask("select from pg_tables where schemaname in ('public', 'totes')") == []


def test_run_json_is_for_programs(ran: World) -> None:
    """`--json` prints one document, a report per stage, and nothing else."""
    sells(ran, 4321)
    reports = json.loads(totes(ran, "run", "--json").output)
    assert [report["stage"] for report in reports] == ["ingest", "process", "load"]
    assert reports[0]["tables"]["sales_order"]["updated"] == 1
    assert reports[2]["batches"] == [2]


def test_stages_alone(ran: World) -> None:
    """`totes ingest`, `process` and `load` do what `totes run` does at once."""
    sells(ran, 4321)
    for stage in ("ingest", "process", "load"):
        result = totes(ran, stage, "--json")
        assert result.exit_code == 0
        assert json.loads(result.output)[0]["batches"] == [2]
    assert ran.ask("select count(*) from current_sales_order where units_sold = 4321") == [(1,)]


def test_status_before_the_first_batch(untouched: World) -> None:
    """Where nothing has run, `totes status` tells just that of each stage, and ends well."""
    empty = totes(untouched, "status")
    assert empty.exit_code == 0
    assert empty.output.count("nothing there yet") == 3


def test_status_says_what_is_there_and_how_fresh(ran: World) -> None:
    """`totes status` tells rows per table and stage, quarantine, and how fresh the warehouse is."""
    sells(ran, 4321)
    ran.change("update sales_order set design_id = 99 where sales_order_id = 90")
    totes(ran, "run")
    shown = totes(ran, "status")
    assert shown.exit_code == 0
    assert "fact_sales_order: 1" in shown.output
    document = json.loads(totes(ran, "status", "--json").output)
    assert document["ingestion"]["rows"]["sales_order"] == 4
    assert document["warehouse"]["rows"]["fact_sales_order"] == 5
    assert document["quarantine"] == {"fact_sales_order": 1}
    assert 0 <= document["freshness"] < 60


def test_freshness_stands_still_while_a_table_is_stopped(ran: World) -> None:
    """While a table is stopped the warehouse is not true of the source, whatever else arrives."""
    before = ran.ask("select true_at from totes.state")
    ran.change("alter table design rename column file_name to filename")
    for number in range(2):
        ran.change(f"update payment set payment_amount = {number + 1} where payment_id = 8")
        totes(ran, "run")
    assert ran.ask("select max(batch) from totes.ledger") == [(3,)]
    assert ran.ask("select true_at from totes.state") == before
    ran.change("alter table design rename column filename to file_name")
    mended = totes(ran, "run")
    assert mended.exit_code == 0, mended.output
    assert ran.ask("select true_at from totes.state") > before


def test_status_of_what_is_away(ran: World) -> None:
    """A stage that cannot be asked says so in its place, and the exit code is 1."""
    shown = totes(ran, "status", TOTES_WAREHOUSE="postgresql://u:hunter2@127.0.0.1:1/x")
    assert shown.exit_code == 1
    assert "ingestion lake: at batch 1" in shown.output
    assert "cannot connect to TOTES_WAREHOUSE" in shown.output
    assert "hunter2" not in shown.output


def test_verify_reconciles(ran: World) -> None:
    """`totes verify` compares source, lakes and warehouse; what is pending is no difference."""
    ran.change("delete from payment where payment_id = 8")
    before = ran.objects()
    result = totes(ran, "verify")
    assert result.exit_code == 0, result.output
    assert "1 change not yet ingested" in result.output
    assert ran.objects() == before


def test_verify_names_damage(ran: World) -> None:
    """`totes verify` names an object whose content changed, and exits with 1."""
    (path,) = ran.folder.glob("ingestion/payment/*/*.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    result = totes(ran, "verify")
    assert result.exit_code == 1
    assert path.name in result.output


def test_verify_finds_a_row_that_the_warehouse_lost(ran: World) -> None:
    """A row that somebody deleted from the warehouse is a difference, and the exit code 1."""
    ran.change("delete from fact_payment where payment_id = 8", warehouse=True)
    result = totes(ran, "verify", "--json")
    assert result.exit_code == 1
    document = json.loads(result.output)
    assert not document["well"]
    assert len(document["comparisons"]) == 11 + (11 + 1) + 11
    assert [c["table"] for c in document["comparisons"] if c["differing"]] == ["fact_payment"]


def test_verify_of_a_lake_that_is_not_there(ran: World) -> None:
    """An ingestion lake that is empty beside a full processed one is damage, and said as such."""
    elsewhere = f"file://{ran.folder}/elsewhere"
    result = totes(ran, "verify", TOTES_INGESTION=elsewhere)
    assert result.exit_code == 1
    assert "processed batch 1 was not made from ingestion batch 1" in result.output


def test_rebuild_wants_a_yes(ran: World) -> None:
    """`totes rebuild` without --yes is wrong use, exit code 2; with it the tables are filled again,
    and stay where they are: what analysts were granted stays granted."""
    assert totes(ran, "rebuild").exit_code == 2
    ran.change("grant select on fact_payment to public", "delete from fact_payment", warehouse=True)
    assert totes(ran, "rebuild", "--yes").exit_code == 0
    assert ran.ask("select count(*) from fact_payment") == [(6,)]
    assert ran.ask(
        "select count(*) from information_schema.role_table_grants "
        "where grantee = 'PUBLIC' and table_name = 'fact_payment'"
    ) == [(1,)]
    assert_is_clear_error(totes(ran, "rebuild", "--yes", "--as-of", "7"), "no batch 7")


def test_contract_that_gains_a_column_catches_it_up(ran: World) -> None:
    """A column that is added to a source contract is archived for every row, old ones included."""
    import duckdb

    folder = ran.folder / "model"
    shutil.copytree(shipped_model(), folder)
    contract = folder / "source" / "design.toml"
    contract.write_text(
        contract.read_text() + 'colour = { type = "varchar", null = true, meaning = "colour" }\n'
    )
    ran.change("alter table design add colour varchar", "update design set colour = 'red'")
    result = totes(ran, "run", TOTES_MODEL=str(folder))
    assert result.exit_code == 0, result.output
    (path,) = ran.folder.glob("ingestion/design/000000002/*.parquet")
    assert duckdb.execute(f"select distinct colour from '{path}'").fetchall() == [("red",)]
    assert json.loads(totes(ran, "verify", "--json", TOTES_MODEL=str(folder)).output)["well"]


@pytest.mark.parametrize("name", ["SOURCE", "WAREHOUSE", "INGESTION", "PROCESSED"])
def test_missing_setting_is_named_before_anything_begins(untouched: World, name: str) -> None:
    """A setting that is missing is named, with how to set it, and nothing is written."""
    result = totes(untouched, "run", **{f"TOTES_{name}": None})
    assert_is_clear_error(result, f"TOTES_{name} is not set", f"export TOTES_{name}=")
    assert untouched.objects() == {}


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("hunter2 is not a dsn", ["TOTES_SOURCE is not a connection string"]),
        ("postgresql://u:hunter2@127.0.0.1:1/x", ["cannot connect", "127.0.0.1:1", "refused"]),
        ("postgresql://u:hunter2@nowhere.invalid/x", ["cannot connect", "nowhere.invalid"]),
    ],
)
def test_wrong_source_is_named_and_its_password_is_not(
    untouched: World, dsn: str, words: list[str]
) -> None:
    """A DSN that is none, a server that is down, a host that is none: a line, without password."""
    result = totes(untouched, "run", TOTES_SOURCE=dsn)
    assert_is_clear_error(result, *words)
    assert "hunter2" not in result.output
    assert untouched.objects() == {}


def test_wrong_warehouse_is_said_before_anything_is_written(untouched: World) -> None:
    """A warehouse's login that is wrong is said at once, and nothing is written."""
    wrong = psycopg.conninfo.make_conninfo(untouched.warehouse, password="hunter2")
    assert_is_clear_error(totes(untouched, "run", TOTES_WAREHOUSE=wrong), "password authentication")
    assert untouched.objects() == {}


def test_source_is_archived_while_the_warehouse_is_away(ran: World) -> None:
    """A warehouse that is down is an error, but what the source says now is not lost."""
    away = "postgresql://u@127.0.0.1:1/x"
    sells(ran, 1234)
    assert_is_clear_error(totes(ran, "run", TOTES_WAREHOUSE=away), "TOTES_WAREHOUSE", "refused")
    sells(ran, 4321)
    totes(ran, "run")
    found = ran.ask("select units_sold from fact_sales_order where sales_order_id = 14 order by 1")
    assert found == [(1234,), (4321,), (42972,)]


def test_progress_is_drawn_on_a_terminal(ran: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the stages draw their progress while they run, and leave no trace of it."""
    for name, value in {**ran.environment, "TERM": "xterm", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    sells(ran, 4321)
    output = StringIO()

    def run(screen: TextIO) -> None:
        with redirect_stdout(output), redirect_stderr(screen), pytest.raises(SystemExit) as end:
            cli(["run"])
        assert not end.value.code

    shown = drawn(run)
    assert "ingest   batch 2" in output.getvalue()
    assert "\x1b" not in output.getvalue()
    for stage in ("ingest", "process", "load"):
        assert stage in shown


def test_wrong_password_and_database(untouched: World) -> None:
    """A password or a database that the server refuses is a configuration to be mended."""
    wrong = psycopg.conninfo.make_conninfo(untouched.source, password="hunter2")
    result = totes(untouched, "run", TOTES_SOURCE=wrong)
    assert_is_clear_error(result, "password authentication failed", "TOTES_SOURCE")
    assert "hunter2" not in result.output
    wrong = psycopg.conninfo.make_conninfo(untouched.source, dbname="nothing")
    assert_is_clear_error(totes(untouched, "run", TOTES_SOURCE=wrong), '"nothing" does not exist')


@pytest.fixture(scope="module")
def altered(server: PostgresServer, handmade: str) -> Iterator[str]:
    """The DSN of a source that each test puts back as it was."""
    with made_database(server, "altered", handmade) as dsn:
        yield dsn


@pytest.mark.parametrize(
    ("statement", "back", "words"),
    [
        (
            "create schema elsewhere; alter table payment_type set schema elsewhere",
            "alter table elsewhere.payment_type set schema public; drop schema elsewhere",
            ["payment_type", "no table public.payment_type"],
        ),
        (
            "alter table staff drop column email_address",
            "alter table staff add email_address varchar not null default ''",
            ["staff", "email_address is missing"],
        ),
        (
            "alter table staff alter department_id type text",
            "alter table staff alter department_id type int using department_id::int",
            ["staff", "department_id is text, and should be integer"],
        ),
        (
            "alter table staff rename to s; create view staff as select * from s",
            "drop view staff; alter table s rename to staff",
            ["staff", "is not a table"],
        ),
    ],
)
def test_first_run_on_what_does_not_fit_writes_nothing(
    untouched: World, altered: str, statement: str, back: str, words: list[str]
) -> None:
    """A table or column that is missing before the first batch: named, and nothing is written."""
    world = World(altered, untouched.warehouse, untouched.folder)
    world.change(statement)
    try:
        assert_is_clear_error(totes(world, "run"), *words)
    finally:
        world.change(back)
    assert world.objects() == {}


@pytest.mark.slow
def test_later_a_table_that_does_not_fit_stops_alone_and_catches_up(ran: World) -> None:
    """Once there are batches, a table that breaks its contract stops alone: the others arrive, the
    exit code is 1; once mended it is caught up, deletions included."""
    ran.change(
        "alter table design rename column file_name to filename",
        "insert into design select 900, design_name, filename, file_location, now(), now() "
        "from design where design_id = 8",
        "delete from design where design_id = 472",
        "update payment set paid = true where payment_id = 8",
    )
    result = totes(ran, "run")
    assert result.exit_code == 1
    assert "stopped: design: column file_name is missing" in result.output
    assert ran.ask("select paid from current_payment where payment_id = 8") == [(True,)]
    assert totes(ran, "status").exit_code == 1
    before = ran.objects()
    assert totes(ran, "run").exit_code == 1
    assert ran.objects() == before
    ran.change("alter table design rename column filename to file_name")
    assert totes(ran, "run").exit_code == 0
    assert totes(ran, "status").exit_code == 0
    assert ran.ask("select design_id from dim_design order by 1") == [(8,), (472,), (900,)]
    assert totes(ran, "verify").exit_code == 0


def test_login_without_select_is_told_what_to_grant(untouched: World) -> None:
    """A login that may not read a table: the table is named, and what to grant."""
    with psycopg.connect(untouched.source, autocommit=True) as connection:
        name = f"blind_{connection.info.dbname}"
        role = sql.Identifier(name)
        connection.execute(sql.SQL("create role {} login password 'r'").format(role))
        try:
            dsn = psycopg.conninfo.make_conninfo(untouched.source, user=name, password="r")
            result = totes(untouched, "run", TOTES_SOURCE=dsn)
        finally:
            connection.execute(sql.SQL("drop role {}").format(role))
    assert_is_clear_error(result, "may not read it", "grant select on public.")


@pytest.mark.parametrize("name", ["INGESTION", "PROCESSED"])
def test_lake_that_cannot_be_written(untouched: World, name: str) -> None:
    """A lake folder that cannot be written is named with its setting."""
    (untouched.folder / "file").write_text("no folder")
    url = f"file://{untouched.folder}/file/lake"
    result = totes(untouched, "run", **{f"TOTES_{name}": url})
    assert_is_clear_error(result, f"TOTES_{name}", url)
    assert not any(key.startswith("processed/manifests") for key in untouched.objects())


def test_warehouse_that_is_not_empty_is_left_alone(ran: World, server: PostgresServer) -> None:
    """A database that holds a table of ours by name, but not by us, is not touched."""
    with made_database(server, "not_empty") as theirs:
        other = World(ran.source, theirs, ran.folder)
        other.change("create table dim_staff (x int)", warehouse=True)
        result = totes(other, "load")
        assert_is_clear_error(result, "not empty", "dim_staff", "TOTES_WAREHOUSE")
        assert other.ask("select to_regnamespace('totes')") == [(None,)]


def test_source_is_never_the_warehouse(ran: World) -> None:
    """A warehouse setting that names the source's own database is refused, and nothing is made."""
    result = totes(ran, "run", TOTES_WAREHOUSE=ran.source)
    assert_is_clear_error(result, "TOTES_WAREHOUSE is the source's own database")
    assert ran.ask("select to_regclass('dim_staff')", source=True) == [(None,)]


def test_lakes_that_do_not_belong_together(ran: World) -> None:
    """A processed lake, or a warehouse, of another ingestion lake is refused."""
    elsewhere = f"file://{ran.folder}/elsewhere"
    totes(ran, "ingest", TOTES_INGESTION=elsewhere)
    assert_is_clear_error(totes(ran, "process", TOTES_INGESTION=elsewhere), "belong together")
    empty = totes(ran, "load", TOTES_PROCESSED=elsewhere + "2")
    assert_is_clear_error(empty, "ends at batch 0", "TOTES_PROCESSED")
    totes(ran, "process", TOTES_INGESTION=elsewhere, TOTES_PROCESSED=elsewhere + "2")
    assert_is_clear_error(totes(ran, "load", TOTES_PROCESSED=elsewhere + "2"), "another lake")


def test_errors_as_json() -> None:
    """With --json an error is a document, too."""
    result = totes(None, "run", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "TOTES_SOURCE is not set"


def test_debug_shows_the_traceback() -> None:
    """--debug shows where an error came from."""
    assert "Traceback" in totes(None, "run", "--debug").stderr


@pytest.mark.parametrize("text", ["5x", "", "-1", "0", "inf", "s"])
def test_every_wants_a_length_of_time(text: str) -> None:
    """`--every` with what is no length of time is wrong use, exit code 2."""
    assert totes(None, "run", "--every", text).exit_code == 2


def test_wrong_use_is_exit_code_2() -> None:
    """An unknown command or option is wrong use."""
    assert totes(None, "fly").exit_code == 2
    assert totes(None, "run", "--fast").exit_code == 2


@contextmanager
def running(world: World, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`totes run --every` in a process of its own, killed at the end or if it takes too long."""
    process = subprocess.Popen(
        [sys.executable, "-m", "totes", "run", "--every", "0.1s"],
        env={**os.environ, **world.environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    too_long = Timer(60, process.kill)
    too_long.start()
    try:
        yield process
    finally:
        too_long.cancel()
        process.kill()
        process.communicate()


def read_until(lines: IO[str] | None, text: str) -> None:
    """Read what a process prints up to a line that begins so."""
    assert lines
    assert any(line.startswith(text) for line in lines), f"it ended before it said {text!r}"


@pytest.mark.slow
def test_run_every_goes_on_until_it_is_told_to_end(ran: World) -> None:
    """`totes run --every` brings later changes in by itself; SIGTERM ends it well, also in the
    middle of a run, and no temporary folder is left behind."""
    temporary = ran.folder / "temporary"
    temporary.mkdir()
    with running(ran, TMPDIR=str(temporary)) as process:
        read_until(process.stdout, "load     nothing new, at batch 1")
        with psycopg.connect(ran.source) as session:
            session.execute("update sales_order set units_sold = 4321 where sales_order_id = 14")
        read_until(process.stdout, "load     batch 2")
        with psycopg.connect(ran.source) as session:
            session.execute("lock table payment in access exclusive mode")
            wait_for(ran, "select 1 from pg_locks where not granted")
            assert list(temporary.iterdir()), "it is not in a run"
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert not list(temporary.iterdir())
    found = "select units_sold from current_sales_order where sales_order_id = 14"
    assert ran.ask(found) == [(4321,)]


def wait_for(world: World, query: str) -> None:
    """Wait until a query on the source has a row."""
    deadline = time.monotonic() + 30
    while not world.ask(query, source=True):
        assert time.monotonic() < deadline, f"no row in 30 s: {query}"

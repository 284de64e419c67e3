"""The command line: what people see, what programs read, and what an error looks like."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from tests.world import World
from totes.cli import cli
from totes.contract import shipped_model


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


def test_run_shows_what_each_stage_did(world: World) -> None:
    """`totes run` shows each stage with its tables; a second one that there was nothing new."""
    first = totes(world, "run")
    assert first.exit_code == 0, first.output
    assert "ingest   batch 1" in first.output
    assert "fact_sales_order" in first.output
    second = totes(world, "run")
    assert second.output.count("nothing new, at batch 1") == 3


def test_stages_before_one_that_fails_are_shown(world: World) -> None:
    """Where a stage fails, what the ones before it did is shown above the error."""
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    (folder / "star" / "dim_design.sql").write_text("select design_id from design")
    result = totes(world, "run", TOTES_MODEL=str(folder))
    assert_is_clear_error(result, "dim_design.sql returns design_id")
    assert "ingest   batch 1" in result.stdout
    assert "process" not in result.stdout


def test_another_data_model_writes_nothing(world: World) -> None:
    """Where TOTES_MODEL was forgotten, or names another database's model, no batch is written, and
    the error asks for the right one."""
    totes(world, "run")
    before = world.objects()
    model = world.folder / "model"
    (model / "source").mkdir(parents=True)
    contract = (shipped_model() / "source" / "staff.toml").read_text()
    (model / "source" / "members.toml").write_text(contract)
    result = totes(world, "ingest", TOTES_MODEL=str(model))
    assert_is_clear_error(result, "address, counterparty, currency and so on", "TOTES_MODEL")
    assert world.objects() == before


def test_rebuild_and_status_know_another_data_model(world: World) -> None:
    """A processed lake that was made with another model is not loaded as if it were this one's;
    status says what makes it anew."""
    totes(world, "run")
    model = world.folder / "model"
    shutil.copytree(shipped_model(), model)
    sql_file = model / "star" / "dim_staff.sql"
    sql_file.write_text(sql_file.read_text().replace("staff.first_name,", "'x' as first_name,"))
    rebuilt = totes(world, "rebuild", "--yes", TOTES_MODEL=str(model))
    assert_is_clear_error(rebuilt, "another dim_staff", "name an empty TOTES_PROCESSED")
    assert world.ask("select count(*) from dim_staff where first_name = 'x'") == [(0,)]
    status = totes(world, "status", TOTES_MODEL=str(model))
    assert "name an empty TOTES_PROCESSED" in " ".join(status.stdout.split())
    empty = {"TOTES_MODEL": str(model), "TOTES_PROCESSED": f"file://{world.folder}/anew"}
    assert totes(world, "process", **empty).exit_code == 0
    assert totes(world, "rebuild", "--yes", **empty).exit_code == 0
    assert world.ask("select distinct first_name from dim_staff") == [("x",)]


def test_load_knows_another_data_model(world: World) -> None:
    """An empty warehouse is not filled from a processed lake that was made with another model."""
    assert totes(world, "ingest").exit_code == totes(world, "process").exit_code == 0
    model = world.folder / "model"
    shutil.copytree(shipped_model(), model)
    with (model / "star" / "dim_staff.sql").open("a") as text:
        text.write("where true\n")
    result = totes(world, "load", TOTES_MODEL=str(model))
    assert_is_clear_error(result, "another dim_staff", "name an empty TOTES_PROCESSED")
    assert world.ask("select from pg_tables where schemaname in ('public', 'totes')") == []


def test_run_json_is_for_programs(world: World) -> None:
    """`--json` prints one document, a report per stage, and nothing else."""
    reports = json.loads(totes(world, "run", "--json").output)
    assert [report["stage"] for report in reports] == ["ingest", "process", "load"]
    assert reports[0]["tables"]["sales_order"]["inserted"] == 4
    assert reports[2]["batches"] == [1]


def test_stages_alone(world: World) -> None:
    """`totes ingest`, `process` and `load` do what `totes run` does at once."""
    for stage in ("ingest", "process", "load"):
        result = totes(world, stage, "--json")
        assert result.exit_code == 0
        assert json.loads(result.output)[0]["batches"] == [1]
    assert world.ask("select count(*) from fact_payment") == [(6,)]


def test_status_says_what_is_there_and_how_fresh(world: World) -> None:
    """`totes status` tells rows per table and stage, quarantine, and how fresh the warehouse is."""
    empty = totes(world, "status")
    assert empty.exit_code == 0
    assert empty.output.count("nothing there yet") == 3
    world.change("update sales_order set design_id = 99 where sales_order_id = 14")
    totes(world, "run")
    shown = totes(world, "status")
    assert shown.exit_code == 0
    assert "fact_sales_order: 1" in shown.output
    document = json.loads(totes(world, "status", "--json").output)
    assert document["ingestion"]["rows"]["sales_order"] == 4
    assert document["warehouse"]["rows"]["fact_sales_order"] == 3
    assert document["quarantine"] == {"fact_sales_order": 1}
    assert 0 <= document["freshness"] < 60


def test_freshness_moves_with_a_run_that_finds_nothing(world: World) -> None:
    """A run that finds no change makes the warehouse known to be true of a later moment."""
    totes(world, "run")
    before = world.ask("select true_at from totes.state")
    totes(world, "run")
    assert world.ask("select true_at from totes.state") > before


def test_freshness_stands_still_while_a_table_is_stopped(world: World) -> None:
    """While a table is stopped the warehouse is not true of the source, whatever else arrives."""
    totes(world, "run")
    before = world.ask("select true_at from totes.state")
    world.change("alter table design rename column file_name to filename")
    for number in range(2):
        world.change(f"update payment set payment_amount = {number + 1} where payment_id = 8")
        totes(world, "run")
    assert world.ask("select max(batch) from totes.ledger") == [(3,)]
    assert world.ask("select true_at from totes.state") == before
    world.change("alter table design rename column filename to file_name")
    mended = totes(world, "run")
    assert mended.exit_code == 0, mended.output
    assert world.ask("select true_at from totes.state") > before


def test_status_of_what_is_away(world: World) -> None:
    """A stage that cannot be asked says so in its place, and the exit code is 1."""
    totes(world, "run")
    shown = totes(world, "status", TOTES_WAREHOUSE="postgresql://u:hunter2@127.0.0.1:1/x")
    assert shown.exit_code == 1
    assert "ingestion lake: at batch 1" in shown.output
    assert "cannot connect to TOTES_WAREHOUSE" in shown.output
    assert "hunter2" not in shown.output


def test_verify_reconciles(world: World) -> None:
    """`totes verify` compares source, lakes and warehouse; what is pending is no difference."""
    totes(world, "run")
    world.change("delete from payment where payment_id = 8")
    before = world.objects()
    result = totes(world, "verify")
    assert result.exit_code == 0, result.output
    assert "1 change not yet ingested" in result.output
    assert world.objects() == before
    document = json.loads(totes(world, "verify", "--json").output)
    assert document["well"]
    assert len(document["comparisons"]) == 11 + (11 + 1) + 11


def test_verify_names_damage(world: World) -> None:
    """`totes verify` names an object whose content changed, and exits with 1."""
    totes(world, "run")
    (path,) = world.folder.glob("ingestion/payment/*/*.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    result = totes(world, "verify")
    assert result.exit_code == 1
    assert path.name in result.output


def test_verify_finds_a_row_that_the_warehouse_lost(world: World) -> None:
    """A row that somebody deleted from the warehouse is a difference, and the exit code 1."""
    totes(world, "run")
    world.change("delete from fact_payment where payment_id = 8", warehouse=True)
    result = totes(world, "verify")
    assert result.exit_code == 1
    assert "DIFFERS" in result.output


def test_verify_of_a_lake_that_is_not_there(world: World) -> None:
    """An ingestion lake that is empty beside a full processed one is damage, and said as such."""
    totes(world, "run")
    elsewhere = f"file://{world.folder}/elsewhere"
    result = totes(world, "verify", TOTES_INGESTION=elsewhere)
    assert result.exit_code == 1
    assert "processed batch 1 was not made from ingestion batch 1" in result.output


def test_rebuild_wants_a_yes(world: World) -> None:
    """`totes rebuild` without --yes is wrong use, exit code 2; with it the warehouse is anew."""
    totes(world, "run")
    assert totes(world, "rebuild").exit_code == 2
    world.change("delete from fact_payment", warehouse=True)
    assert totes(world, "rebuild", "--yes").exit_code == 0
    assert world.ask("select count(*) from fact_payment") == [(6,)]
    assert_is_clear_error(totes(world, "rebuild", "--yes", "--as-of", "7"), "no batch 7")


def test_contract_that_gains_a_column_catches_it_up(world: World) -> None:
    """A column that is added to a source contract is archived for every row, old ones included."""
    import duckdb

    totes(world, "run")
    folder = world.folder / "model"
    shutil.copytree(shipped_model(), folder)
    contract = folder / "source" / "design.toml"
    contract.write_text(
        contract.read_text() + 'colour = { type = "varchar", null = true, meaning = "colour" }\n'
    )
    world.change("alter table design add colour varchar", "update design set colour = 'red'")
    result = totes(world, "run", TOTES_MODEL=str(folder))
    assert result.exit_code == 0, result.output
    (path,) = world.folder.glob("ingestion/design/000000002/*.parquet")
    assert duckdb.execute(f"select distinct colour from '{path}'").fetchall() == [("red",)]
    assert totes(world, "verify", TOTES_MODEL=str(folder)).exit_code == 0


def test_grants_outlive_a_rebuild(world: World) -> None:
    """A rebuild leaves the tables where they are: what analysts were granted stays granted."""
    totes(world, "run")
    world.change("grant select on fact_payment to public", warehouse=True)
    totes(world, "rebuild", "--yes")
    assert world.ask(
        "select count(*) from information_schema.role_table_grants "
        "where grantee = 'PUBLIC' and table_name = 'fact_payment'"
    ) == [(1,)]


@pytest.mark.parametrize("name", ["SOURCE", "WAREHOUSE", "INGESTION", "PROCESSED"])
def test_missing_setting_is_named_before_anything_begins(world: World, name: str) -> None:
    """A setting that is missing is named, with how to set it, and nothing is written."""
    result = totes(world, "run", **{f"TOTES_{name}": None})
    assert_is_clear_error(result, f"TOTES_{name} is not set", f"export TOTES_{name}=")
    assert world.objects() == {}


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("hunter2 is not a dsn", ["TOTES_SOURCE is not a connection string"]),
        ("postgresql://u:hunter2@127.0.0.1:1/x", ["cannot connect", "127.0.0.1:1", "refused"]),
        ("postgresql://u:hunter2@nowhere.invalid/x", ["cannot connect", "nowhere.invalid"]),
    ],
)
def test_wrong_source_is_named_and_its_password_is_not(
    world: World, dsn: str, words: list[str]
) -> None:
    """A DSN that is none, a server that is down, a host that is none: a line, without password."""
    result = totes(world, "run", TOTES_SOURCE=dsn)
    assert_is_clear_error(result, *words)
    assert "hunter2" not in result.output
    assert world.objects() == {}


def test_wrong_warehouse_is_said_before_anything_is_written(world: World) -> None:
    """A warehouse's login that is wrong is said at once, and nothing is written."""
    wrong = psycopg.conninfo.make_conninfo(world.warehouse, password="hunter2")
    assert_is_clear_error(totes(world, "run", TOTES_WAREHOUSE=wrong), "password authentication")
    assert world.objects() == {}


def test_source_is_archived_while_the_warehouse_is_away(world: World) -> None:
    """A warehouse that is down is an error, but what the source says now is not lost."""
    away = "postgresql://u@127.0.0.1:1/x"
    assert_is_clear_error(totes(world, "run", TOTES_WAREHOUSE=away), "TOTES_WAREHOUSE", "refused")
    world.change("update sales_order set units_sold = 4321 where sales_order_id = 14")
    totes(world, "run")
    found = world.ask(
        "select units_sold from fact_sales_order where sales_order_id = 14 order by 1"
    )
    assert found == [(4321,), (42972,)]


def test_progress_is_drawn_on_a_terminal(world: World) -> None:
    """On a terminal the stages draw their progress while they run, and leave no trace of it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "totes", "run"],
        env={**os.environ, **world.environment, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):  # what a terminal says when nobody writes any more
        while part := os.read(ours, 1 << 16):
            drawn += part
    output, _ = process.communicate(timeout=30)
    os.close(ours)
    assert process.returncode == 0
    assert "\x1b" not in output
    for stage in (b"ingest", b"process", b"load"):
        assert stage in drawn


def test_wrong_password_and_database(world: World) -> None:
    """A password or a database that the server refuses is a configuration to be mended."""
    wrong = psycopg.conninfo.make_conninfo(world.source, password="hunter2")
    result = totes(world, "run", TOTES_SOURCE=wrong)
    assert_is_clear_error(result, "password authentication failed", "TOTES_SOURCE")
    assert "hunter2" not in result.output
    wrong = psycopg.conninfo.make_conninfo(world.source, dbname="nothing")
    assert_is_clear_error(totes(world, "run", TOTES_SOURCE=wrong), '"nothing" does not exist')


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("drop table payment_type", ["payment_type", "no table public.payment_type"]),
        ("alter table staff drop column email_address", ["staff", "email_address is missing"]),
        (
            "alter table staff alter department_id type text",
            ["staff", "department_id is text, and should be integer"],
        ),
        (
            "alter table staff rename to s; create view staff as select * from s",
            ["staff", "is not a table"],
        ),
    ],
)
def test_first_run_on_what_does_not_fit_writes_nothing(
    world: World, statement: str, words: list[str]
) -> None:
    """A table or column that is missing before the first batch: named, and nothing is written."""
    world.change(statement)
    assert_is_clear_error(totes(world, "run"), *words)
    assert world.objects() == {}
    assert world.ask("select to_regnamespace('totes')") == [(None,)]


def test_later_a_table_that_does_not_fit_stops_alone_and_catches_up(world: World) -> None:
    """Once there are batches, a table that breaks its contract stops alone: the others arrive, the
    exit code is 1; once mended it is caught up, deletions included."""
    totes(world, "run")
    world.change(
        "alter table design rename column file_name to filename",
        "insert into design select 900, design_name, filename, file_location, now(), now() "
        "from design where design_id = 8",
        "delete from design where design_id = 472",
        "update payment set paid = true where payment_id = 8",
    )
    result = totes(world, "run")
    assert result.exit_code == 1
    assert "stopped: design: column file_name is missing" in result.output
    assert world.ask("select paid from current_payment where payment_id = 8") == [(True,)]
    assert totes(world, "status").exit_code == 1
    before = world.objects()
    assert totes(world, "run").exit_code == 1
    assert world.objects() == before
    world.change("alter table design rename column filename to file_name")
    assert totes(world, "run").exit_code == 0
    assert totes(world, "status").exit_code == 0
    assert world.ask("select design_id from dim_design order by 1") == [(8,), (472,), (900,)]
    assert totes(world, "verify").exit_code == 0


def test_login_without_select_is_told_what_to_grant(world: World) -> None:
    """A login that may not read a table: the table is named, and what to grant."""
    with psycopg.connect(world.source, autocommit=True) as connection:
        name = f"blind_{connection.info.dbname}"
        role = sql.Identifier(name)
        connection.execute(sql.SQL("create role {} login password 'r'").format(role))
        try:
            dsn = psycopg.conninfo.make_conninfo(world.source, user=name, password="r")
            result = totes(world, "run", TOTES_SOURCE=dsn)
        finally:
            connection.execute(sql.SQL("drop role {}").format(role))
    assert_is_clear_error(result, "may not read it", "grant select on public.")


@pytest.mark.parametrize("name", ["INGESTION", "PROCESSED"])
def test_lake_that_cannot_be_written(world: World, name: str) -> None:
    """A lake folder that cannot be written is named with its setting."""
    (world.folder / "file").write_text("no folder")
    url = f"file://{world.folder}/file/lake"
    result = totes(world, "run", **{f"TOTES_{name}": url})
    assert_is_clear_error(result, f"TOTES_{name}", url)
    assert not any(key.startswith("processed/manifests") for key in world.objects())


def test_warehouse_that_is_not_empty_is_left_alone(world: World) -> None:
    """A database that holds a table of ours by name, but not by us, is not touched."""
    world.change("create table dim_staff (x int)", warehouse=True)
    assert_is_clear_error(totes(world, "run"), "not empty", "dim_staff", "TOTES_WAREHOUSE")
    assert world.ask("select to_regnamespace('totes')") == [(None,)]


def test_source_is_never_the_warehouse(world: World) -> None:
    """A warehouse setting that names the source's own database is refused, and nothing is made."""
    result = totes(world, "run", TOTES_WAREHOUSE=world.source)
    assert_is_clear_error(result, "TOTES_WAREHOUSE is the source's own database")
    assert world.ask("select to_regclass('dim_staff')", source=True) == [(None,)]


def test_lakes_that_do_not_belong_together(world: World, databases: tuple[str, str]) -> None:
    """A processed lake, or a warehouse, of another ingestion lake is refused."""
    totes(world, "run")
    elsewhere = f"file://{world.folder}/elsewhere"
    totes(world, "ingest", TOTES_INGESTION=elsewhere)
    assert_is_clear_error(totes(world, "process", TOTES_INGESTION=elsewhere), "belong together")
    empty = totes(world, "load", TOTES_PROCESSED=elsewhere + "2")
    assert_is_clear_error(empty, "ends at batch 0", "TOTES_PROCESSED")
    totes(world, "process", TOTES_INGESTION=elsewhere, TOTES_PROCESSED=elsewhere + "2")
    assert_is_clear_error(totes(world, "load", TOTES_PROCESSED=elsewhere + "2"), "another lake")


def test_errors_as_json(world: World) -> None:
    """With --json an error is a document, too."""
    result = totes(world, "run", "--json", TOTES_SOURCE=None)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "TOTES_SOURCE is not set"


def test_debug_shows_the_traceback(world: World) -> None:
    """--debug shows where an error came from."""
    assert "Traceback" in totes(world, "run", "--debug", TOTES_SOURCE=None).stderr


@pytest.mark.parametrize("text", ["5x", "", "-1", "0", "inf", "s"])
def test_every_wants_a_length_of_time(text: str) -> None:
    """`--every` with what is no length of time is wrong use, exit code 2."""
    assert totes(None, "run", "--every", text).exit_code == 2


def test_wrong_use_is_exit_code_2() -> None:
    """An unknown command or option is wrong use."""
    assert totes(None, "fly").exit_code == 2
    assert totes(None, "run", "--fast").exit_code == 2


def start(world: World, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **world.environment, **variables}
    command = [sys.executable, "-m", "totes", *arguments]
    pipe: Any = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def test_run_every_goes_on_until_ctrl_c(world: World) -> None:
    """`totes run --every` brings later changes in by itself, and Ctrl-C ends it well."""
    process = start(world, "run", "--every", "0.2s")
    try:
        wait_for(world, "select 1 from current_sales_order where sales_order_id = 14")
        world.change("update sales_order set units_sold = 4321 where sales_order_id = 14")
        wait_for(world, "select 1 from current_sales_order where units_sold = 4321")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_being_told_to_end_tidies_up(world: World) -> None:
    """SIGTERM is as good as Ctrl-C: no temporary folder is left behind."""
    process = start(world, "run", "--every", "0.1s", TMPDIR=str(world.folder))
    try:
        wait_for(world, "select 1 from current_sales_order")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert not list(world.folder.glob("totes-*"))


def wait_for(world: World, query: str) -> None:
    """Wait until a query on the warehouse has a row."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if world.ask(query):
                return
        except psycopg.errors.UndefinedTable:
            pass
        time.sleep(0.1)
    raise AssertionError(f"no row in 30 s: {query}")
